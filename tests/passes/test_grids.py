"""Grids: windows hold zero and what they must reach, scales are powers of two, and no finer one would do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.scales import is_power_of_two
from qssmc.passes.quantise.grids import (
    IntegerWindow,
    affine_window,
    power_of_two_scale,
    power_of_two_window,
    round_in_window,
    round_to,
)

FINITE = st.floats(-1e6, 1e6, allow_nan=False, width=32).map(lambda x: x if abs(x) > 1e-20 else 0.0)
RANGES = st.tuples(FINITE, FINITE).map(lambda ends: (min(ends), max(ends)))
BITS = st.integers(2, 12)


def levels(window: IntegerWindow) -> int:
    return int(window.high) - int(window.low) + 1


def nearest(x: float, scale: float) -> int:
    """Half up, in fractions."""
    return (Fraction(x) / Fraction(scale) + Fraction(1, 2)).__floor__()


@settings(max_examples=200)
@given(ends=RANGES, bits=BITS)
def test_power_of_two_windows_hold_zero_and_the_range_and_have_all_levels(ends: tuple[float, float], bits: int) -> None:
    low, high = ends
    window = power_of_two_window(np.float64(low), np.float64(high), bits)
    scale = float(window.scale)
    assert is_power_of_two(np.float64(scale))
    assert levels(window) == 2**bits
    assert window.low <= 0 <= window.high
    assert window.low <= nearest(min(low, 0.0), scale)
    assert nearest(max(high, 0.0), scale) <= window.high


@settings(max_examples=200)
@given(ends=RANGES, bits=BITS)
def test_no_finer_power_of_two_would_reach(ends: tuple[float, float], bits: int) -> None:
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    if low == high:
        return
    scale = float(power_of_two_window(np.float64(low), np.float64(high), bits).scale) / 2
    assert nearest(high, scale) - nearest(low, scale) + 1 > 2**bits


@pytest.mark.parametrize(
    ("ends", "bits", "wanted"),
    [
        ((0.0, 255 / 256), 8, (2.0**-8, 0, 255)),  # an unsigned byte, exactly
        ((-1.0, 1.0), 4, (2.0**-2, -7, 8)),
        ((-3.0, 0.0), 2, (1.0, -3, 0)),
        ((2.0, 3.0), 2, (1.0, 0, 3)),  # zero belongs to it although no sample is there
        ((0.0, 0.0), 3, (2.0**-3, 0, 7)),  # silent: as if it reached 1
        ((-0.17, 2.0), 4, (2.0**-2, -4, 11)),  # gelu: the spare levels go to both sides
    ],
)
def test_windows_by_hand(ends: tuple[float, float], bits: int, wanted: tuple[float, int, int]) -> None:
    window = power_of_two_window(np.float64(ends[0]), np.float64(ends[1]), bits)
    assert (float(window.scale), int(window.low), int(window.high)) == wanted


def test_a_window_is_no_finer_than_the_least_scale() -> None:
    window = power_of_two_window(np.array([-1e-9, -1.0]), np.array([0.0, 1.0]), 8, np.array([2.0**-20, 2.0**-20]))
    assert window.scale.tolist() == [2.0**-20, 2.0**-6]
    window = affine_window(np.array([-1e-9, -1.0]), np.array([0.0, 1.0]), 8, np.array([2.0**-20, 2.0**-20]))
    assert window.scale.tolist() == [2.0**-20, 2.0 / 255]


@pytest.mark.parametrize("tiny", [5e-324, 1e-200, 2.0**-101])
def test_ranges_too_small_to_divide_count_as_silent(tiny: float) -> None:
    for make in (power_of_two_window, affine_window):
        window = make(np.float64(0.0), np.float64(tiny), 8)
        assert 2.0**-8 <= float(window.scale) <= 2.0**-7
    assert float(power_of_two_scale(np.array([tiny]), 8, (0,))[0]) == 2.0**-6


@settings(max_examples=200)
@given(ends=RANGES, bits=BITS)
def test_affine_windows_hold_zero_and_the_range_and_have_all_levels(ends: tuple[float, float], bits: int) -> None:
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    window = affine_window(np.float64(ends[0]), np.float64(ends[1]), bits)
    scale = float(window.scale)
    assert levels(window) == 2**bits
    assert window.low <= 0 <= window.high
    if high > low:
        assert scale == (high - low) / (2**bits - 1)
        # The zero point is a whole number of steps, so an end of the range moves by up to half a step.
        assert abs(int(window.low) * scale - low) <= scale * 0.5000001
        assert abs(int(window.high) * scale - high) <= scale * 0.5000001


@settings(max_examples=100)
@given(values=st.lists(FINITE, min_size=1, max_size=6), bits=st.integers(2, 8))
def test_power_of_two_scale_has_the_least_error_of_its_three(values: list[float], bits: int) -> None:
    array = np.array(values)
    scale = float(power_of_two_scale(array, bits, (0,))[0])
    assert is_power_of_two(np.float64(scale))
    top = 2 ** (bits - 1) - 1
    largest = float(np.abs(array).max()) or 1.0
    fits = next(Fraction(2) ** e for e in range(-60, 40) if top * Fraction(2) ** e >= Fraction(largest))
    candidates = [float(fits), float(fits) / 2, float(fits) / 4]
    assert scale in candidates

    def error(s: float) -> float:
        return float(((round_to(array, np.float64(s), bits) - array) ** 2).sum())

    assert error(scale) == min(error(candidate) for candidate in candidates)


def test_groups_have_their_own_scales_and_a_floor() -> None:
    values = np.array([[1.0, -0.5], [1e-12, 0.0], [0.0, 0.0]])
    least = np.array([[0.0], [2.0**-20], [0.0]])
    assert power_of_two_scale(values, 4, (1,), least).tolist() == [[2.0**-2], [2.0**-20], [2.0**-2]]
    assert power_of_two_scale(np.zeros((0, 2)), 4, (1,)).shape == (0, 1)


@settings(max_examples=100)
@given(x=FINITE, bits=BITS, exponent=st.integers(-12, 12))
def test_rounding_to_a_grid(x: float, bits: int, exponent: int) -> None:
    scale, top = 2.0**exponent, 2 ** (bits - 1)
    q = float(round_to(np.array([x]), np.float64(scale), bits)[0]) / scale
    assert q == int(q)
    assert -top <= q <= top - 1
    if -top <= x / scale <= top - 1:
        assert abs(Fraction(q) - Fraction(x) / Fraction(scale)) <= Fraction(1, 2)
    else:
        assert q in (-top, top - 1)


@settings(max_examples=50)
@given(x=FINITE, ends=RANGES, bits=BITS)
def test_rounding_in_a_window(x: float, ends: tuple[float, float], bits: int) -> None:
    window = affine_window(np.float64(ends[0]), np.float64(ends[1]), bits)
    found = float(round_in_window(np.array([x]), window)[0])
    allowed = [q * float(window.scale) for q in range(int(window.low), int(window.high) + 1)]
    assert found in allowed
    assert abs(found - x) <= min(abs(y - x) for y in allowed) * (1 + 1e-9)
