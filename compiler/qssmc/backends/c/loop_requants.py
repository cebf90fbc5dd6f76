"""Loop requants: the expressions of requants in a fused loop, in the widths that the bounds allow."""

from __future__ import annotations

import numpy as np

from qssmc.analysis.bounds import Interval
from qssmc.backends.c import expressions as ex
from qssmc.backends.c.dither import DitherTerm
from qssmc.backends.c.expressions import Scalar
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.loop_values import ZERO, LoopValues
from qssmc.backends.c.requant_folding import FoldedTerm, Rounding, fits16
from qssmc.backends.c.scalar import (
    CType,
    Expression,
    argument,
    arithmetic,
    narrowed,
    widened,
)
from qssmc.backends.c.unit import Exact
from qssmc.ir.ops import Requant


class LoopRequants(LoopValues):
    """Adds what a requant computes: its terms in two scales, its rounding term, its shift and its clamp."""

    def _requant(self, op: Requant, k: int) -> Scalar:
        rounding = self.folds.roundings.get(op.name)
        rounded = self._rounded(op, rounding, k) if rounding else self._multiplied(op, k)
        low, high = self._spread(op, op.low.data), self._spread(op, op.high.data)
        interval = rounded.interval
        if (interval.low >= low).all() and (interval.high <= high).all():
            return rounded
        span = interval.span
        if (low == low[0]).all() and (high == high[0]).all():
            # Bounds that no value reaches need no wider type.
            low, high = np.maximum(low, min(span[0], int(high[0]))), np.minimum(high, max(span[1], int(low[0])))
        reach = ex.hull(interval, Interval(low, high))
        x = self._named(op, k, rounded, "_rounded")
        text = ex.clamped(x, self._table(op, "low", low), self._table(op, "high", high), reach)
        return Scalar(text, self._part(op, k))

    def _multiplied(self, op: Requant, k: int) -> Scalar:
        """A requant with a real-scale multiplier."""
        x, multiplier = self._value(op.inputs[0], k), self._spread(op, op.multiplier.data)
        product = x.interval.times(multiplier)
        shift = self._spread(op, op.shift.data)
        dither = DitherTerm(op, shift, centred=False) if len(op.inputs) > 1 else None
        raised = product.plus(of_part(dither.interval, k, self.lanes)) if dither else product
        ctype = arithmetic(*ex.hull(product, raised).span)
        multiplied = ex.times(x.expression, self._table(op, "multiplier", multiplier), ctype)
        if not dither:
            return self._shifted(op, Scalar(ex.cast(ctype, multiplied), product), shift, k)
        text = ex.added([multiplied, self._dither(op, dither, ctype)], ctype)
        return self._floored(op, Scalar(ex.cast(ctype, text), raised), shift)

    def _rounded(self, op: Requant, rounding: Rounding, k: int) -> Scalar:
        """A requant that only shifts: see requant_folding.py."""
        inside, outer = (of_part(interval, k, self.lanes) for interval in (rounding.inside, rounding.fine_interval))
        dither = rounding.dither
        terms = [self._dither(op, dither, arithmetic(*ex.hull(inside, outer).span))] if dither else []
        parts: list[Expression] = []
        fine = self._terms(rounding.fine, k)
        if rounding.dithers_fine:
            fine, terms = fine + terms, []
        if fine:
            term = fine[0] if len(fine) == 1 else self._joined(fine, outer, cast=True).expression
            pre = self._table(op, "pre", rounding.pre).text
            parts.append(term if pre == "0" else ex.right(term, pre))
        parts += self._terms(rounding.coarse, k) + terms
        parts = parts or [ZERO]
        scalar = Scalar(parts[0], inside)
        if len(parts) > 1 or not parts[0].text.isidentifier():
            scalar = self._named(op, k, self._joined(parts, inside), "_sum")
        if dither and not dither.centred:
            result = self._floored(op, scalar, rounding.shift)
        else:
            result = self._shifted(op, scalar, rounding.shift, k)
        if not rounding.outside:
            return result
        outside = [self._term(term, k) for term in rounding.outside]
        interval = result.interval
        for added in outside:
            interval = Interval(interval.low + added.interval.low, interval.high + added.interval.high)
        return self._joined([result.expression, *(added.expression for added in outside)], interval, cast=True)

    def _terms(self, terms: tuple[FoldedTerm, ...], k: int) -> list[Expression]:
        """The terms of a sum that are not 0 by themselves."""
        found = [self._term(term, k) for term in terms]
        return [term.expression for term in found if not term.is_zero]

    def _joined(self, parts: list[Expression], interval: Interval, *, cast: bool = False) -> Scalar:
        ctype = arithmetic(*interval.span)
        text = parts[0] if len(parts) == 1 else ex.added(parts, ctype)
        return Scalar(ex.cast(ctype, text) if cast else text, interval)

    def _dither(self, op: Requant, dither: DitherTerm, ctype: CType) -> Expression:
        """The rounding term of the element, in a loop whose lanes are of a type."""
        if op.name not in self.dithers:
            lane, name = dither.lane(ctype), op.inputs[1]
            once = Expression(f"{self.unit.names[op.name]}_phase", lane)
            phase = Expression(f"{self.unit.array(self.phase, name)}[0]", self.phase.element[name])
            first = narrowed(dither.hoisted(phase, lane), lane)
            self.hoisted.append(f"const {lane.text} {once.text} = {first};")
            self.dithers[op.name] = once if dither.is_uniform else self._lane_dither(op, dither, once, lane)
        return self.dithers[op.name]

    def _lane_dither(self, op: Requant, dither: DitherTerm, once: Expression, lane: CType) -> Expression:
        name = f"{self.unit.names[op.name]}_dither"
        if dither.centred:
            factor = self._table(op, "phase_factor", 1 << dither.shift)
            text = Expression(f"qssm_multiply_high_i16({once.text}, {factor.text})", CType(16))
        else:
            shift = self._table(op, "shift", dither.shift, lane=lane).text
            text = ex.computed(f"{once.text} >> ({lane.bits - 1} - {shift})", lane)
        self.lines.append(f"const {lane.text} {name} = {narrowed(text, lane)};")
        return Expression(name, lane)

    def _floored(self, op: Requant, x: Scalar, shift: Exact) -> Scalar:
        """floor(x / 2^shift), element by element."""
        result = Interval(x.interval.low >> shift, x.interval.high >> shift)
        lane = CType(64 if max([0, *shift]) > 31 else max(32, x.ctype.bits))
        amount = self._table(op, "shift", shift, lane=lane).text
        if amount == "0":
            return Scalar(x.expression, result)
        wide = Expression(widened(x.expression, lane), lane if lane.bits == 64 else x.expression.ctype)
        return Scalar(ex.right(wide, amount), result)

    def _shifted(self, op: Requant, x: Scalar, shift: Exact, k: int) -> Scalar:
        """floor((x + 2^(shift-1)) / 2^shift), element by element."""
        if not len(shift) or (shift == shift[0]).all():
            return ex.shifted_literal(x, int(shift[0]) if len(shift) else 0)
        half = ex.halves(shift)
        raised = Interval(x.interval.low + half, x.interval.high + half)
        result = Interval(raised.low >> shift, raised.high >> shift)
        if fits16(x.interval) and (shift >= 1).all() and (shift <= 15).all():
            rounding = self._table(op, "rounding", 1 << (15 - shift)).text
            return Scalar(self._kernel(16, x, rounding), result)
        if (shift >= 1).all():
            # The kernel for 16 bits takes a factor instead, and C knows no shift by the width or more.
            bits = 64 if max(shift) > 32 else max(32, x.ctype.bits)
            return Scalar(self._kernel(bits, x, self._table(op, "less_one", shift - 1, lane=CType(bits)).text), result)
        ctype = arithmetic(*ex.hull(x.interval, raised).span)
        amount = self._table(op, "shift", shift).text
        text = ex.raised_and_shifted(x.expression, self._table(op, "half", half), amount, ctype)
        return Scalar(text, result)

    def _kernel(self, bits: int, x: Scalar, amount: str) -> Expression:
        """A rounding shift in so many bits."""
        ctype = CType(bits)
        return Expression(f"qssm_round_shift_i{bits}({argument(narrowed(x.expression, ctype))}, {amount})", ctype)


def of_part(interval: Interval, k: int, lanes: Lanes | None) -> Interval:
    """The interval of the k-th part of a complex value; a real one's own."""
    return Interval(interval.low[..., k], interval.high[..., k]) if lanes else interval
