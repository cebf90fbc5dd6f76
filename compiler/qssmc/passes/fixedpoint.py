"""Fixed point: a positive real factor as a shift, or as an integer multiplier and a shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.passes.scales import is_power_of_two

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
