"""Every module that computes is golden's rule, proven for all words of small widths and streams of any length."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cores import write
from golden_proofs import Array, Claim, core_wrapper, decided, decided_text
from module_bench import RTL
from qssmc.ir import Table, ops, parse
from qssmc.ir.types import Type
from qssmc.passes.prove import prove
from qssmc_sim.rules import rule_of

INT = Table.integer


def typed(op: Any, *operands: Type) -> Any:
    """An op that stands alone, with the type of its result."""
    return replace(op, name="y", inputs=tuple(f"x{i}" for i in range(len(operands))), type=op.rule(list(operands)))


def rule(op: Any, *widths: tuple[int, int]) -> Any:
    """Golden's rule of an op of vectors, (elements, bits) each."""
    return rule_of(typed(op, *(Type((count,), bits) for count, bits in widths)))


def same(*vectors: Array) -> Array:
    return vectors[0]


def word(high: int, low: int, shift: int, bits: int = 3, shift_bits: int = 1) -> str:
    """A word of a table of qssm_requant."""
    mask = (1 << bits) - 1
    return f"{2 * bits + shift_bits}'d{((high & mask) << (bits + shift_bits)) | ((low & mask) << shift_bits) | shift}"


def requant(shift: int, low: int, high: int, phase_bits: int = 0) -> Any:
    return ops.Requant(multiplier=INT(1), shift=INT(shift), low=INT(low), high=INT(high), phase_bits=phase_bits)


STREAM = [("s", 3, 1)]
WEIGHTS = [[1, -2], [-1, 1]]
DOT = ops.Matvec(weight=INT(WEIGHTS), bias=INT([1, -2]))
ROW = ops.Matvec(weight=INT([[-2]]), bias=INT([1]))
DOTTED: dict[str, int | str] = {
    "XW": 1, "WW": 2, "BW": 2, "OW": 4, "IN": 2, "OUT": 2, "WEIGHTS": "weights.mem", "BIASES": "biases.mem",
}  # fmt: skip
DOT_FILES = {"weights.mem": ([1, -2, -1, 1], 2), "biases.mem": ([1, -2], 2)}
ENTRIES = [3, -4, 0, 1, -1, 2, 2, -3]
CLAIMS = [
    Claim("fifo of 1", "qssm_fifo", {"W": 2, "DEPTH": 1}, [("s", 2, 1)], (2, 1), same),
    Claim("fifo of 2", "qssm_fifo", {"W": 3, "DEPTH": 2}, STREAM, (3, 1), same),
    Claim("fifo of 4", "qssm_fifo", {"W": 1, "DEPTH": 4}, [("s", 1, 1)], (1, 1), same),
    Claim("skid", "qssm_skid", {"W": 3}, STREAM, (3, 1), same),
    Claim("add", "qssm_add", {"AW": 3, "BW": 3, "OW": 4}, [("a", 3, 1), ("b", 3, 1)], (4, 1),
          rule(ops.Add(), (1, 3), (1, 3))),
    Claim("difference", "qssm_add", {"AW": 3, "BW": 3, "OW": 4, "SUBTRACT": 1}, [("a", 3, 1), ("b", 3, 1)], (4, 1),
          lambda a, b: a - b),
    Claim("shift", "qssm_shift", {"XW": 3, "SW": 2, "OW": 6, "WORD": "2'd2"}, STREAM, (6, 1),
          rule(ops.ShiftLeft(amount=INT(2)), (1, 3))),
    Claim("scale", "qssm_scale", {"XW": 3, "FW": 3, "OW": 6, "WORD": "3'd5"}, STREAM, (6, 1),
          rule(ops.Scale(factor=INT(-3)), (1, 3))),
    Claim("scale bit by bit", "qssm_scale", {"XW": 3, "FW": 3, "OW": 6, "WORD": "3'd5", "SERIAL": 1}, STREAM, (6, 1),
          rule(ops.Scale(factor=INT(-3)), (1, 3))),
    Claim("offset", "qssm_offset", {"XW": 3, "VW": 3, "OW": 4, "N": 2, "FIXED": 0, "FILE": "values.mem"},
          [("s", 3, 2)], (4, 2), rule(ops.Offset(value=INT([3, -4])), (2, 3)), {"values.mem": ([3, -4], 3)},
          needs=[[1], [2]]),
    Claim("product", "qssm_product", {"AW": 3, "BW": 3, "OW": 6}, [("a", 3, 1), ("b", 3, 1)], (6, 1),
          rule(ops.Mul(), (1, 3), (1, 3))),
    Claim("product bit by bit", "qssm_product", {"AW": 2, "BW": 2, "OW": 4, "SERIAL": 1},
          [("a", 2, 1), ("b", 2, 1)], (4, 1), rule(ops.Mul(), (1, 2), (1, 2))),
    Claim("product by Booth", "qssm_product", {"AW": 2, "BW": 2, "OW": 4, "SERIAL": 2},
          [("a", 2, 1), ("b", 2, 1)], (4, 1), rule(ops.Mul(), (1, 2), (1, 2))),
    Claim("advance", "qssm_advance", {"W": 4, "BITS": 3, "STEP": "3'd3"}, [("s", 4, 1)], (4, 1),
          rule(ops.Advance(step=3, bits=3), (1, 4)), within=lambda s: s[:, 0] >= 0),
    Claim("rounding and clamp", "qssm_requant", {"XW": 4, "IW": 5, "OW": 3, "SW": 1, "WORD": word(2, -3, 1)},
          [("s", 4, 1)], (3, 1), rule(requant(1, -3, 2), (1, 4)), tied=[("p", 16)]),
    Claim("clamp alone", "qssm_requant", {"XW": 4, "IW": 5, "OW": 3, "SW": 1, "WORD": word(2, -3, 0)},
          [("s", 4, 1)], (3, 1), rule(requant(0, -3, 2), (1, 4)), tied=[("p", 16)]),
    Claim("rounding in three clocks", "qssm_requant",
          {"XW": 4, "IW": 5, "OW": 3, "SW": 1, "WORD": word(2, -3, 1), "SLOW": 1},
          [("s", 4, 1)], (3, 1), rule(requant(1, -3, 2), (1, 4)), tied=[("p", 16)]),
    Claim("dithered rounding", "qssm_requant",
          {"XW": 4, "IW": 5, "OW": 3, "SW": 2, "PW": 2, "DITHER": 1, "WORD": word(2, -3, 2, shift_bits=2)},
          [("s", 4, 1), ("p", 2, 1)], (3, 1),
          rule_of(typed(requant(2, -3, 2, 2), Type((1,), 4), Type((1,), 2, signed=False))),
          unsigned=frozenset("p")),
    Claim("table", "qssm_lut", {"XW": 3, "OW": 3, "TW": 3, "T": 8, "FIRST": "3'd4", "FILE": "entries.mem"}, STREAM,
          (3, 1), rule(ops.Lut(entries=INT(ENTRIES), first=INT(-4)), (1, 3)), {"entries.mem": (ENTRIES, 3)}),
    Claim("gather", "qssm_gather", {"W": 2, "IN": 2, "OUT": 3, "FILE": "indices.mem"}, [("s", 2, 2)], (2, 3),
          rule(ops.Take(indices=INT([1, 0, 1])), (2, 2)), {"indices.mem": ([1, 0, 1], 1)}),
    Claim("selection", "qssm_select", {"W": 2, "N": 3, "MASK": "3'b101"}, [("s", 2, 3)], (2, 2),
          rule(ops.Take(indices=INT([0, 2])), (3, 2)), needs=[[1], [3]]),
    Claim("concatenation", "qssm_concat", {"AW": 2, "BW": 2, "OW": 2}, [("a", 2, 1), ("b", 2, 1)], (2, 2),
          rule(ops.Concat(), (1, 2), (1, 2)), needs=[[1, 0], [1, 1]]),
    Claim("sums of runs", "qssm_segment", {"XW": 2, "OW": 3, "N": 2, "CW": 2, "WORD": "2'd2"}, [("s", 2, 4)], (3, 2),
          lambda s: s.reshape(-1, 2, 2).sum(axis=2), needs=[[2], [4]], depth=12),
    Claim("argmax", "qssm_argmax", {"W": 2, "N": 2, "OW": 2}, [("s", 2, 2)], (2, 1),
          lambda s: s.argmax(axis=1, keepdims=True)),
    Claim("matrix", "qssm_dot", DOTTED, [("s", 1, 2)], (4, 2), rule(DOT, (2, 1)), DOT_FILES, depth=12),
    Claim("matrix bit by bit", "qssm_dot", DOTTED | {"XW": 2, "SERIAL": 1, "IN": 1, "OUT": 1},
          [("s", 2, 1)], (4, 1), rule(ROW, (1, 2)), {"weights.mem": ([-2], 2), "biases.mem": ([1], 2)}),
    Claim("norm", "qssm_norm", {"XW": 2, "OW": 6, "N": 2, "FRAC": 1, "VW": 6, "CENTRED": 1, "EPS": "6'd1"},
          [("s", 2, 2)], (6, 2), rule(ops.Normalize(frac=1, eps=1, centred=True), (2, 2)), depth=6),
    Claim("norm about 0", "qssm_norm", {"XW": 2, "OW": 6, "N": 2, "FRAC": 1, "VW": 6, "CENTRED": 0, "EPS": "6'd1"},
          [("s", 2, 2)], (6, 2), rule(ops.Normalize(frac=1, eps=1, centred=False), (2, 2)), depth=6),
]  # fmt: skip
# Each is caught: what is changed, in which file, and the claim that it breaks.
MUTANTS = [
    ("fifo of 2", "qssm_fifo", "wire full = head == {!tail[AW], tail[AW-1:0]}", "wire full = 1'b0"),
    ("skid", "qssm_skid", "m_data <= held ? spare : s_data", "m_data <= s_data"),
    ("add", "qssm_add", "a - b : a + b", "a - b : a ^ b"),
    ("rounding and clamp", "qssm_round", "below ? bottom : above ? top", "below ? bottom : below ? top"),
    ("dithered rounding", "qssm_round", ">> ~shift", ">> shift"),
    ("table", "qssm_lut", "s_data - first;", "~s_data - first;"),
    ("matrix", "qssm_dot", "rows[OW-1:0] + bias_wide", "rows[OW-1:0] - bias_wide"),
]


@pytest.mark.tool("yosys")
@pytest.mark.tool("yosys-abc")
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_module_computes_goldens_rule(tmp_path: Path, claim: Claim) -> None:
    assert decided(tmp_path, RTL, claim) == "proven"


@pytest.mark.tool("yosys")
@pytest.mark.tool("yosys-abc")
@pytest.mark.parametrize(("name", "module", "old", "new"), MUTANTS)
def test_a_wrong_module_is_refuted(tmp_path: Path, name: str, module: str, old: str, new: str) -> None:
    library = tmp_path / "rtl"
    shutil.copytree(RTL, library)
    path = library / f"{module}.v"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert decided(tmp_path, library, next(c for c in CLAIMS if c.name == name)).startswith("refuted")


@pytest.mark.tool("yosys")
@pytest.mark.tool("yosys-abc")
def test_a_wrong_rule_is_refuted(tmp_path: Path) -> None:
    """The right module against a rule that differs from golden's in one word of 64."""
    claim = next(c for c in CLAIMS if c.name == "add")
    wrong = replace(claim, rule=lambda a, b: np.where((a == 3) & (b == -4), 1, a + b))
    assert decided(tmp_path, RTL, wrong).startswith("refuted")


TINY = """
graph tiny : integer
%u : i2[1] = input
%x : ci64[1] = state
%d : ci64[1] = diag %x lambda_bar=@d.lambda_bar
%b : ci64[1] = inject %u b_bar=@b.b_bar heads=@b.heads
%x1 : ci64[1] = shift_left %x amount=1
%s : ci64[1] = add %x1 %d %b
%n : ci64[1] = requant %s multiplier=1 shift=1 low=-2 high=1
%r : i64[1] = readout %n c=@b.b_bar heads=@b.heads channels=1
%y : i64[1] = requant %r multiplier=1 shift=0 low=-2 high=1
next %x = %n
output y : step = %y
table @d.lambda_bar : int[1,2]
  -1 1
table @b.b_bar : int[1,2]
  1 0
table @b.heads : int[1]
  0
"""


@pytest.mark.tool("yosys")
@pytest.mark.tool("yosys-abc")
@pytest.mark.parametrize("wrong", [None, ("<< (RS_MAX - 1)", "<< RS_MAX"), ("i == 0 ? l - r : l + r", "l + r")])
def test_a_whole_core_is_goldens_step_for_so_many_clocks(tmp_path: Path, wrong: tuple[str, str] | None) -> None:
    """For all samples, ends of sequences and stalls; bounded, for the solver does not close the induction."""
    graph = prove(parse(TINY))
    folder = write(graph, tmp_path)
    shutil.copy(folder / "tiny_top.v", folder / "rtl" / "top.v")
    if wrong:
        path = folder / "rtl" / "qssm_lane.v"
        assert wrong[0] in path.read_text()
        path.write_text(path.read_text().replace(*wrong))
    said = decided_text(folder, folder / "rtl", core_wrapper(graph, "tiny_top", 6), clocks=40)
    assert said.startswith("refuted") if wrong else said == "proven for 40 clocks"
