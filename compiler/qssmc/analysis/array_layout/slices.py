"""Slices: a column of integers as a sum of columns that cells can hold, each times a power of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError

Integers = NDArray[np.int64]
_WIDEST = 62


@dataclass(frozen=True)
class ColumnSlice:
    """digits * 2^exponent; |digits| is at most what a cell can hold. digits: (rows,)."""

    exponent: int
    digits: Integers


def slices_of(column: Integers, gains: Integers, bits: int) -> tuple[ColumnSlice, ...]:
    """The slices of a column of M, least significant first: M[r] = sum of digits[r] * 2^(exponent + gains[r]).

    gains: (rows,), the power of two by which a row's code exceeds the row's value. Digits have the sign of their number
    and `bits` bits, and windows of bits are laid from the lowest bit in use upwards, which needs the fewest slices.
    """
    places = [int(gain) for gain in gains]
    used = [r for r in range(len(column)) if column[r]]
    if not used:
        return ()
    lowest = min(_valuation(int(column[r])) - places[r] for r in used)
    whole = np.zeros(len(column), np.int64)
    for r in used:
        scaled = _shifted(int(column[r]), -places[r] - lowest)
        if scaled.bit_length() > _WIDEST:
            raise UnsupportedModelError(
                f"the weights of one column lie a factor of 2^{_WIDEST} apart; use fewer bits for the states"
            )
        whole[r] = scaled
    found = []
    sign, rest, exponent = np.sign(whole), np.abs(whole), lowest
    while rest.any():
        together = int(np.bitwise_or.reduce(rest))
        skip = (together & -together).bit_length() - 1
        rest, exponent = rest >> skip, exponent + skip
        found.append(ColumnSlice(exponent, sign * (rest & ((1 << bits) - 1))))
        rest, exponent = rest >> bits, exponent + bits
    return tuple(found)


def _valuation(value: int) -> int:
    return (value & -value).bit_length() - 1


def _shifted(value: int, amount: int) -> int:
    """value * 2^amount; the bits that a right shift drops are zeros."""
    return value << amount if amount >= 0 else value >> -amount
