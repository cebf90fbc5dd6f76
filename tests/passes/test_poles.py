"""Poles: rounded to the nearest in log, and never onto or outside the unit circle."""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.passes.quantise.poles import increment_exponents, round_inside

POLES = st.builds(
    lambda decay, phase: cmath.rect(1.0 - 2.0**-decay, phase), st.floats(0.2, 30.0), st.floats(-cmath.pi, cmath.pi)
)


def rounded(pole: complex, origin: complex, scale: float, bits: int) -> complex:
    point = round_inside(np.array([pole]), origin, np.array([scale]), bits)[0]
    assert point == complex(round(point.real), round(point.imag))
    assert max(abs(point.real), abs(point.imag)) <= 2 ** (bits - 1) - 1
    return origin + scale * complex(point)


def neighbours(pole: complex, origin: complex, scale: float, bits: int) -> list[complex]:
    """Every grid point within four steps, strictly inside the circle, but for 0, whose log is not finite."""
    top, ideal = 2 ** (bits - 1) - 1, (pole - origin) / scale
    found = []
    for p in range(round(ideal.real) - 4, round(ideal.real) + 5):
        for q in range(round(ideal.imag) - 4, round(ideal.imag) + 5):
            value = origin + scale * complex(p, q)
            if max(abs(p), abs(q)) <= top and 0.0 < abs(value) < 1.0:
                found.append(value)
    return found


def grid(pole: complex, bits: int, increment: bool) -> tuple[complex, float]:
    if increment:
        return 1.0, float(np.exp2(-increment_exponents(np.array([pole]), bits, 16))[0])
    return 0.0, 2.0 ** -(bits - 1)


@settings(max_examples=300)
@given(pole=POLES, bits=st.integers(3, 16), increment=st.booleans())
def test_always_strictly_inside(pole: complex, bits: int, increment: bool) -> None:
    origin, scale = grid(pole, bits, increment)
    assert abs(rounded(pole, origin, scale, bits)) < 1.0


@settings(max_examples=300)
@given(pole=POLES, bits=st.integers(4, 16), increment=st.booleans())
def test_the_nearest_in_log_by_brute_force(pole: complex, bits: int, increment: bool) -> None:
    origin, scale = grid(pole, bits, increment)
    found = rounded(pole, origin, scale, bits)
    others = neighbours(pole, origin, scale, bits)
    if not others:
        return
    assert abs(cmath.log(found / pole)) <= min(abs(cmath.log(other / pole)) for other in others) * (1 + 1e-9)


def test_across_the_branch_cut_of_the_log() -> None:
    # The grid point below the real axis is the nearest, although its phase is +pi, not -pi.
    assert rounded(complex(-0.9, -0.01), 0.0, 2.0**-3, 4) == complex(-0.875, 0.0)


@settings(max_examples=100)
@given(pole=POLES, bits=st.integers(3, 16), state_bits=st.integers(4, 16))
def test_the_increment_fits_and_the_sum_has_32_bits(pole: complex, bits: int, state_bits: int) -> None:
    exponent = float(increment_exponents(np.array([pole]), bits, state_bits)[0])
    assert exponent == int(exponent) >= 0
    d = abs(pole.real - 1.0), abs(pole.imag)
    if exponent > 0:
        assert max(d) * 2**exponent <= 2 ** (bits - 1) - 1
    assert 2 ** (state_bits - 1) * (2**exponent * (2.0 + sum(d))) < 2**31
    finer = max(d) * 2 ** (exponent + 1) <= 2 ** (bits - 1) - 1
    assert not finer or 2 ** (state_bits - 1) * 2 ** (exponent + 1) * (2.0 + sum(d)) >= 0.97 * 2**31


@pytest.mark.parametrize("increment", [True, False])
@pytest.mark.parametrize("pole", [0j, 1e-30 + 0j, complex(-1 + 1e-12, 0), complex(1 - 1e-12, 0), 1e-320j])
@pytest.mark.parametrize("bits", [3, 8, 16])
def test_extreme_poles(pole: complex, bits: int, increment: bool) -> None:
    origin, scale = grid(pole, bits, increment)
    assert abs(rounded(pole, origin, scale, bits)) < 1.0


def test_many_at_once_and_none() -> None:
    poles: NDArray[Any] = np.array([0.9 + 0.1j, 0.5j, -0.3 + 0j])
    scale = np.array([2.0**-6, 2.0**-5, 2.0**-4])
    together = round_inside(poles, 0.0, scale, 7)
    alone = [complex(round_inside(poles[i : i + 1], 0.0, scale[i : i + 1], 7)[0]) for i in range(3)]
    assert together.tolist() == alone
    assert round_inside(poles[:0], 0.0, scale[:0], 7).shape == (0,)
    assert increment_exponents(poles[:0], 8, 8).shape == (0,)
