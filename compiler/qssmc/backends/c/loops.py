"""Loops: the body of one fused loop, a scalar of C for each op and element, in the widths that the bounds allow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval
from qssmc.backends.c import expressions as ex
from qssmc.backends.c.dither import DitherTerm
from qssmc.backends.c.expressions import Scalar
from qssmc.backends.c.lane_io import add_to
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import CBlock, Phase
from qssmc.backends.c.requant_folding import Rounding, Term, fits16, folds, spread
from qssmc.backends.c.scalar import (
    CType,
    Expression,
    argument,
    arithmetic,
    literal_of,
    narrowed,
    operand,
    plus,
    total,
    widened,
)
from qssmc.backends.c.tables import CTables
from qssmc.backends.c.trace import Trace
from qssmc.backends.c.unit import CUnit, Exact
from qssmc.ir.ops import Add, Advance, Constant, Diag, Inject, Mul, Offset, Op, Readout, Requant, Scale, ShiftLeft

ZERO = literal_of(0)
_PARTS = {"re": "the real part", "im": "the imaginary part"}
# What the numbers of a table are, by the end of its name.
_ABOUT = {
    "b_bar": "input weight, {part}",
    "factor": "factor",
    "value": "what is added",
    "lambda_bar": "factor of the state, {part}",
    "c": "output weight, {part}",
    "times": "power of two that aligns it with what it is added to",
    "scaled_b_bar": "input weight, {part}, times the power of two that aligns the product",
    "scaled_factor": "factor times the power of two that aligns the product",
    "low": "smallest result",
    "high": "largest result",
    "multiplier": "multiplier",
    "pre": "bits shifted out before the terms of coarser scale are added",
    "phase_factor": "2^bits for the bits shifted out, which brings the phase to their size",
    "shift": "bits shifted out",
    "less_one": "bits shifted out, less one",
    "rounding": "2^(15 - bits shifted out), see qssm_round_shift_i16",
    "half": "half of what is shifted out, 0 where nothing is",
    "trace_times": "power of two",
    "trace_over": "power of two",
}


class LoopBody:
    """Writes the statements for one element, given what stands for the inject's operands and the readouts' sums there.

    index is the element's, a number in a block that runs once. operands: inject -> the element of its operand that the
    state at index reads; sums: readout -> where it adds up.
    """

    def __init__(
        self,
        unit: CUnit,
        phase: Phase,
        block: CBlock,
        trace: Trace,
        index: str,
        operands: dict[str, Expression],
        sums: dict[str, Expression],
    ) -> None:
        self.unit, self.phase, self.block, self.trace, self.index = unit, phase, block, trace, index
        self.lanes = block.space if isinstance(block.space, Lanes) else None
        self.suffixes = ("re", "im") if self.lanes else ("i",)
        self.folds = folds(unit.graph, phase, block, unit.bounds)
        self.values: dict[str, list[Scalar]] = {}
        self.scaled: dict[str, Exact] = {}  # inject or scale without variable -> the factor in its table
        self.products: dict[str, list[Scalar]] = {}  # ... and its product with that table
        self.operands, self.sums = operands, sums
        self.dithers: dict[str, Expression] = {}  # requant -> its rounding term at index
        self.hoisted: list[str] = []  # what stands before the loop
        self.lines: list[str] = []

    def write(self) -> list[str]:
        """The statements."""
        for op in self.block.ops:
            if op.name in self.folds.elided:
                continue
            if isinstance(op, Readout):
                self._readout(op)
                continue
            self.values[op.name] = []
            for k in range(len(self.suffixes)):
                self.values[op.name].append(self._named(op, k, self._compute(op, k)))
            self._store(op)
        for op in self.block.ops:
            if not isinstance(op, Readout):
                for k, text in enumerate(self._traced(op.name, k) for k in range(len(self.suffixes))):
                    self.lines.append(self.trace.put(op, self.index, argument(text), k * self._positions))
        return self.lines

    @property
    def _positions(self) -> int:
        if self.lanes:
            return self.lanes.positions
        return self.block.ops[0].type.shape[0]

    # --- elements ---

    def _part(self, op: Op, k: int) -> Interval:
        value = self.unit.bounds[op.name].value
        return Interval(value.low[..., k], value.high[..., k]) if op.type.complex else value

    def _table(
        self,
        op: Op,
        name: str,
        values: NDArray[Any],
        *,
        part: str = "",
        fill: int = 0,
        tables: CTables | None = None,
        lane: CType | None = None,
        pads: bool = False,
    ) -> Expression:
        """A number each position, or one literal. pads: padding must hold the fill, so that it adds to no sum."""
        placed = self.lanes.place(values, fill) if self.lanes else [int(value) for value in values]
        alike = placed if pads else [int(value) for value in values]
        if alike and alike.count(alike[0]) == len(alike):
            return literal_of(alike[0])
        full = "_".join(word for word in (self.unit.names[op.name], name, part) if word)
        about = f"%{op.name}: {_ABOUT[name].format(part=_PARTS.get(part))}"
        return (tables or self.unit.tables).element(full, placed, self.index, about, lane=lane)

    def _spread(self, op: Op, table: NDArray[np.int64]) -> Exact:
        return spread(table, op.type.shape)

    def _value(self, name: str, k: int) -> Scalar:
        """The k-th part of an operand: a variable of this loop, loaded on first use."""
        if name not in self.values:
            op = self.unit.graph[name]
            self.values[name] = [self._load(op, part) for part in range(len(self.suffixes))]
        return self.values[name][k]

    def _load(self, op: Op, k: int) -> Scalar:
        interval = self._part(op, k)
        if isinstance(op, Constant):
            return Scalar(self._table(op, "value", spread(op.value.data, op.type.shape)), interval)
        element = Expression(f"{self.phase.storage[op.name]}[{self._at(k)}]", self.phase.element[op.name])
        return self._named(op, k, Scalar(element, interval))

    def _at(self, k: int) -> str:
        return plus(self._positions * k, self.index)

    def _named(self, op: Op, k: int, scalar: Scalar, stem: str = "") -> Scalar:
        """An expression as a variable; a name or a number stays what it is."""
        if scalar.text.isidentifier() or scalar.text.strip("(-)").isdigit():
            return scalar
        name = f"{self.unit.names[op.name]}{stem}_{self.suffixes[k]}"
        value = argument(narrowed(scalar.expression, scalar.ctype))
        self.lines.append(f"const {scalar.ctype.text} {name} = {value};")
        return Scalar(Expression(name, scalar.ctype), scalar.interval)

    def _store(self, op: Op) -> None:
        if not self.phase.is_local(op):
            element, target = self.phase.element[op.name], self.phase.storage[op.name]
            for k, scalar in enumerate(self.values[op.name]):
                self.lines.append(f"{target}[{self._at(k)}] = {argument(narrowed(scalar.expression, element))};")

    # --- ops ---

    def _compute(self, op: Op, k: int) -> Scalar:
        interval = self._part(op, k)
        if isinstance(op, Requant):
            return self._requant(op, k)
        if isinstance(op, ShiftLeft):
            return Scalar(self._term(self.folds.shifted[op.name], k).expression, interval)
        # Accumulators: int is C's own arithmetic up to 32 bits.
        inner = CType(64) if self.unit.bounds[op.name].inner_width > 32 else CType(32)
        if isinstance(op, Diag):
            return Scalar(self._diag(op, k, inner), interval)
        if isinstance(op, Inject):
            b = self._table(op, "b_bar", op.b_bar.data[:, k], part=self.suffixes[k], pads=True)
            return Scalar(self._injection(op, b, inner), interval)
        operands = [self._value(name, k).expression for name in op.inputs]
        if isinstance(op, Scale):
            factor = self._table(op, "factor", self._spread(op, op.factor.data))
            return Scalar(ex.times(operands[0], factor, inner), interval)
        if isinstance(op, Advance):
            counted = ex.added([operands[0], literal_of(op.step)], inner)
            return Scalar(Expression(f"({counted.text}) & {(1 << op.bits) - 1}", counted.ctype), interval)
        if isinstance(op, Mul):
            return Scalar(ex.computed(f"{widened(operands[0], inner)} * {operands[1].text}", inner), interval)
        if isinstance(op, Offset):
            operands.append(self._table(op, "value", op.value.data))
        assert isinstance(op, (Add, Offset)), op.mnemonic
        return Scalar(ex.added(operands, inner), interval)

    def _diag(self, op: Diag, k: int, inner: CType) -> Expression:
        x = [widened(self._value(op.inputs[0], part).expression, inner) for part in (0, 1)]
        lane = CType(16) if fits16(self.unit.bounds[op.name].value) else inner
        a = [
            self._table(op, "lambda_bar", op.lambda_bar.data[:, i], part=part, lane=lane).text
            for i, part in enumerate(("re", "im"))
        ]
        text = f"{x[0]} * {a[0]} - {x[1]} * {a[1]}" if k == 0 else f"{x[1]} * {a[0]} + {x[0]} * {a[1]}"
        return ex.computed(text, inner)

    def _readout(self, op: Readout) -> None:
        x = [self._value(op.inputs[0], k) for k in (0, 1)]
        target = self.sums[op.name]
        c = [
            self._table(op, "c", op.c.data[:, i], part=part, lane=target.ctype, pads=True).text
            for i, part in enumerate(("re", "im"))
        ]
        re, im = (widened(scalar.expression, target.ctype) for scalar in x)
        product = ex.computed(f"{re} * {c[0]} - {im} * {c[1]}", target.ctype)
        self.lines.append(add_to(target.text, product, target.ctype))

    def _term(self, term: Term, k: int) -> Scalar:
        """factor * value, the factor going into the table of a product that has no variable of its own."""
        op = self.unit.graph[term.value]
        if op.name in self.folds.elided and isinstance(op, (Inject, Scale)):
            return self._scaled_product(op, term, k)
        interval = self._part(op, k).times(term.factor)
        value = self._value(op.name, k)
        if (term.factor == 1).all():
            return value
        inner = CType(64) if not CType(32).holds(*interval.span) else CType(32)
        return Scalar(ex.times(value.expression, self._table(op, "times", term.factor), inner), interval)

    def _scaled_product(self, op: Inject | Scale, term: Term, k: int) -> Scalar:
        interval = self._part(op, k).times(term.factor)
        ctype = arithmetic(*interval.span)
        if isinstance(op, Inject):
            part, data, name = self.suffixes[k], op.b_bar.data[:, k], "scaled_b_bar"
        else:
            part, data, name = "", self._spread(op, op.factor.data), "scaled_factor"
        self.scaled[op.name] = term.factor
        factor = self._table(op, name, data * term.factor, part=part, pads=True)
        if isinstance(op, Inject):
            text = self._injection(op, factor, ctype)
        else:
            text = ex.times(self._value(op.inputs[0], k).expression, factor, ctype)
        product = self._named(op, k, Scalar(text, interval), "_scaled")
        self.products.setdefault(op.name, []).append(product)
        return product

    def _injection(self, op: Inject, factor: Expression, ctype: CType) -> Expression:
        """The operand times a factor; nothing where all input weights are real and this is im."""
        if factor.text == "0" and op.b_bar.data.any():
            return ZERO
        return ex.times(self.operands[op.name], factor, ctype)

    # --- requants ---

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
        raised = product.plus(_lane(dither.interval, k, self.lanes)) if dither else product
        ctype = arithmetic(*ex.hull(product, raised).span)
        multiplied = ex.times(x.expression, self._table(op, "multiplier", multiplier), ctype)
        if not dither:
            return self._shifted(op, Scalar(ex.cast(ctype, multiplied), product), shift, k)
        text = ex.added([multiplied, self._dither(op, dither, ctype)], ctype)
        return self._floored(op, Scalar(ex.cast(ctype, text), raised), shift)

    def _rounded(self, op: Requant, rounding: Rounding, k: int) -> Scalar:
        """A requant that only shifts: see requant_folding.py."""
        inside, outer = (_lane(interval, k, self.lanes) for interval in (rounding.inside, rounding.fine_interval))
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

    def _terms(self, terms: tuple[Term, ...], k: int) -> list[Expression]:
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
        rounded = ex.cast(ctype, ex.added([x.expression, self._table(op, "half", half)], ctype))
        return Scalar(ex.right(rounded, self._table(op, "shift", shift).text), result)

    def _kernel(self, bits: int, x: Scalar, amount: str) -> Expression:
        """A rounding shift in so many bits."""
        ctype = CType(bits)
        return Expression(f"qssm_round_shift_i{bits}({argument(narrowed(x.expression, ctype))}, {amount})", ctype)

    # --- trace ---

    def _traced(self, name: str, k: int) -> str:
        """The exact value of an op, put together again where it has no variable of its own."""
        op, tables = self.unit.graph[name], self.unit.trace_tables
        if name not in self.folds.elided:
            return self.values[name][k].text
        if isinstance(op, ShiftLeft):
            factor = np.array(1 << self._spread(op, op.amount.data), dtype=object)
            times = self._table(op, "trace_times", factor, fill=1, tables=tables).text
            text = operand(self._traced_operand(op.inputs[0], k))
            return text if times == "1" or text == "0" else f"(int64_t){text} * {times}"
        if isinstance(op, (Inject, Scale)):
            over = self._table(op, "trace_over", self.scaled[name], fill=1, tables=tables).text
            product = self.products[name][k].text
            return product if over == "1" or product == "0" else f"{product} / {over}"
        texts = [self._traced_operand(name, k) for name in op.inputs]
        return "(int64_t)" + total([operand(texts[0]), *(operand(text) for text in texts[1:])])

    def _traced_operand(self, name: str, k: int) -> str:
        return self._traced(name, k) if name in self.folds.elided else self._value(name, k).text


def _lane(interval: Interval, k: int, lanes: Lanes | None) -> Interval:
    return Interval(interval.low[..., k], interval.high[..., k]) if lanes else interval
