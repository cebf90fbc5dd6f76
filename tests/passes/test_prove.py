"""Prove: narrows widths and changes nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.bounds import bounds
from qssmc.errors import UnsupportedModelError
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.ops import Input
from qssmc.ir.types import WIDEST, width_of
from qssmc.passes.prove import prove
from qssmc_sim import run
from support.graphs import random_s4d
from support.hand import crossbar, delay_line, mimo, random_shapes
from support.one_op import MNEMONICS, extreme_samples, one_op, seeds

GRAPHS = [*random_shapes(), mimo(), crossbar(), delay_line()]


def widened(graph: Graph) -> Graph:
    """The graph as it is before the proof: every value but the inputs has 64 bits."""
    widest = [
        op if isinstance(op, Input) else replace(op, type=replace(op.type, width=WIDEST, signed=True))
        for op in graph.ops
    ]
    return graph.with_ops(widest)


def assert_only_widths_differ(before: Graph, after: Graph) -> None:
    assert widened(after) == widened(before)
    assert [op.type for op in after.inputs] == [op.type for op in before.inputs]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_whole_graphs(graph: Graph) -> None:
    before = widened(graph)
    after = prove(before)
    assert after == graph  # these come proven, and the proof does not depend on the widths it finds
    assert_only_widths_differ(before, after)
    assert prove(after) == after
    samples = extreme_samples(graph, 11, batch=3, length=6)
    old, new = run(before, samples).outputs, run(after, samples).outputs
    assert {k: v.tolist() for k, v in old.items()} == {k: v.tolist() for k, v in new.items()}


@pytest.mark.parametrize("mnemonic", MNEMONICS)
@settings(max_examples=15)
@given(seed=seeds())
def test_each_op_gets_the_smallest_width_of_its_interval(mnemonic: str, seed: int) -> None:
    before = one_op(mnemonic, seed)
    after = prove(before)
    assert_only_widths_differ(before, after)
    proven = bounds(after)
    for op in after.ops:
        if not isinstance(op, Input):
            assert (op.type.width, op.type.signed) == width_of(*proven[op.name].value.span)
    samples = extreme_samples(before, seed, batch=4, length=1)
    assert run(before, samples).outputs["y"].tolist() == run(after, samples).outputs["y"].tolist()


@settings(max_examples=10)
@given(seed=seeds(), norm=st.booleans(), multiplier=st.booleans())
def test_every_value_fits_its_type(seed: int, norm: bool, multiplier: bool) -> None:
    graph = random_s4d([2, 0, 1], seed=seed, norm=norm, multiplier=multiplier)

    def check(t: int, values: dict[str, object]) -> None:
        for name, found in values.items():
            low, high = graph[name].type.bounds
            assert (low <= found).all(), name  # type: ignore[attr-defined,operator]
            assert (found <= high).all(), name  # type: ignore[attr-defined,operator]

    run(graph, extreme_samples(graph, seed, batch=4, length=12), check)


def test_text_before_and_after() -> None:
    before = """graph t : integer
%u : u4[2] = input
%x : ci64[1] = state from "ssm"
%p : ci64[1] = pair %u
%s : ci64[1] = add %x %p
%n : ci64[1] = requant %s multiplier=1 shift=1 low=0 high=20
%m : i64[2] = unpair %n
next %x = %n
output y : step = %m
"""
    after = """graph t : integer
%u : u4[2] = input
%x : cu5[1] = state from "ssm"
%p : cu4[1] = pair %u
%s : cu6[1] = add %x %p
%n : cu5[1] = requant %s multiplier=1 shift=1 low=0 high=20
%m : u5[2] = unpair %n
next %x = %n
output y : step = %m
"""
    assert print_graph(prove(parse(before))) == after
    assert print_graph(prove(parse(after))) == after


def test_what_cannot_be_bounded_cannot_be_proven() -> None:
    text = "graph t : integer\n%u : u4[1] = input\n%x : i64[1] = state\nnext %x = %u\noutput y : step = %x\n"
    with pytest.raises(UnsupportedModelError, match=r"state %x .* does not end in a saturating requant but in input"):
        prove(parse(text))
