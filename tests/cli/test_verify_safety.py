"""`qssmc verify` of folders that would deceive or hang it: hashes come first, and what is foreign runs apart."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qssmc.cli import main
from support.tiny import tiny_model


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("safety")
    model = str(tiny_model(folder))
    out = str(folder / "out")
    assert main(["-q", "compile", model, "-o", out, "--prune-loss", "0", "--target", "c,hls,verilog,onnx"]) == 0
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def verified(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """The exit code, and what was said on both streams."""
    capsys.readouterr()
    code = main(["verify", str(folder), *options])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out + said.err


def hashed_anew(folder: Path, *names: str) -> None:
    """Let the manifest agree with changed files, as somebody would who means to deceive."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in names:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


def test_what_ran_is_told_by_target(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--json", "verify", str(compiled)]) == 0
    told = json.loads(capsys.readouterr().out)
    runs = {run["target"]: run for run in told["ran"]}
    assert list(runs) == ["c", "hls", "verilog", "onnx"]
    assert runs["c"]["sequences"] == 12 + told["made"]
    assert (runs["verilog"]["sequences"], runs["verilog"]["traced"]) == (3, 3)  # Icarus is slow, and it is said
    assert any("packed tables" in variant for variant in runs["c"]["variants"])
    assert sum(run["values"] for run in runs.values()) == told["values"]
    assert told["tables"].keys() == runs.keys()
    edges, entries = told["coverage"]["clamp_edges"], told["coverage"]["table_entries"]
    for of in (edges, entries):
        assert of["all"] == of["reached"] + of["proven_unreachable"] + of["not_reached"]
    assert len(told["coverage"]["not_reached"]) == edges["not_reached"] + entries["not_reached"]


@pytest.mark.parametrize("anew", [False, True])
def test_a_constructor_cannot_answer_for_verify(anew: bool, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = design / "c" / "tiny.c"
    path.write_text(
        path.read_text()
        + """
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void answer(void)
{
    puts("verified");
    fflush(stdout);
    _Exit(0);
}
"""
    )
    if anew:
        hashed_anew(design, "c/tiny.c")
    code, said = verified(design, capsys, "--target", "c")
    assert code == 1
    assert "crashes (exit status 0)" in said
    assert "verified" not in said


def test_an_endless_loop_ends(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = design / "c" / "tiny.c"
    at = re.search(r"void tiny_last\([^)]*\)\n\{\n", path.read_text())
    assert at
    text = path.read_text()
    path.write_text(text[: at.end()] + "    for (volatile int i = 0;; i = 0) {\n    }\n" + text[at.end() :])
    code, said = verified(design, capsys, "--target", "c", "--time-limit", "3")
    assert code == 1
    assert "does not end within 3 s and was stopped" in said


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("exec sleep 100", 4, "the C compiler"),
        ("sleep 100 & wait", 4, "does not end within 3 s"),
        ("printf 'error: \\377\\376 no\\n' >&2; exit 1", 4, "cannot compile"),
    ],
)
def test_compilers_that_sleep_or_stammer(
    script: str, code: int, reason: str, compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cc = tmp_path / "cc"
    cc.write_text(f"#!/bin/sh\n{script}\n")
    cc.chmod(0o700)
    found, said = verified(compiled, capsys, "--target", "c", "--cc", str(cc), "--time-limit", "3")
    assert found == code
    assert reason in said


def test_line_ends_are_named(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (*(design / "c").glob("*.[ch]"), *(design / "report").glob("*.json")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    code, said = verified(design, capsys)
    assert code == 2
    assert "CRLF" in said
    assert "core.autocrlf" in said


def change_number(path: Path, pattern: str) -> None:
    """Add one to the first number behind a pattern, or take one."""
    text = path.read_text()
    at = re.search(pattern + r"[^;]*?= \{\s*(-?\d+)", text)
    assert at
    path.write_text(text[: at.start(1)] + str(int(at[1]) - 1) + text[at.end(1) :])


def test_packed_tables_alone_are_compared(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine with wide registers runs the packed tables too, as every microcontroller does."""
    path = design / "c" / "tiny_tables.h"
    text = path.read_text()
    at = re.search(
        r"static const QSSM_TABLE\(\w+, \w+\) \w*(?:lambda_bar_re|less_one|shift)\w*\[\d+\] = \{\s*(-?\d+)", text
    )
    assert at
    changed = f"QSSM_TABLE({int(at[1]) + 1}, {at[1]})"
    path.write_text(text[: at.start(1)] + changed + text[at.end(1) :])
    code, said = verified(design, capsys, "--target", "c")
    assert code == 1
    assert "packed tables" in said or "diverge first" in said


def broken_onnx(path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        numbers = onnx.numpy_helper.to_array(tensor)
        if numbers.dtype == np.int64 and numbers.size > 8:
            changed = onnx.numpy_helper.from_array(np.concatenate([numbers.ravel()[:-1], [7]]).reshape(numbers.shape))
            changed.name = tensor.name
            tensor.CopyFrom(changed)
            break
    onnx.save(model, path)


def broken_mem(path: Path) -> None:
    words = path.read_text().split("\n")
    words[0] = "0" if int(words[0], 16) else "1"
    path.write_text("\n".join(words))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("c/tiny_tables.h", lambda path: change_number(path, "encoder_bias")),
        ("hls/tiny_tables.h", lambda path: change_number(path, r"static const")),
        ("verilog/mem/encoder_biases.mem", broken_mem),
        ("onnx/step.onnx", broken_onnx),
    ],
)
def test_emitted_tables_are_those_of_the_golden_ir(
    name: str,
    change: Callable[[Path], None],
    design: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where no run showed it: here none runs, and the manifest agrees with what was changed."""
    from dataclasses import replace

    from qssmc.targets.registry import BACKENDS
    from qssmc.verification.target_check import Compared

    change(design / name)
    hashed_anew(design, name)
    target = name.split("/", maxsplit=1)[0]
    check = replace(BACKENDS[target].check, run=lambda design, tools: Compared(0, "nothing"), begin=None)
    monkeypatch.setitem(BACKENDS, target, replace(BACKENDS[target], check=check))
    code, said = verified(design, capsys, "--target", target)
    assert code == 1
    assert name in said
    assert "but the golden IR gives" in said
