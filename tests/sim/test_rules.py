"""The golden model's rules against the same ops in Python integers, op by op."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qssmc.ir import Table, Type
from qssmc.ir.ops import Advance, Cast, Normalize, Requant
from qssmc_sim import run
from qssmc_sim.rules import integer_sqrt, rule_of
from support.exact import RULES as EXACT_RULES
from support.exact import cast, rounded, run_exact
from support.one_op import MNEMONICS, extreme_samples, one_op, seeds


@pytest.mark.parametrize("mnemonic", MNEMONICS)
@given(seed=seeds())
def test_golden_equals_exact(mnemonic: str, seed: int) -> None:
    graph = one_op(mnemonic, seed)
    samples = extreme_samples(graph, seed, batch=4, length=1)
    found = run(graph, samples).outputs["y"]
    assert found.dtype == np.int64
    for b in range(len(samples)):
        assert found[b].tolist() == run_exact(graph, samples[b].tolist(), lambda name, value: None)["y"]


def test_every_integer_op_is_covered() -> None:
    assert set(EXACT_RULES) == set(MNEMONICS)


def _requant(multiplier: int, shift: int, low: int, high: int, phase_bits: int = 0) -> Requant:
    tables = {"multiplier": multiplier, "shift": shift, "low": low, "high": high}
    inputs = ("x", "p") if phase_bits else ("x",)
    of_ints = {name: Table.integer(v) for name, v in tables.items()}
    return Requant(name="r", type=Type((1,), 64), inputs=inputs, **of_ints, phase_bits=phase_bits)


@given(
    x=st.integers(-(2**40), 2**40),
    multiplier=st.integers(-(2**20), 2**20),
    shift=st.integers(0, 61),
    low=st.integers(-(2**31), 0),
    high=st.integers(0, 2**31),
)
def test_requant_rounding_law(x: int, multiplier: int, shift: int, low: int, high: int) -> None:
    golden = rule_of(_requant(multiplier, shift, low, high))(np.array([[x]]))
    assert golden.tolist() == [[rounded(x, multiplier, shift, low, high)]]
    half = 2 ** (shift - 1) if shift else 0
    assert golden.tolist() == [[max(low, min(high, (x * multiplier + half) // 2**shift))]]


@given(
    x=st.integers(-(2**40), 2**40),
    multiplier=st.integers(-(2**20), 2**20),
    shift=st.sampled_from([0, 1, 15, 16, 17, 31, 32, 33, 60]) | st.integers(0, 61),
    share=st.fractions(0, 1).filter(lambda share: share < 1),
    bits=st.integers(1, 32),
    ends=st.tuples(st.integers(-(2**31), 0), st.integers(0, 2**31)),
)
def test_dithered_rounding_law(
    x: int, multiplier: int, shift: int, share: Fraction, bits: int, ends: tuple[int, int]
) -> None:
    phase = math.floor(share * 2**bits)
    golden = rule_of(_requant(multiplier, shift, *ends, phase_bits=bits))(np.array([[x]]), np.array([[phase]]))
    d = math.floor(Fraction(phase * 2**shift, 2**bits))
    assert 0 <= d < 2**shift
    assert golden.tolist() == [[max(ends[0], min(ends[1], (x * multiplier + d) // 2**shift))]]
    assert golden.tolist() == [[rounded(x, multiplier, shift, *ends, Fraction(phase, 2**bits))]]


@given(x=st.integers(-(2**30), 2**30), shift=st.integers(0, 12))
def test_all_phases_together_round_to_the_true_mean(x: int, shift: int) -> None:
    """Over a full period of the counter, the mean of the rounded value is the value: nothing is lost on average."""
    phases = np.arange(1 << 12)[:, None]
    golden = rule_of(_requant(1, shift, -(2**31), 2**31, phase_bits=12))(np.full((1 << 12, 1), x), phases)
    assert Fraction(int(golden.sum()), 1 << 12) == Fraction(x, 1 << shift)


@given(bits=st.integers(1, 10), data=st.data())
def test_a_counter_of_odd_step_visits_every_phase(bits: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, 2 ** (bits - 1) - 1)) * 2 + 1
    integer, real = (
        rule_of(Advance(step, bits, name="n", type=Type((1,), width), inputs=("p",))) for width in (64, None)
    )
    p, q, found = np.array([[0]]), np.array([[0.0]]), set()
    for _ in range(2**bits):
        found.add(int(p[0, 0]))
        assert q[0, 0] * 2**bits == p[0, 0]
        p, q = integer(p), real(q)
    assert found == set(range(2**bits))
    assert p.tolist() == [[0]]


@pytest.mark.parametrize(
    ("x", "shift", "wanted"),
    [(1, 1, 1), (-1, 1, 0), (3, 1, 2), (-3, 1, -1), (-5, 1, -2), (2, 2, 1), (-2, 2, 0), (-6, 2, -1), (6, 2, 2),
     (5, 0, 5), (-5, 0, -5), (2**61, 62, 1), (-(2**61), 62, 0), (-(2**61) - 1, 62, -1)],
)  # fmt: skip
def test_requant_ties_go_up(x: int, shift: int, wanted: int) -> None:
    assert rule_of(_requant(1, shift, -100, 100))(np.array([[x]])).tolist() == [[wanted]]


@pytest.mark.parametrize(("x", "wanted"), [(-300, -8), (-17, -8), (-16, -8), (-15, -7), (14, 7), (15, 7), (300, 7)])
def test_requant_saturates(x: int, wanted: int) -> None:
    assert rule_of(_requant(1, 1, -8, 7))(np.array([[x]])).tolist() == [[wanted]]


_EDGES = sorted(
    {r * r + d for r in (1, 2, 3, 255, 65536, 94906265, 94906266, 94906267, 2**31 - 1, 2**31) for d in (-1, 0, 1)}
    | {0, 1, 2, 3, 2**53 - 1, 2**53, 2**53 + 1, 2**62, 3037000499**2 - 1, 3037000499**2, 2**63 - 1}
)


@pytest.mark.parametrize("value", _EDGES)
def test_integer_sqrt_on_edges(value: int) -> None:
    assert integer_sqrt(np.array([value])).tolist() == [math.isqrt(value)]


@given(root=st.integers(1, 2**31), delta=st.sampled_from([-1, 0, 1]))
def test_integer_sqrt_around_squares(root: int, delta: int) -> None:
    assert integer_sqrt(np.array([root * root + delta])).tolist() == [math.isqrt(root * root + delta)]


@given(values=st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_integer_sqrt_anywhere(values: list[int]) -> None:
    assert integer_sqrt(np.array(values)).tolist() == [math.isqrt(v) for v in values]


@given(x=st.lists(st.integers(-(2**15), 2**15), min_size=1, max_size=40), eps=st.integers(0, 2**40))
def test_normalize_is_near_to_the_real_thing(x: list[int], eps: int) -> None:
    """(x - mean) / std lies within what the floor of the reciprocal and of the root can lose."""
    op = Normalize(eps, 20, name="n", type=Type((len(x),), 64), inputs=("x",))
    golden = rule_of(op)(np.array([x]))[0]
    n, total = len(x), sum(x)
    variance = n * sum(e * e for e in x) - total * total + eps
    root = max(1, math.isqrt(variance))
    for element, found in zip(x, golden.tolist(), strict=True):
        real = Fraction((n * element - total) << 20, root)
        assert abs(found) <= abs(real) < abs(found) + max(1, abs(n * element - total))


@pytest.mark.parametrize(
    ("x", "eps", "wanted"),
    [([0, 1], 0, [-16, 16]), ([7, 7, 7], 0, [0, 0, 0]), ([5], 0, [0]), ([0, 1], 3, [-8, 8]), ([0, 1], 300, [0, 0])],
)
def test_normalize_of_little_spread(x: list[int], eps: int, wanted: list[int]) -> None:
    """frac is 4: a spread of 0 or 1 divides 16 by 1, one of 4 by 2, and one beyond 16 * 16 gives 0."""
    assert rule_of(Normalize(eps, 4, name="n", type=Type((len(x),), 64), inputs=("x",)))(np.array([x])).tolist() == [
        wanted
    ]


_SMALL = st.integers(-(2**20), 2**20)


@given(
    numerators=st.lists(_SMALL, min_size=1, max_size=6),
    frac=st.integers(0, 12),
    grid=st.integers(-6, 6),
    ends=st.tuples(st.integers(-300, 0), st.integers(0, 300)),
)
def test_cast_equals_fractions(numerators: list[int], frac: int, grid: int, ends: tuple[int, int]) -> None:
    """On power-of-two scales float64 is exact here, so the cast must be too."""
    x = [Fraction(n, 1 << frac) for n in numerators]
    scale = Fraction(2) ** grid
    op = Cast(*(Table.real(float(v)) for v in (scale, *ends)), name="c", type=Type((len(x),)), inputs=("x",))
    golden = rule_of(op)(np.array([[float(v) for v in x]]))[0]
    assert [Fraction(v) for v in golden.tolist()] == [cast(v, scale, Fraction(ends[0]), Fraction(ends[1])) for v in x]


@given(
    numerators=st.lists(_SMALL, min_size=1, max_size=6),
    frac=st.integers(0, 20),
    grid=st.integers(-6, 6),
    phase=st.integers(0, 2**16 - 1),
)
def test_dithered_cast_equals_fractions_and_the_requant(
    numerators: list[int], frac: int, grid: int, phase: int
) -> None:
    scale, ends = Fraction(2) ** (grid - frac), (-300, 300)
    x = [Fraction(n, 1 << frac) for n in numerators]
    op = Cast(*(Table.real(float(v)) for v in (scale, *ends)), name="c", type=Type((len(x),)), inputs=("x", "p"))
    golden = rule_of(op)(np.array([[float(v) for v in x]]), np.array([[phase / 2**16]]))[0]
    assert [Fraction(v) for v in golden.tolist()] == [cast(v, scale, *ends, Fraction(phase, 2**16)) for v in x]
    if grid >= 0:
        rounds = rule_of(_requant(1, grid, *ends, phase_bits=16))
        integers = [rounds(np.array([[n]]), np.array([[phase]]))[0, 0] * scale for n in numerators]
        assert [Fraction(v) for v in golden.tolist()] == integers


def test_cast_takes_one_scale_an_element_for_re_and_im() -> None:
    tables = Table.real([0.5, 2.0]), Table.real([-2.0, -1.0]), Table.real(3.0)
    op = Cast(*tables, name="c", type=Type((2,), complex=True), inputs=("x",))
    x = np.array([[[0.74, -9.0], [0.99, 1.0]]])
    assert rule_of(op)(x).tolist() == [[[0.5, -1.0], [0.0, 2.0]]]
