"""Grids: how scales are chosen and numbers rounded onto them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Bits = NDArray[np.int64]  # a scalar, or one an element
_SILENT = 2.0**-100  # what reaches no further is taken for zero


@dataclass(frozen=True)
class IntegerWindow:
    """A value is scale * q with low <= q <= high; all three are scalars or one an element."""

    scale: Real
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def power_of_two_window(low: Real, high: Real, bits: int, least: Real | float = 0.0) -> IntegerWindow:
    """The finest power-of-two scale, from least on, at which 2^bits levels reach from low to high, zero among them.

    The levels need not be symmetric about zero: the window is a zero point that costs nothing, because the integers
    stay centred and only the clamp moves. Levels to spare go to both sides, or to the one side that is in use.
    """
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    exponent = np.ceil(np.log2(_span(low, high) / (2.0**bits - 1))) - 1
    exponent = np.maximum(exponent, np.log2(np.maximum(least, _SILENT)))
    for _ in range(2):  # the ends are rounded, so one level more or less than the span says may do
        exponent = np.where(_levels(low, high, exponent) > 2**bits, exponent + 1, exponent)
    scale = np.exp2(exponent)
    first, last = np.floor(low / scale + 0.5), np.floor(high / scale + 0.5)
    spare = 2**bits - 1 - (last - first)
    below = np.where(low >= 0.0, 0.0, np.where(high <= 0.0, spare, np.floor(spare / 2)))
    first = first - below
    return IntegerWindow(scale, first.astype(np.int64), (first + 2**bits - 1).astype(np.int64))


def affine_window(low: Real, high: Real, bits: Bits | int, least: Real | float = 0.0) -> IntegerWindow:
    """The asymmetric quantiser of Zhao et al.: real scale (high - low) / (2^bits - 1), zero point in the clamp.

    Scales below least are raised to it.
    """
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    scale = np.maximum(_span(low, high) / (2.0**bits - 1), least)
    first = np.floor(low / scale + 0.5).astype(np.int64)
    return IntegerWindow(scale, first, first + 2**bits - 1)


def power_of_two_scale(values: Real, bits: Bits | int, axes: tuple[int, ...], least: Real | float = 0.0) -> Real:
    """The power-of-two scale of each group of numbers (reduced over axes, kept as 1) with the least squared error.

    Compares the scale at which the largest number just fits with the two next finer ones, which clip it; scales below
    least (powers of two as well) are raised to it. A group of zeros gets the scale of numbers up to 1.
    """
    top = 2.0 ** (bits - 1) - 1
    largest = np.abs(values).max(axis=axes, keepdims=True, initial=0.0)
    first = np.exp2(np.ceil(np.log2(np.where(largest > _SILENT, largest, 1.0) / top)))
    best, smallest = first, np.full(first.shape, np.inf)
    for finer in (1.0, 0.5, 0.25):
        scale = first * finer
        error = ((round_to(values, scale, bits) - values) ** 2).sum(axis=axes, keepdims=True)
        best, smallest = np.where(error < smallest, scale, best), np.minimum(error, smallest)
    return np.maximum(best, least)


def round_to(values: Real, scale: Real, bits: Bits | int) -> Real:
    """The nearest numbers scale * q with q of `bits` signed bits."""
    top = 2.0 ** (bits - 1)
    return np.asarray(np.clip(np.rint(values / scale), -top, top - 1) * scale)


def round_in_window(values: Real, window: IntegerWindow) -> Real:
    """The nearest numbers of a window."""
    return np.asarray(np.clip(np.rint(values / window.scale), window.low, window.high) * window.scale)


def _span(low: Real, high: Real) -> Real:
    """How far a value moves; 1 for one that never does, so that a silent channel has no absurdly fine scale."""
    return np.where(high - low > _SILENT, high - low, 1.0)


def _levels(low: Real, high: Real, exponent: Real) -> Real:
    scale = np.exp2(exponent)
    return np.asarray(np.floor(high / scale + 0.5) - np.floor(low / scale + 0.5) + 1)
