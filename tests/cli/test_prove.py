"""`qssmc prove`: a compiled model is proven; what is altered or cannot be read ends with its exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qssmc.cli import main
from support.tiny import tiny_model


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prove")
    assert main(["-q", "compile", str(tiny_model(folder)), "-o", str(folder / "out"), "--target", "c"]) == 0
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def source(design: Path) -> Path:
    return next(path for path in (design / "c").glob("*.c") if path.name not in ("main.c", "harness.c"))


def test_a_tiny_model_is_proven(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "prove", str(compiled), "--require-all"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]
    assert told["proven"] == len(told["blocks"]) > 8


def test_a_refuted_block_is_told_with_its_counterexample(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = source(design).read_text()
    assert "+ 40503" in text
    source(design).write_text(text.replace("+ 40503", "+ 40505"))
    assert main(["prove", str(design)]) == 1
    assert "%phase_n[0] for %phase[0] = 65535: the C gives 40504, golden 40502" in capsys.readouterr().err


def test_altered_c_that_is_still_right_is_told(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = source(design).read_text()
    source(design).write_text(text.replace("+ 40503)", "+ (40503 | (phase_i * 0)))"))
    assert main(["prove", str(design)]) == 1
    assert "all blocks are proven, but" in capsys.readouterr().err


def test_an_unproven_block_is_listed(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = source(design).read_text()
    source(design).write_text(text.replace("+ 40503)", "+ (40503 ^ (phase_i & 1) ^ (phase_i & 1)))"))
    assert main(["prove", str(design)]) == 0
    told = capsys.readouterr()
    assert "is unproven: the proof cannot follow | or ^ of data" in told.out
    assert main(["prove", str(design), "--require-all"]) == 1


def test_an_altered_certificate_is_no_ground_for_a_proof(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = design / "report/certificate.json"
    path.write_text(path.read_text().replace('"low": 0', '"low": -1'))
    assert main(["prove", str(design)]) == 1
    assert "certificate.json is not what was compiled" in capsys.readouterr().err


def test_a_missing_clang_is_told(
    compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["prove", str(compiled)]) == 4
    assert "apt-get install clang" in capsys.readouterr().err


def test_a_folder_without_c_is_refused(design: Path) -> None:
    path = design / "manifest.json"
    path.write_text(path.read_text().replace('"c"', '"onnx"'))
    assert main(["prove", str(design)]) == 2
