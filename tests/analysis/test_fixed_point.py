"""Fixed point: factors against exact fractions, tables against high precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.fixed_point import MULTIPLIER_BITS, as_factor, lut_entries, reciprocal_frac
from qssmc.ir.ops import ACTIVATIONS

RATIO = st.floats(2.0**-40, 2.0**40, allow_nan=False)


def value(left: int, multiplier: int, shift: int) -> Fraction:
    return Fraction(2) ** left * multiplier / 2**shift


@settings(max_examples=200)
@given(ratios=st.lists(RATIO, min_size=1, max_size=4))
def test_factors_are_precise_and_narrow(ratios: list[float]) -> None:
    found = as_factor(np.array(ratios))
    for ratio, left, multiplier, shift in zip(ratios, found.left, found.multiplier, found.shift, strict=True):
        assert abs(value(int(left), int(multiplier), int(shift)) / Fraction(ratio) - 1) <= Fraction(
            1, 2**MULTIPLIER_BITS
        )
        assert 1 <= multiplier <= 2**MULTIPLIER_BITS
        assert min(left, shift) == 0


@settings(max_examples=50)
@given(exponents=st.lists(st.integers(-60, 60), min_size=1, max_size=4))
def test_powers_of_two_are_exact_shifts(exponents: list[int]) -> None:
    found = as_factor(np.exp2(np.array(exponents, np.float64)))
    assert found.multiplier.tolist() == [1] * len(exponents)
    assert (found.left - found.shift).tolist() == exponents


def test_one_odd_ratio_makes_all_of_them_multiply() -> None:
    found = as_factor(np.array([0.5, 0.75]))
    assert found.multiplier.tolist() == [1 << 14, 3 << 13]
    assert found.shift.tolist() == [15, 15]
    assert as_factor(np.ones(0)).multiplier.shape == (0,)


# --- tables: each function once more, in 50 decimal digits ---------------------------------------------------------

getcontext().prec = 50


def _exp(x: Decimal) -> Decimal:
    return x.exp()


def _sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + _exp(-x))


def _tanh(x: Decimal) -> Decimal:
    return 1 - 2 / (_exp(2 * x) + 1)


def _erf(x: Decimal) -> Decimal:
    """By its Taylor series, whose terms stay below 1e20 for |x| <= 6."""
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -45:
        n += 1
        term = -term * x * x / n
        total += term / (2 * n + 1)
    return 2 * total / PI.sqrt()


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097")


def _gelu_tanh(x: Decimal) -> Decimal:
    inner = (2 / PI).sqrt() * (x + Decimal("0.044715") * x**3)
    return x * (1 + _tanh(inner)) / 2


EXACT: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": _exp,
    "gelu": lambda x: x * (1 + _erf(x / Decimal(2).sqrt())) / 2,
    "gelu_tanh": _gelu_tanh,
    "qgelu": lambda x: x * min(max(Decimal(0), x + 2), Decimal(4)) / 4,
    "relu": lambda x: max(Decimal(0), x),
    "rsqrt": lambda x: 1 / x.sqrt() if x > 0 else Decimal(10) ** 9,  # infinite, beyond every clamp
    "silu": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
    "softplus": lambda x: (1 + _exp(x)).ln(),
    "tanh": _tanh,
}


def half_up(x: Decimal) -> int:
    return math.floor(Fraction(x) + Fraction(1, 2))


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize(("low", "high", "frac", "result_frac"), [(-32, 31, 3, 6), (-700, 500, 7, 11), (-5, 90, 4, 2)])
def test_entries_are_exact_to_the_last_bit(kind: str, low: int, high: int, frac: int, result_frac: int) -> None:
    top = 2**result_frac + 3  # clamps some of the large ones
    found = lut_entries(kind, range(low, high + 1), 2.0**-frac, 2.0**-result_frac, -top, top)
    exact = [EXACT[kind](Decimal(q) / 2**frac) * 2**result_frac for q in range(low, high + 1)]
    assert found.tolist() == [max(-top, min(top, half_up(y))) for y in exact]


def test_every_activation_is_checked() -> None:
    assert set(EXACT) == set(ACTIVATIONS)


@pytest.mark.parametrize("count", [1, 2, 16, 64, 512])
@pytest.mark.parametrize("bits", [2, 6, 8, 12])
def test_the_reciprocal_keeps_the_operands_bits(count: int, bits: int) -> None:
    frac = reciprocal_frac(count, 2**bits)
    largest_deviation = count * 2 ** (bits - 1)
    assert frac <= 30
    assert frac == 30 or 2**frac // largest_deviation >= 2**bits
