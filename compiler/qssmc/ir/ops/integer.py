"""Integer ops: rounding, shifting and tables, of the integer stage alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from qssmc.ir.ops.op import (
    WIDEST_PHASE,
    Op,
    Precision,
    Still,
    Types,
    Widths,
    holding,
    kind,
    like,
    need,
    rounding_phase,
    spread,
    vector,
)
from qssmc.ir.table import Table
from qssmc.ir.types import WIDEST, Type


@dataclass(frozen=True)
class Requant(Still):
    """clamp(floor((x * multiplier + d) / 2^shift), low, high): the only op that loses bits.

    All tables are scalars or one an element, shared by re and im. d is 2^(shift-1), round half up, and 0 where shift
    is 0. With a second operand, a phase p of phase_bits unsigned bits that serves all elements, the rounding is
    dithered instead: d = floor(p * 2^shift / 2^phase_bits).
    """

    multiplier: Table
    shift: Table
    low: Table
    high: Table
    phase_bits: int = 0
    mnemonic = "requant"
    optional = 1
    stages = ("integer",)
    nature = "rounding"
    analog = "digital"
    granularity = "channel"
    holds = holding(multiplier="multipliers", shift="exponents", low="clamps", high="clamps")

    def rule(self, operands: Types) -> Type:
        x = operands[0]
        need(not x.is_real, "requant exists in the integer stage only")
        if rounding_phase(operands):
            need(1 <= self.phase_bits <= WIDEST_PHASE, f"phase_bits must be 1 to 32, not {self.phase_bits}")
        else:
            need(self.phase_bits == 0, f"phase_bits is {self.phase_bits}, but there is no phase")
        for what in ("multiplier", "shift", "low", "high"):
            spread(getattr(self, what), x, what)
            kind(getattr(self, what), x, what)
        need(bool(((self.shift.data >= 0) & (self.shift.data < WIDEST - 1)).all()), "shift must lie in 0..62")
        need(bool((self.low.data <= self.high.data).all()), "low must not exceed high")
        return like(x, x.shape, x.complex)


@dataclass(frozen=True)
class ShiftLeft(Still):
    """x * 2^amount, exact. amount is a scalar or one an element, shared by re and im."""

    amount: Table
    mnemonic = "shift_left"
    stages = ("integer",)
    nature = "exact"
    analog = "sum"
    granularity = "channel"
    holds = holding(amount="exponents")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(not x.is_real, "shift_left exists in the integer stage only")
        spread(self.amount, x, "amount")
        kind(self.amount, x, "amount")
        need(bool(((self.amount.data >= 0) & (self.amount.data < WIDEST - 1)).all()), "amount must lie in 0..62")
        return like(x, x.shape, x.complex)


@dataclass(frozen=True)
class Lut(Still):
    """entries[x - first]: a nonlinearity of one bounded value. entries: (T,) shared, or (H, T); first: (), or (H,)."""

    entries: Table
    first: Table
    mnemonic = "lut"
    stages = ("integer",)
    nature = "nonlinear"
    analog = "digital"
    granularity = "channel"
    holds = holding(entries="lookup tables", first="zero points")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(not x.is_real, "lut exists in the integer stage only")
        extent = vector(x)
        kind(self.entries, x, "entries")
        kind(self.first, x, "first")
        shared = len(self.entries.shape) == 1
        need(shared or (len(self.entries.shape) == 2 and self.entries.shape[0] == extent), "entries do not fit")
        need(self.first.shape in ((), (extent,)), f"first is {self.first.shape}, but the operand is {x}")
        return like(x, (extent,))


@dataclass(frozen=True)
class Normalize(Op):
    """The integer core of norms: with n elements, sum s and v = n * sum(x^2) - s^2 + eps (all exact integers),
    (n * x - s) * floor(2^frac / max(1, isqrt(v))). Its value is (x - mean) / std on a grid of about 2^-frac.

    centred 1 is LayerNorm's. With centred 0, RMSNorm's, s is 0, and the value is x / sqrt(mean(x^2)).
    """

    eps: int
    frac: int
    centred: int = 1
    mnemonic = "normalize"
    stages = ("integer",)
    nature = "nonlinear"
    analog = "digital"
    granularity = "shared"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(not x.is_real, "normalize exists in the integer stage only")
        need(self.centred in (0, 1), f"centred must be 0 or 1, not {self.centred}")
        need(self.eps >= 0 and 0 <= self.frac <= 30, "eps must not be negative, frac must be 0 to 30")
        return like(x, (vector(x),))

    def reach(self, largest: int) -> int:
        """How far a value may lie from 0 where no element of the operand lies farther from it than `largest`.

        |n x - s| <= sqrt((n - 1) v), and isqrt(v) > sqrt(v) / 2, so it stays below 2 sqrt(n - 1) 2^frac. Not centred,
        |n x| <= sqrt(n v), and it stays below 2 sqrt(n) 2^frac.
        """
        (count,) = self.type.shape
        deviation = (1 + self.centred) * count * largest
        return min(2 * math.isqrt(max(0, count - self.centred)) + 2, deviation) << self.frac

    def products(self, bits: Precision) -> Iterable[Widths]:
        x = bits.operands[0]
        yield x**2
        yield (x + len(x).bit_length()) * (self.frac + 1)
