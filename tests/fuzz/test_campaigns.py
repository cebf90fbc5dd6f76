"""Trust: models and mutants follow from their seeds, a known fault is killed, and the page says what ran."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.trust.campaign import run_model, table
from benchmarks.trust.fuzz.case import Case, fault_of
from benchmarks.trust.models import edge_inputs, random_model
from benchmarks.trust.mutants import SAME, Mutant, judge, make_designs, make_mutant
from benchmarks.trust.page import page
from qssmc.data import InputFormat


def test_a_model_follows_from_its_seed() -> None:
    assert random_model(5).facts == random_model(5).facts
    assert random_model(5).facts != random_model(6).facts


def test_inputs_reach_both_ends() -> None:
    found = edge_inputs(InputFormat(12, 4, True), 2, 24, 0)
    assert found.shape == (16, 24, 2)
    assert (found.min(), found.max()) == (-2048, 2047)


def test_a_model_runs_through_its_targets_without_a_difference() -> None:
    record = run_model(1)
    assert record is not None
    assert record["faults"] == []
    assert set(record["ran"]) == {"c", "onnx"}
    assert record["ran"]["c"]["values"] == record["ran"]["onnx"]["values"] > 0
    assert "| c | 1 | 16 |" in table([record])


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mutants") / "mutants"
    make_designs(root, None)
    return root / "kit"


def test_a_mutant_follows_from_its_seed(kit: Path) -> None:
    first, second = (make_mutant(kit, {"glu": ("c", "onnx")}, Random("1 2")) for _ in range(2))
    assert first.facts == second.facts
    assert first.before != first.after


def test_a_wrong_index_is_killed_by_a_value_and_another_comment_by_the_text(kit: Path) -> None:
    source = (kit / "step/c/step.c").read_text()
    wrong = source.replace("int i = 0; i < 4; i++", "int i = 1; i < 4; i++", 1)
    assert wrong != source
    trace = (kit / "step/c/trace/step_trace.c").read_text()
    files = {"step/c/step.c": wrong, "step/c/trace/step_trace.c": trace.replace("i = 0; i < 4", "i = 1; i < 4", 1)}
    mutant = Mutant("step", "c", "c/step.c", "index", "i = 0", "i = 1", {k: v.encode() for k, v in files.items()})
    assert judge(mutant, kit)["verdict"] == "killed by a value"
    kernels = (kit / "step/c/qssm_kernels.h").read_text()
    same = {"step/c/qssm_kernels.h": kernels.replace("/*", "/* ", 1).encode()}
    judged = judge(Mutant("step", "c", "c/qssm_kernels.h", "none", "", " ", same), kit)
    assert (judged["verdict"], judged["beyond"]) == ("killed by the text", SAME)
    assert "qssm_kernels.h was edited: line 1 is '/*  Kernels" in judged["said"]


def test_ends_are_judged() -> None:
    assert fault_of(2, "qssmc: error: x is not y\n") is None
    assert fault_of(5, "qssmc: error: unexpected KeyError\n") == "exit 5"
    assert fault_of(2, "") == "no message"
    assert fault_of(1, "Traceback (most recent call last):\n") == "traceback"
    assert fault_of(2, "qssmc: error: " + "x " * 5000) == "message too long"


def test_a_case_survives_its_file() -> None:
    case = Case("ir", ("inspect", "x.ir"), {"x.ir": b"\0\xff", "gone": None}, ("design",))
    assert Case.from_json(case.to_json()) == case


def test_the_page_says_what_did_not_run(tmp_path: Path) -> None:
    assert page(tmp_path).count("Not run.") == 3
    record = run_model(1)
    (tmp_path / "campaign.jsonl").write_text(json.dumps(record) + "\n")
    assert page(tmp_path).count("Not run.") == 2
    assert np.isfinite(record["seconds"] if record else np.nan)
