"""Expressions: C scalars with their proven intervals, and the arithmetic that loops build from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qssmc.analysis.bounds import Interval
from qssmc.backends.c.scalar import CType, arithmetic, literal
from qssmc.backends.c.unit import Exact


@dataclass(frozen=True)
class Scalar:
    """A C expression for one element, and the interval of every element of the vector."""

    text: str
    interval: Interval

    @property
    def ctype(self) -> CType:
        """The type to compute it in."""
        return arithmetic(*self.interval.span)


def hull(*intervals: Interval) -> Interval:
    """The interval that holds all of them, element by element."""
    low, high = intervals[0].low, intervals[0].high
    for other in intervals[1:]:
        low, high = np.minimum(low, other.low), np.maximum(high, other.high)
    return Interval(low, high)


def wide(text: str, target: CType) -> str:
    """An operand as it must be for arithmetic in target: int is wide enough up to 32 bits."""
    return f"(int64_t){text}" if target.bits == 64 else text


def cast(target: CType, text: str) -> str:
    """An expression narrowed to a type that it is proven to fit."""
    return f"({target.text})({text})"


def times(x: str, factor: str, target: CType) -> str:
    """A product; the factor 1 costs nothing."""
    return wide(x, target) if factor == "1" else f"{wide(x, target)} * {factor}"


def clamped(x: Scalar, low: str, high: str, reach: Interval) -> str:
    """x saturated to low..high, whose hull with x's interval is reach."""
    ctype = arithmetic(*reach.span)
    return f"qssm_clamp_i{ctype.bits}({cast(ctype, x.text)}, {low}, {high})"


def halves(shift: Exact) -> Exact:
    """The rounding term of each shift."""
    return np.array((1 << shift) >> 1, dtype=object)


def shifted_literal(x: Scalar, shift: int) -> Scalar:
    """floor((x + 2^(shift-1)) / 2^shift) for one shift of all elements."""
    if shift == 0:
        return x
    half = 1 << (shift - 1)
    raised = Interval(x.interval.low + half, x.interval.high + half)
    ctype = arithmetic(*hull(x.interval, raised).span)
    text = f"({cast(ctype, f'{wide(x.text, ctype)} + {literal(half)}')} >> {shift})"
    return Scalar(text, Interval(raised.low >> shift, raised.high >> shift))
