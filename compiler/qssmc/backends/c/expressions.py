"""Expressions: C scalars with their proven intervals, and the arithmetic that loops build from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qssmc.analysis.bounds import Interval
from qssmc.backends.c.scalar import (
    INT,
    CType,
    Expression,
    argument,
    arithmetic,
    literal_of,
    narrowed,
    shifted_operand,
    total,
    widened,
)
from qssmc.backends.c.unit import Exact


@dataclass(frozen=True)
class Scalar:
    """An expression for one element, and the interval of every element of the vector."""

    expression: Expression
    interval: Interval

    @property
    def text(self) -> str:
        """The expression in C."""
        return self.expression.text

    @property
    def ctype(self) -> CType:
        """The type to compute it in."""
        return arithmetic(*self.interval.span)

    @property
    def is_zero(self) -> bool:
        """Whether it is the literal 0."""
        return self.text == "0"


def computed(text: str, target: CType) -> Expression:
    """A result of arithmetic in target: int up to 32 bits."""
    return Expression(text, CType(max(target.bits, INT.bits)))


def hull(*intervals: Interval) -> Interval:
    """The interval that holds all of them, element by element."""
    low, high = intervals[0].low, intervals[0].high
    for other in intervals[1:]:
        low, high = np.minimum(low, other.low), np.maximum(high, other.high)
    return Interval(low, high)


def cast(target: CType, x: Expression) -> Expression:
    """x narrowed to a type that it is proven to fit."""
    return Expression(narrowed(x, target), x.ctype if target.holds(*x.ctype.bounds) else target)


def added(parts: list[Expression], target: CType) -> Expression:
    """The sum of several operands in target."""
    return computed(total([widened(part, target) for part in parts]), target)


def times(x: Expression, factor: Expression, target: CType) -> Expression:
    """A product; the factor 1 costs nothing."""
    if factor.text == "1":
        return x if target.bits < 64 else Expression(widened(x, target), CType(64))
    return computed(f"{widened(x, target)} * {factor.text}", target)


def clamped(x: Scalar, low: Expression, high: Expression, reach: Interval) -> Expression:
    """x saturated to low..high, whose hull with x's interval is reach."""
    ctype = arithmetic(*reach.span)
    arguments = ", ".join(argument(narrowed(each, ctype)) for each in (x.expression, low, high))
    return Expression(f"qssm_clamp_i{ctype.bits}({arguments})", ctype)


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
    text = raised_and_shifted(x.expression, literal_of(half), str(shift), ctype)
    return Scalar(text, Interval(raised.low >> shift, raised.high >> shift))


def raised_and_shifted(x: Expression, half: Expression, amount: str, ctype: CType) -> Expression:
    """(x + half) >> amount for a sum that fits a type; in 16 bits by a kernel, so that lanes stay that narrow."""
    if ctype.bits > 16 or not ctype.holds(*half.ctype.bounds):
        return right(cast(ctype, added([x, half], ctype)), amount)
    return Expression(f"qssm_add_shift_i16({argument(narrowed(x, ctype))}, {half.text}, {amount})", ctype)


def right(x: Expression, amount: str) -> Expression:
    """x shifted right, in parentheses."""
    return computed(f"({shifted_operand(x.text)} >> {amount})", x.ctype)
