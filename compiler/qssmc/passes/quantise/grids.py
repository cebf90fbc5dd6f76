"""Grids: how scales are chosen and numbers rounded onto them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """A value is scale * q with low <= q <= high; all three are scalars or one an element."""

    scale: Real
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def power_of_two_window(low: Real, high: Real, bits: int) -> Window:
    """The finest power-of-two scale at which 2^bits levels reach from low to high, zero among them.

    The levels need not be symmetric about zero: the window is a zero point that costs nothing, because the integers
    stay centred and only the clamp moves. Levels to spare go to both sides, or to the one side that is in use.
    """
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    span = np.maximum(high - low, 2.0**-30)
    exponent = np.ceil(np.log2(span / (2.0**bits - 1)))
    exponent = np.where(_levels(low, high, exponent) > 2**bits, exponent + 1, exponent)
    scale = np.exp2(exponent)
    first, last = np.floor(low / scale + 0.5), np.floor(high / scale + 0.5)
    spare = 2**bits - 1 - (last - first)
    below = np.where(low >= 0.0, 0.0, np.where(high <= 0.0, spare, np.floor(spare / 2)))
    first = first - below
    return Window(scale, first.astype(np.int64), (first + 2**bits - 1).astype(np.int64))


def affine_window(low: Real, high: Real, bits: int) -> Window:
    """The asymmetric quantiser of Zhao et al.: real scale (high - low) / (2^bits - 1), zero point folded into the clamp."""
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    scale = np.maximum(high - low, 2.0**-30) / (2.0**bits - 1)
    first = np.floor(low / scale + 0.5).astype(np.int64)
    return Window(scale, first, first + 2**bits - 1)


def power_of_two_scale(values: Real, bits: int, axes: tuple[int, ...]) -> Real:
    """The power-of-two scale of each group of numbers (reduced over axes, kept as 1) with the least squared error.

    Compares the scale at which the largest number just fits with the two next finer ones, which clip it.
    """
    top = 2.0 ** (bits - 1) - 1
    largest = np.abs(values).max(axis=axes, keepdims=True, initial=0.0)
    first = np.exp2(np.ceil(np.log2(np.maximum(largest, 2.0**-40) / top)))
    best, least = first, None
    for finer in (1.0, 0.5, 0.25):
        scale = first * finer
        error = ((round_to(values, scale, bits) - values) ** 2).sum(axis=axes, keepdims=True)
        if least is None:
            best, least = scale, error
        else:
            best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return np.asarray(best)


def round_to(values: Real, scale: Real, bits: int) -> Real:
    """The nearest numbers scale * q with q of `bits` signed bits."""
    top = 2.0 ** (bits - 1)
    return np.asarray(np.clip(np.rint(values / scale), -top, top - 1) * scale)


def round_in_window(values: Real, window: Window) -> Real:
    """The nearest numbers of a window."""
    return np.asarray(np.clip(np.rint(values / window.scale), window.low, window.high) * window.scale)


def _levels(low: Real, high: Real, exponent: Real) -> Real:
    scale = np.exp2(exponent)
    return np.asarray(np.floor(high / scale + 0.5) - np.floor(low / scale + 0.5) + 1)
