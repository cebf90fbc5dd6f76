"""Bounds: nothing that a graph computes leaves them, the small cases reach them, and what has none is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qssmc.analysis.bounds import Bound, bounds
from qssmc.errors import UnsupportedModelError
from qssmc.ir import Builder, Graph, Table, Type, parse, verify
from qssmc.ir.ops import Add, Constant, Matvec, Normalize, Pair, Readout, Requant, ShiftLeft, Slice
from qssmc_sim import run
from support.exact import run_exact, value_of
from support.graphs import random_s4d
from support.hand import crossbar, delay_line, dithered, mimo, random_shapes
from support.one_op import MNEMONICS, Dice, extreme_samples, one_op, seeds

INT = Table.integer


def assert_sound(graph: Graph, samples: Any) -> None:
    """Every value lies in its interval, and every intermediate result in the span and in the accumulator's width."""
    proven = bounds(graph)

    def check(t: int, values: Any) -> None:
        for name, found in values.items():
            interval = proven[name].value
            assert (interval.low <= found).all(), name
            assert (found <= interval.high).all(), name

    def note(name: str, value: int) -> None:
        bound = proven[name]
        low, high = bound.value.span
        assert min(low, bound.inner[0]) <= value <= max(high, bound.inner[1]), f"%{name} passes {value}"
        assert -(1 << (bound.inner_width - 1)) <= value < 1 << (bound.inner_width - 1)

    run(graph, samples, check)
    for sequence in samples.tolist():
        run_exact(graph, sequence, note)


@pytest.mark.parametrize("mnemonic", MNEMONICS)
@given(seed=seeds())
def test_sound_for_each_op(mnemonic: str, seed: int) -> None:
    graph = one_op(mnemonic, seed)
    assert_sound(graph, extreme_samples(graph, seed, batch=4, length=1))


@pytest.mark.parametrize(
    "graph", [*random_shapes(), mimo(), crossbar(), delay_line(), dithered()], ids=lambda g: g.name
)
def test_sound_for_whole_graphs(graph: Graph) -> None:
    assert_sound(graph, extreme_samples(graph, 3, batch=3, length=6))


@settings(max_examples=12)
@given(
    seed=seeds(),
    states=st.lists(st.integers(0, 2), min_size=1, max_size=3),
    norm=st.booleans(),
    increment=st.booleans(),
    multiplier=st.booleans(),
    dither=st.booleans(),
)
def test_sound_for_random_models(
    seed: int, states: list[int], norm: bool, increment: bool, multiplier: bool, dither: bool
) -> None:
    graph = random_s4d(
        states, seed=seed, norm=norm, increment=increment, multiplier=multiplier, dither=dither, d_output=2
    )
    assert_sound(graph, extreme_samples(graph, seed, batch=2, length=5))


# --- tightness: in these ops every element's bound is reached by some operand

TIGHT = [
    "matvec",
    "xbar",
    "diag",
    "inject",
    "readout",
    "scale",
    "offset",
    "add",
    "mul",
    "take",
    "requant",
    "shift_left",
    "lut",
]


def _reached(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest value of each element over every corner of the input, and over its whole diagonal."""
    (u,) = graph.inputs
    low, high = u.type.bounds
    extent = u.type.shape[0]
    corners = list(itertools.product((low, high), repeat=extent))
    diagonal = [(value,) * extent for value in range(low, high + 1)]
    samples = np.array(corners + diagonal, np.int64).reshape(-1, 1, extent) if extent else np.zeros((1, 1, 0), np.int64)
    values = run(graph, samples).outputs["y"][:, 0]
    return values.min(axis=0), values.max(axis=0)


@pytest.mark.parametrize("mnemonic", TIGHT)
@settings(max_examples=15)
@given(seed=seeds())
def test_tight_for_each_op(mnemonic: str, seed: int) -> None:
    graph = one_op(mnemonic, seed)
    assume(graph.inputs[0].type.shape[0] <= 8)
    assume(all(len(op.inputs) == 1 for op in graph.ops if isinstance(op, Requant)))  # a phase may not fill its bits
    interval = bounds(graph)[graph.outputs[0].value].value
    least, most = _reached(graph)
    assert interval.low.tolist() == least.tolist()
    assert interval.high.tolist() == most.tolist()


def _bound(text: str) -> Bound:
    graph = verify(parse(text))
    return bounds(graph)[graph.outputs[0].value]


def test_matvec_reaches_its_bound_with_the_worst_input() -> None:
    bound = _bound("""graph t : integer
%u : i4[3] = input
%y : i64[1] = matvec %u weight=@y.weight bias=@y.bias
output y : step = %y
table @y.weight : int[1,3]
  3 -5 0
table @y.bias : int[1]
  -100""")
    assert bound.value.span == (3 * -8 - 5 * 7 - 100, 3 * 7 + 5 * 8 - 100)
    assert bound.inner == (-159, 61)  # of all partial sums, in any order
    assert bound.inner_width == 9


def test_partial_sums_count_where_the_value_is_small() -> None:
    """127 - 127 is 0, but on the way stands 127."""
    b = Builder("t", "integer")
    b.input("u", Type((1,), 1, False))
    b.add(Constant(value=INT([127])), "p")
    b.add(Constant(value=INT([-127])), "m")
    b.output("y", b.add(Add(), "y", "p", "m"), "step")
    bound = bounds(b.graph())["y"]
    assert (bound.value.span, bound.inner, bound.inner_width) == ((0, 0), (-127, 127), 8)


def test_partial_sums_of_a_readout_count() -> None:
    """5 - 5 is 0, but on the way stand 5 and -5; and 3 * 5 is formed before it is taken away."""
    b = Builder("t", "integer")
    b.input("u", Type((4,), 4))
    fives = b.add(Requant(multiplier=INT(1), shift=INT(0), low=INT(5), high=INT(5)), "q", "u")
    pairs = b.add(Pair(), "p", fives)
    for name, c, inner in (("y", [[1, 0], [-1, 0]], (-5, 5)), ("z", [[0, 3], [3, 0]], (-15, 15))):
        b.add(Readout(c=INT(c), heads=INT([0, 0]), channels=1), name, pairs)
        bound = bounds(b.graph())[name]
        assert (bound.value.span, bound.inner) == ((0, 0), inner)


def test_a_state_is_bounded_by_its_clamp_and_its_reset() -> None:
    bound = _bound("""graph t : integer
%u : u4[1] = input
%x : i64[1] = state
%s : i64[1] = add %u %x
%n : i64[1] = requant %s multiplier=1 shift=0 low=3 high=9
next %x = %n
output x : step = %x""")
    assert bound.value.span == (0, 9)


def test_a_counter_is_bounded_whatever_it_counts_from() -> None:
    text = """graph t : integer
%u : i9[1] = input
%n : i64[1] = advance %u step=5 bits=4
output y : step = %n"""
    bound = _bound(text)
    assert (bound.value.span, bound.inner) == ((0, 15), (-251, 260))


def test_a_dithered_rounding_reaches_from_floor_to_ceiling() -> None:
    text = """graph t : integer
%u : u4[1] = input
%p : i64[1] = state
%n : i64[1] = advance %p step=3 bits=4
%y : i64[1] = requant %u %p multiplier=1 shift=3 low=-9 high=9 phase_bits=4
next %p = %n
output y : step = %y"""
    bound = _bound(text)
    assert (bound.value.span, bound.inner) == ((0, 2), (0, 22))
    with pytest.raises(UnsupportedModelError, match=r"its phase can be 0\.\.15, which are no 3 unsigned bits"):
        _bound(text.replace("phase_bits=4", "phase_bits=3"))


def test_clamps_are_seen_through_slice_concat_pair_and_unpair() -> None:
    proven = bounds(delay_line())
    assert (proven["line"].value.low.tolist(), proven["line"].value.high.tolist()) == ([-7, -7], [7, 7])
    assert bounds(crossbar())["x"].value.low.tolist() == [[-15, -15], [-15, -15]]


def test_empty_values_have_a_bound() -> None:
    b = Builder("t", "integer")
    b.input("u", Type((0,), 8))
    b.add(Matvec(weight=INT(np.zeros((3, 0), np.int64)), bias=INT([5, -7, 0])), "y", "u")
    b.output("z", b.add(Slice(start=1, stop=1), "z", "y"), "step")
    proven = bounds(b.graph())
    assert [proven[name].value.span for name in "uyz"] == [(0, 0), (-7, 5), (0, 0)]


# --- refusals

LOOP = """graph t : integer
%u : u4[1] = input
%x : i64[1] = state from "ssm.3"
%s : i64[1] = add %u %x from "ssm.4"
next %x = %s
output y : step = %s"""


def test_a_state_that_does_not_saturate_is_refused() -> None:
    with pytest.raises(
        UnsupportedModelError,
        match=r"state %x \(from ssm\.3\) does not end in a saturating requant but in add, so nothing bounds it",
    ):
        bounds(parse(LOOP))


@pytest.mark.parametrize(("low", "high"), [(-9, 3), (-8, 8), (0, 20)])
def test_a_lut_outside_its_table_is_refused(low: int, high: int) -> None:
    text = f"""graph t : integer
%u : i8[1] = input
%q : i64[1] = requant %u multiplier=1 shift=0 low={low} high={high}
%y : i64[1] = lut %q entries=@y.entries first=-8 from "act"
output y : step = %y
table @y.entries : int[16]
  0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"""
    with pytest.raises(
        UnsupportedModelError, match=rf"%y \(from act\): element 0 can be {low}\.\.{high}, outside its table"
    ):
        bounds(parse(text))
    assert bounds(parse(text.replace(f"low={low} high={high}", "low=-8 high=7")))["y"].value.span == (0, 15)


def _shifted(amount: int) -> Graph:
    b = Builder("t", "integer")
    b.input("u", Type((1,), 8))
    b.output("y", b.add(ShiftLeft(amount=INT(amount)), "y", "u", origin="enc"), "step")
    return b.graph()


def test_more_than_64_bits_are_refused() -> None:
    bound = bounds(_shifted(56))["y"]
    assert (bound.inner_width, bound.value.span) == (64, (-(2**63), 127 << 56))
    with pytest.raises(
        UnsupportedModelError,
        match=r"%y \(shift_left, from enc\) needs an accumulator of 65 bits, and 64 is the widest",
    ):
        bounds(_shifted(57))


def test_a_wide_partial_sum_is_refused_although_the_value_is_narrow() -> None:
    b = Builder("t", "integer")
    b.input("u", Type((1,), 62))
    x = b.add(ShiftLeft(amount=INT(1)), "x", "u")
    b.add(Add(), "y", x, x, x)
    with pytest.raises(UnsupportedModelError, match=r"%y \(add"):
        bounds(b.graph())
    product = b.add(Requant(multiplier=INT(8), shift=INT(60), low=INT(-1), high=INT(1)), "q", "u")
    del b.ops["y"]
    with pytest.raises(UnsupportedModelError, match=rf"%{product} \(requant"):
        bounds(b.graph())


@given(seed=seeds())
def test_normalize_stays_exact_up_to_its_widest(seed: int) -> None:
    """The golden model agrees with Python integers wherever the bounds let a normalize pass."""
    dice = Dice(seed)
    count = dice.below(5, 1)
    b = Builder("t", "integer")
    width = dice.below(32 - (count - 1).bit_length(), 2)
    widest = 2**63 - 1 - (count * count << 2 * (width - 1))
    assume(widest > 0)
    b.input("u", Type((count,), width))
    b.output("y", b.add(Normalize(eps=widest - dice.below(2) * dice.below(widest), frac=30), "y", "u"), "step")
    graph = b.graph()
    bounds(graph)
    samples = extreme_samples(graph, seed, batch=4, length=1)
    found = run(graph, samples).outputs["y"]
    for i, sequence in enumerate(samples.tolist()):
        assert found[i, 0].tolist() == value_of(graph["y"], sequence, lambda value: None)
