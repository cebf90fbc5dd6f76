"""Inputs that once ended in exit 5, a traceback or without a usable message: each must end in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.trust.fuzz.case import Case, fault_of
from benchmarks.trust.fuzz.kit import make_kit
from benchmarks.trust.fuzz.runner import placed, run_here

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(CORPUS.glob("*.json"))


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_kit(tmp_path_factory.mktemp("corpus") / "kit", ("design", "arrays", "core"))


def test_the_corpus_has_cases_of_many_readers() -> None:
    readers = {Case.from_json(path.read_text()).reader for path in CASES}
    assert {"checkpoint", "safetensors", "onnx", "yaml", "folder", "weight map", "arguments"} <= readers


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_of_the_corpus_ends_well(path: Path, kit: Path, capfd: pytest.CaptureFixture[str]) -> None:
    case = Case.from_json(path.read_text())
    with placed(case, kit):
        code = run_here(case)
    assert fault_of(code, capfd.readouterr().err) is None
