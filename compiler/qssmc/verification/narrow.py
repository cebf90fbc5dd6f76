"""Narrow: the emitted C where int, long and pointers have 32 bits, as on a microcontroller, replayed against golden.

The program is the emitted main.c. A 64-bit host has no such build of its own: it takes libraries for -m32, or a cross
compiler and an emulator. Where neither is there, that is said; nothing stands in for it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from qssmc.backends.c import vector_texts
from qssmc.errors import ToolError, VerificationError
from qssmc.verification.comparison import Values
from qssmc.verification.sandbox import Apart, Building
from qssmc.verification.target_check import Driven, RecordedDesign
from qssmc.verification.variants import PACKED

_FLAGS = ("-std=c99", "-O2", PACKED)
_CROSS, _EMULATOR = "arm-linux-gnueabihf-gcc", "qemu-arm"
_PROBE = '#include <stdint.h>\n#include <stdio.h>\nint main(void) { return puts("") < 0 || sizeof(void *) != 4; }\n'
_SECONDS = 20  # for the probe
_RECORDED = 16  # sequences, beside all that were made


@dataclass(frozen=True)
class Narrow:
    """compiler: its command with flags; runs: what a program of it is started with."""

    compiler: tuple[str, ...]
    runs: tuple[str, ...] = ()

    def __str__(self) -> str:
        under = f" under {self.runs[0]}" if self.runs else ""
        words = [word for word in self.compiler if word not in (_FLAGS[0], PACKED)]
        return f"{' '.join(words)}{under}, 32 bits, packed tables"


def narrow_of(cc: str) -> tuple[Narrow | None, str]:
    """How 32-bit programs are built and run here; None, and why not."""
    return _found(cc, os.environ.get("PATH", ""))


@cache
def _found(cc: str, path: str) -> tuple[Narrow | None, str]:
    """By the compiler and by what is on PATH."""
    try:
        words = tuple(shlex.split(cc))
    except ValueError:
        words = ()
    tried = []
    for found in (
        Narrow((*words, "-m32", *_FLAGS)) if words else None,
        Narrow((_CROSS, "-static", *_FLAGS), (_EMULATOR,))
        if shutil.which(_CROSS, path=path) and shutil.which(_EMULATOR, path=path)
        else None,
    ):
        if found is not None:
            reason = _works(found)
            if not reason:
                return found, ""
            tried.append(f"{' '.join(w for w in found.compiler if w not in _FLAGS)} does not work ({reason})")
    if len(tried) < 2:
        tried.append(f"there is no {_CROSS} with {_EMULATOR}")
    return None, (
        f"no 32-bit build: {' and '.join(tried)}; to have it run, install gcc-multilib, or gcc-arm-linux-gnueabihf and "
        "qemu-user"
    )


def _works(narrow: Narrow) -> str:
    """Nothing, or why a small program is not built or does not run."""
    with tempfile.TemporaryDirectory(prefix="qssmc-") as scratch:
        source, program = Path(scratch) / "probe.c", Path(scratch) / "probe"
        source.write_text(_PROBE)
        for command in ((*narrow.compiler, "-o", str(program), str(source)), (*narrow.runs, str(program))):
            try:
                ended = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS, errors="replace")
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"{type(error).__name__}"
            if ended.returncode:
                lines = [line for line in ended.stderr.splitlines() if "cannot" in line or "error" in line]
                return lines[0].removeprefix("/usr/bin/ld: ") if lines else f"exit status {ended.returncode}"
    return ""


def check_narrow(design: RecordedDesign, source: Path, names: Sequence[str], narrow: Narrow) -> tuple[int, int]:
    """Replay what was made and some of what was recorded; the values and the sequences compared.

    Raises VerificationError with the first output that differs, as the program says it.
    """
    parts = [part for part in (design.recorded.first(_RECORDED), design.made) if len(part.samples)]

    def work(building: Building) -> Iterator[Values]:
        with tempfile.TemporaryDirectory(prefix="qssmc-") as scratch:
            program = str(Path(scratch) / "replay")
            building(f"the C compiler {narrow.compiler[0]} for 32 bits")
            sources = [str(source / name) for name in names]
            built = _run((*narrow.compiler, "-o", program, *sources))
            if built.returncode:
                lines = built.stderr.splitlines() or ["it gives no reason"]
                raise ToolError(f"{narrow.compiler[0]} cannot compile {source}/main.c for 32 bits: {lines[0]}")
            building("")
            for part in parts:
                yield {"replayed": np.array([_replayed(narrow, program, Path(scratch), part, design)], np.int64)}

    with Apart(work, f"the emitted C in {source}, built for 32 bits,", design.limits) as apart:
        values = sum(int(got["replayed"][0]) for got in apart)
    return values, sum(len(part.samples) for part in parts)


def _replayed(narrow: Narrow, program: str, scratch: Path, part: Driven, design: RecordedDesign) -> int:
    paths = []
    for path, text in vector_texts(design.graph, part.samples, dict(part.expected)).items():
        paths.append(str(scratch / Path(path).name))
        Path(paths[-1]).write_text(text)
    ended = _run((*narrow.runs, program, *paths))
    if ended.returncode:
        said = (ended.stdout + ended.stderr).strip().splitlines()
        raise VerificationError(
            f"the emitted C, built for 32 bits ({narrow}), is not golden: {said[-1] if said else ended.returncode}"
        )
    return sum(values.size for values in part.expected.values())


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, check=False, text=True, errors="replace")
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be started ({error.strerror})") from error
