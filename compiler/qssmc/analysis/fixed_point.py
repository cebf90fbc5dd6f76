"""Fixed point: real factors as shifts or multipliers, and real functions as tables, all in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.scales import is_power_of_two
from qssmc.ir.activation import apply_activation

MULTIPLIER_BITS = 15


@dataclass(frozen=True)
class Factor:
    """x * ratio is (x << left) * multiplier / 2^shift; exact where every ratio is a power of two."""

    left: NDArray[np.int64]
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]


def as_factor(ratio: NDArray[np.float64]) -> Factor:
    """Shifts alone where all ratios are powers of two, else multipliers of 15 bits."""
    zero = np.zeros(ratio.shape, np.int64)
    if is_power_of_two(ratio):
        exponent = np.frexp(ratio)[1].astype(np.int64) - 1
        return Factor(np.maximum(exponent, 0), zero + 1, np.maximum(-exponent, 0))
    shift = MULTIPLIER_BITS - np.frexp(ratio)[1].astype(np.int64)
    multiplier = np.rint(np.ldexp(ratio, shift)).astype(np.int64)
    return Factor(np.maximum(-shift, 0), multiplier, np.maximum(shift, 0))


def lut_entries(
    kind: str, operands: range, unit: float, result_unit: float, low: int, high: int, *, even: bool = False
) -> NDArray[np.int64]:
    """clamp(floor(f(q unit) / result_unit + 1/2), low, high) of an activation f for every q of operands.

    even: a value half-way between two integers becomes the even one.
    """
    values = apply_activation(kind, np.arange(operands.start, operands.stop, dtype=np.float64) * unit) / result_unit
    return np.clip(np.rint(values) if even else np.floor(values + 0.5), low, high).astype(np.int64)


def reciprocal_frac(count: int, levels: int) -> int:
    """The frac of a Normalize over `count` integers within `levels` levels, 30 at most.

    Their deviation is at most count * levels / 2, so that floor(2^frac / deviation) keeps as many bits as the operand
    has, and three more where the operands fill a quarter of their levels, as values do whose peaks are four deviations.
    """
    return min(30, (count * levels // 2).bit_length() + (levels - 1).bit_length())
