"""Dither: the rounding term of a requant with a phase, for each element in the lanes of its loop.

d = floor(p 2^s / 2^W) for a phase p of W bits. Where elements differ in s, loops of 32 or 64 bits move the phase to the
top of a lane once and shift it down by what s leaves. C has no such shift for 16 bits, and vector units neither; there
the centred term e = d - 2^(s-1) = floor((p - 2^(W-1)) 2^s / 2^W) is the upper half of a product with 2^s, and
floor((x + d) / 2^s) = floor((x + e + 2^(s-1)) / 2^s) is the rounding shift of x + e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qssmc.analysis.bounds import Interval
from qssmc.backends.c.scalar import INT, CType, Expression, arithmetic, constant, widened
from qssmc.backends.c.unit import Exact
from qssmc.ir.ops import Requant

MOST_CENTRED = 14  # bits of a shift in 16-bit lanes: 2^s must be a factor of 16 bits


@dataclass(frozen=True)
class DitherTerm:
    """The term of every element: d, or d - 2^(s-1) where it is centred; shift is one an element."""

    op: Requant
    shift: Exact
    centred: bool

    @property
    def interval(self) -> Interval:
        """What the term can be, for each number of the op's value."""
        each = self.shift[..., None] if self.op.type.complex else self.shift
        whole = np.array(np.broadcast_to(1 << each, self.op.type.array_shape), dtype=object)
        low = -(whole >> 1) if self.centred else 0 * whole
        return Interval(low, low + whole - 1)

    @property
    def is_uniform(self) -> bool:
        """Whether one number serves all elements."""
        return is_uniform(self.shift)

    def lane(self, ctype: CType) -> CType:
        """The type of the term in a loop that computes in a type."""
        if self.is_uniform or self.centred:
            return arithmetic(*self.interval.span)
        return CType(64 if ctype.bits == 64 or max(self.shift) > 31 else 32)

    def hoisted(self, phase: Expression, lane: CType) -> Expression:
        """What is computed once before the loop: the term itself, or the phase at the top of a lane."""
        bits, half = self.op.phase_bits, 0
        if self.is_uniform:
            shift = int(self.shift[0]) if len(self.shift) else 0
            left, half = shift - bits, (1 << shift) >> 1
        elif self.centred:
            left, half = 16 - bits, 1 << 15
        else:
            left = lane.bits - 1 - bits
        moved = _moved(phase, bits, left)
        if not self.centred:
            return moved
        text = f"({moved.text})" if left else moved.text
        return Expression(
            f"{text} - {constant(half)}", CType(max(INT.bits, moved.ctype.bits, arithmetic(0, half).bits))
        )


def is_uniform(shift: Exact) -> bool:
    """Whether all elements have one shift."""
    return not len(shift) or bool((shift == shift[0]).all())


def _moved(phase: Expression, bits: int, left: int) -> Expression:
    """The phase, of some bits, times 2^left, rounded down."""
    if left == 0:
        return phase
    wide = CType(64) if max(bits, bits + left) > 31 else INT
    shift = f"{'<<' if left > 0 else '>>'} {abs(left)}"
    return Expression(f"{widened(phase, wide)} {shift}", CType(max(wide.bits, phase.ctype.bits)))
