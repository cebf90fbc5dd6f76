"""The emitted C where pointers have 32 bits: run where it can be, and said where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from qssmc.verification import narrow
from qssmc.verification.narrow import Narrow, narrow_of


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    narrow._found.cache_clear()


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_no_32_bit_build_is_said_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    cc = script(tmp_path / "cc", "echo '/usr/bin/ld: cannot find crti.o' >&2; exit 1")
    found, why = narrow_of(cc)
    assert found is None
    assert why == (
        f"no 32-bit build: {cc} -m32 does not work (cannot find crti.o) and there is no arm-linux-gnueabihf-gcc with "
        "qemu-arm; to have it run, install gcc-multilib, or gcc-arm-linux-gnueabihf and qemu-user"
    )


def test_a_program_that_runs_with_wide_pointers_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    cc = script(
        tmp_path / "cc",
        "shift_out() { while [ $1 != -o ]; do shift; done; printf '#!/bin/sh\\nexit 1\\n' > $2; "
        'chmod +x $2; }\nshift_out "$@"',
    )
    found, why = narrow_of(cc)
    assert found is None
    assert "does not work (exit status 1)" in why


def test_a_compiler_that_works_is_named_with_its_flags() -> None:
    assert (
        str(Narrow(("gcc", "-m32", "-std=c99", "-O2", "-DQSSM_PACKED_TABLES")))
        == "gcc -m32 -O2, 32 bits, packed tables"
    )
    arm = Narrow(("arm-linux-gnueabihf-gcc", "-static", "-O2"), ("qemu-arm",))
    assert str(arm) == "arm-linux-gnueabihf-gcc -static -O2 under qemu-arm, 32 bits, packed tables"
