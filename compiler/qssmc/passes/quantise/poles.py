"""Poles: lambda_bar rounded onto a grid, never onto or outside the unit circle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Bits = NDArray[np.int64]
_REACH = range(-3, 4)


def increment_exponents(pole: Complex, bits: Bits | int, state_bits: Bits | int) -> NDArray[np.float64]:
    """The exponent e of each state: the finest grid 2^-e on which D = lambda_bar - 1 fits into `bits`.

    No finer than what a 32-bit accumulator holds: 2^e (|x| + |Re D x| + |Im D x|) and as much again as |x| for the
    input, with x of state_bits.
    """
    d = pole - 1.0
    largest = np.maximum(np.abs(d.real), np.abs(d.imag))
    finest = np.floor(np.log2((2.0 ** (bits - 1) - 1) / np.maximum(largest, 2.0**-40)))
    room = 0.98 * 2.0 ** (32 - state_bits) / (2.0 + np.abs(d.real) + np.abs(d.imag))
    return np.clip(np.minimum(finest, np.floor(np.log2(room))), 0, None)


def round_inside(pole: Complex, origin: complex, scale: NDArray[np.float64], bits: Bits | int) -> Complex:
    """For each pole, the point origin + scale * (p + iq) that is nearest in log(lambda_bar) strictly inside the circle.

    The log of their ratio measures decay and phase alike, relative to what they do over many steps. p and q have `bits`
    signed bits, without the most negative one. A pole with no such point near it gets the centre-most neighbour.
    """
    ideal = (pole - origin) / scale
    base = np.rint(ideal.real) + 1j * np.rint(ideal.imag)
    top = 2.0 ** (bits - 1) - 1
    best = np.zeros_like(base)
    least = np.full(pole.shape, np.inf)
    for p in _REACH:
        for q in _REACH:
            point = np.clip(base.real + p, -top, top) + 1j * np.clip(base.imag + q, -top, top)
            value = origin + scale * point
            radius = np.abs(value)
            with np.errstate(all="ignore"):
                distance = np.abs(np.log(value / pole))
            distance = np.where((radius < 1.0) & (radius > 0.0), distance, np.inf)
            best = np.where(distance < least, point, best)
            least = np.minimum(distance, least)
    inward = np.clip(np.trunc(ideal.real), -top, top) + 1j * np.clip(np.trunc(ideal.imag), -top, top)
    return np.asarray(np.where(np.isfinite(least), best, inward))
