"""The certificate checker: agrees with the proof on random graphs, and refuses claims and tables that were changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.bounds import bounds
from qssmc.cli import main
from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import STAGES, Input, State
from qssmc.ir.text import parse, print_graph
from qssmc_sim.range_check import _RULES, check_ranges, derive
from support.graphs import random_s4d
from support.hand import crossbar, delay_line, dithered, mimo
from support.one_op import MNEMONICS, one_op, seeds
from support.tiny import tiny_model


def same(graph: Graph) -> None:
    derived = derive(graph)
    for name, bound in bounds(graph).items():
        assert derived[name].span == bound.value.span, name
        assert derived[name].inner == bound.inner, name


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any),
    st.integers(0, 99),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_checker_and_proof_derive_the_same_bounds(
    states: list[int], seed: int, increment: bool, norm: bool, multiplier: bool, dither: bool
) -> None:
    same(random_s4d(states, seed=seed, increment=increment, norm=norm, multiplier=multiplier, dither=dither))


@pytest.mark.parametrize("graph", [mimo(), crossbar(), delay_line(), dithered()], ids=lambda g: g.name)
def test_graphs_by_hand_have_the_same_bounds(graph: Graph) -> None:
    same(graph)


@pytest.mark.parametrize("mnemonic", MNEMONICS)
@given(seed=seeds())
def test_each_op_has_the_same_bounds(mnemonic: str, seed: int) -> None:
    same(one_op(mnemonic, seed))


def test_phase_of_other_bits_is_refused() -> None:
    text = print_graph(dithered()).replace("phase_bits=16", "phase_bits=15")
    with pytest.raises(VerificationError, match=r"%xn: its phase can be 0\.\.65535, which are no 15 unsigned bits"):
        derive(parse(text))


def test_every_integer_op_has_a_rule() -> None:
    assert {op.mnemonic for op in STAGES["integer"]} - {Input.mnemonic, State.mnemonic} == set(_RULES)


@pytest.fixture
def design(tmp_path: Path) -> Path:
    assert main(["-q", "compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out")]) == 0
    return tmp_path / "out"


@pytest.mark.parametrize(("field", "step"), [("low", 1), ("high", -1), ("inner_low", 1), ("inner_high", -1)])
def test_claim_that_is_too_tight_is_refused(design: Path, field: str, step: int) -> None:
    path = design / "report" / "certificate.json"
    certificate = json.loads(path.read_text())
    claim = next(claim for claim in certificate["ops"] if claim["op"] == "matvec")
    claim[field] += step
    path.write_text(json.dumps(certificate))
    with pytest.raises(VerificationError, match=f"%{claim['name']} can be"):
        check_ranges(design)


def test_accumulator_that_is_too_narrow_is_refused(design: Path) -> None:
    path = design / "report" / "certificate.json"
    certificate = json.loads(path.read_text())
    claim = next(claim for claim in certificate["ops"] if claim["op"] == "readout")
    claim["accumulator_width"] -= 1
    path.write_text(json.dumps(certificate))
    with pytest.raises(VerificationError, match="accumulator of %"):
        check_ranges(design)


def test_larger_weight_breaks_the_claim(design: Path) -> None:
    path = design / json.loads((design / "manifest.json").read_text())["golden"]
    text = path.read_text()
    graph = parse(text)
    weight = graph["blocks_0_mixing"].tables()["weight"].data
    row = " ".join(str(value) for value in weight.ravel()[:4])
    assert row in text
    path.write_text(text.replace(row, " ".join(str(int(value) * 3) for value in weight.ravel()[:4]), 1))
    with pytest.raises(VerificationError, match="blocks_0_mixing"):
        check_ranges(design)


def test_state_without_saturation_is_refused() -> None:
    graph = random_s4d([2])
    text = print_graph(graph).replace("next %total = %total_n\n", "next %total = %total_s\n")
    with pytest.raises(VerificationError, match="does not saturate"):
        derive(parse(text))
