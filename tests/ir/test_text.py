"""Print and parse: every graph survives the round trip, and what cannot be read is named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qssmc.ir import Builder, Graph, Grid, IRError, Table, Type, parse, print_graph, verify
from qssmc.ir.ops import LayerNorm, Scale
from qssmc.ir.types import width_of
from support.graphs import random_s4d
from support.hand import all_by_hand, random_shapes
from support.one_op import MNEMONICS, one_op, seeds


def round_trip(graph: Graph) -> None:
    text = print_graph(graph)
    again = parse(text)
    assert again == graph
    assert print_graph(again) == text


@pytest.mark.parametrize("graph", [*all_by_hand(), *random_shapes()], ids=lambda g: g.name)
def test_hand_graphs(graph: Graph) -> None:
    round_trip(verify(graph))


@settings(max_examples=15)
@given(
    seed=seeds(),
    states=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    layers=st.integers(1, 2),
    norm=st.booleans(),
    multiplier=st.booleans(),
    output=st.sampled_from(["step", "last"]),
)
def test_random_models(seed: int, states: list[int], layers: int, norm: bool, multiplier: bool, output: str) -> None:
    round_trip(
        random_s4d(states, seed=seed, layers=layers, norm=norm, multiplier=multiplier, output=output, d_output=3)
    )


@pytest.mark.parametrize("mnemonic", MNEMONICS)
@settings(max_examples=10)
@given(seed=seeds())
def test_every_integer_op(mnemonic: str, seed: int) -> None:
    round_trip(one_op(mnemonic, seed))


def _noted(table: Table, origin: str = "") -> Graph:
    b = Builder("noted", "float")
    u = b.input("u", Type(()), origin)
    b.output("y", u, "step")
    graph = b.graph()
    return Graph(graph.name, graph.stage, graph.ops, {}, graph.outputs, {"u": table}, {"u": table})


_FLOATS = st.floats(allow_nan=False, allow_infinity=True, allow_subnormal=True)
_SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@given(data=hnp.arrays(np.float64, _SHAPES, elements=_FLOATS), scale=_FLOATS, width=st.integers(1, 64))
def test_real_tables_keep_every_bit(data: np.ndarray, scale: float, width: int) -> None:
    round_trip(_noted(Table.real(data)))
    round_trip(_noted(Table.real(data, Grid.of(scale, width))))
    round_trip(_noted(Table.real(data, Grid.of(np.full(data.shape, scale), np.full(data.shape, width)))))


@given(data=hnp.arrays(np.int64, _SHAPES))
def test_integer_tables(data: np.ndarray) -> None:
    round_trip(_noted(Table.integer(data, Grid.of(1.0, 64))))


@given(origin=st.text())
def test_any_origin(origin: str) -> None:
    round_trip(_noted(Table.real(0.0), origin))


@pytest.mark.parametrize("value", [math.inf, -math.inf, -0.0, 5e-324, 1e22, 1e16, 3.0, 0.1])
def test_scalar_reals_stand_on_the_line(value: float) -> None:
    b = Builder("scalar", "float")
    b.input("u", Type((1,)))
    b.output("y", b.add(Scale(factor=Table.real(value)), "y", "u"), "step")
    assert f"factor={value!r}\n" in print_graph(b.graph())
    round_trip(b.graph())


def test_numbers_of_numpy_are_plain_in_the_text() -> None:
    b = Builder("plain", "float")
    b.input("u", Type((1,)))
    b.add(LayerNorm(gamma=Table.real([1.0]), beta=Table.real([0.0]), eps=np.float64(1e-5)), "y", "u")
    b.output("y", "y", "step")
    assert "eps=1e-05" in print_graph(b.graph())
    round_trip(b.graph())


TINY = """graph tiny : integer
%u : u8[1] = input from "input"
%w : i16[2] = matvec %u weight=@w.weight bias=@w.bias from "encoder"
%x : i8[2] = state
%n : i8[2] = requant %w multiplier=1 shift=2 low=-128 high=127
next %x = %n
output y : step = %n
output z : last mean = %x
table @w.weight : int[2,1] grid width[]=4 scale[]=0.5
  1 -2
table @w.bias : int[2]
  0 3
scale %n : real[]
  0.25
"""


def test_text_is_canonical_and_comments_are_skipped() -> None:
    assert print_graph(verify(parse(TINY))) == TINY
    assert print_graph(parse("# a comment\n\n" + TINY.replace("next", "  # indented\nnext"))) == TINY


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("graph tiny : integer", "tiny : integer", "tiny : integer", "a graph starts with: graph NAME : STAGE"),
        ("%u : u8[1] = input", "%u : u8[1] input", "%u : u8[1] input", "not an op"),
        ("u8[1]", "q8[1]", "%u : q8[1]", "not a type: 'q8[1]'"),
        ("u8[1]", "u65[1]", "%u : u65[1]", "width must be 1 to 64 bits, not 65"),
        ("= matvec", "= matvex", "%w : i16[2] = matvex", "there is no op matvex"),
        (" bias=@w.bias", "", "%w : i16[2]", "bias is missing"),
        ("shift=2", "shift=two", "%n : i8[2]", "could not convert string to float: 'two'"),
        ("shift=2", "shift=2 colour=3", "%n : i8[2]", "requant has no colour"),
        ("bias=@w.bias", "bias=@w.bais", "%w : i16[2]", "there is no table @w.bais"),
        ("next %x = %n", "next %x : %n", "next %x : %n", "not enough values"),
        ("output y : step", "output y : often", "output y : often", "not an op, a next, an output or a table"),
        ("int[2,1]", "int[2,2]", "table @w.weight : int[2,2]", "cannot reshape"),
        ("  0 3", "  0 x", "table @w.bias : int[2]", "invalid literal"),
        ("  0 3", "  0 99999999999999999999", "table @w.bias : int[2]", "too large"),
        ("width[]=4 scale[]=0.5", "width=4 scale[]=0.5", "table @w.weight", "not an array: 'width=4'"),
        ("%n : i8[2]", "  %n : i8[2]", "  %n : i8[2]", "indented lines are the numbers of a table"),
        (TINY, "", "", "a graph starts with: graph NAME : STAGE"),
    ],
)
def test_errors_name_the_line(old: str, new: str, line: str, reason: str) -> None:
    assert old in TINY
    with pytest.raises(IRError) as caught:
        parse(TINY.replace(old, new, 1))
    message = str(caught.value)
    assert message.startswith(f"line {line!r}"[:-1])
    assert reason in message


@given(low=st.integers(-(2**63), 2**63 - 1), extent=st.integers(0, 2**62))
def test_width_of_is_the_smallest(low: int, extent: int) -> None:
    high = min(low + extent, 2**63 - 1)
    width, signed = width_of(low, high)
    least, most = Type((1,), width, signed).bounds
    assert least <= low <= high <= most
    assert signed == (low < 0)
    if width > 1:
        least, most = Type((1,), width - 1, signed).bounds
        assert low < least or high > most
