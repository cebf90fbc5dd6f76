"""Whole cores around arrays: laid models against the golden model, with and without pauses, and with faults.

Every converter's codes are outputs too, so that each read of each step is compared, whatever the model makes of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cores import replay as replay_core
from cores import write
from module_bench import SEED
from qssmc.analysis.array_layout import converter_of
from qssmc.crossbar import CrossbarOptions
from qssmc.errors import VerificationError
from qssmc.ir import Graph
from qssmc.ir.graph import Output
from qssmc_sim.emitted_verilog import EmittedVerilog
from support.arrays import Laid, laid
from test_faults import mutate
from test_lint import lint, said

PAUSES = ({}, {"idle": 90, "stall": 90})
STEPS = 5
FOUR_LANES = {"encoding": "four-lane", "adc_bits": 5, "dac_bits": 6, "size": (32, 32)}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "four lanes": ("empty head, per step", FOUR_LANES),
    "several reads": ("empty head, per step", {"reads": 4}),
    "ideal": ("poles as they are", {"adc_bits": None}),
    "look-ahead": ("poles as they are", {"form": "lookahead", "adc_bits": 4}),
    "dithered": ("dithered, two thin layers", {"adc_bits": 6}),
}


def watched(found: Laid) -> Graph:
    """The graph of the arrays with the codes of every step as outputs."""
    graph = found.stages["convert"]
    codes = [Output(op.name, op.name, "step") for op in graph.step_ops if converter_of(graph, op) is not None]
    return replace(graph, outputs=(*graph.outputs, *codes))


def emitted_core(found: Laid, folder: Path) -> Path:
    return write(watched(found), folder, crossbar=found.crossbar)


def compare(found: Laid, folder: Path) -> None:
    graph, samples = watched(found), found.samples[:2, :STEPS]
    with EmittedVerilog(folder) as emitted:
        for at, pauses in enumerate(PAUSES):
            replay_core(graph, emitted, samples, seed=SEED + at, **pauses)


@pytest.mark.parametrize("case", CASES)
def test_core_is_golden(tmp_path: Path, case: str) -> None:
    shape, options = CASES[case]
    found = laid(shape, CrossbarOptions(**options))
    folder = emitted_core(found, tmp_path)
    top = (folder / f"{found.stages['convert'].name}_top.v").read_text()
    for array in found.crossbar.arrays:
        assert f" {array.name}_block (" in top
    for op in found.crossbar.ops:
        assert f" {op}_cell (" in top
    compare(found, folder)


@pytest.mark.tool("verilator")
@pytest.mark.tool("yosys")
def test_lint(tmp_path: Path) -> None:
    found = laid("poles as they are", CrossbarOptions(reads=2))
    folder = emitted_core(found, tmp_path)
    top = f"{found.stages['convert'].name}_top"
    assert lint(top, [f"{top}.v"], folder, "rtl") == ""
    script = f"read_verilog -defer rtl/*.v; read_verilog {top}.v; hierarchy -check -top {top}; proc; check -assert"
    assert said(["yosys", "-q", "-p", script], folder) == ""


FAULTS = [
    ("qssm_array", "at : HALF", "at : {PW{1'b0}}"),
    ("qssm_array", "cell_plus - cell_minus", "cell_plus"),
    ("qssm_array_share", "a_select = turn", "a_select = turn == LAST ? {KW{1'b0}} : turn"),
]


@pytest.mark.parametrize(("file", "old", "new"), FAULTS)
def test_a_fault_is_caught(tmp_path: Path, file: str, old: str, new: str) -> None:
    found = laid("empty head, per step", CrossbarOptions(reads=4, adc_bits=5))
    folder = emitted_core(found, tmp_path)
    mutate(folder / "rtl", file, old, new)
    with pytest.raises(VerificationError, match="does not give the recorded outputs"):
        compare(found, folder)
