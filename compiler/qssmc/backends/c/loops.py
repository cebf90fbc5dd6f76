"""Loops: the body of one fused loop, a scalar of C for each op and element, in the widths that the bounds allow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval
from qssmc.backends.c import expressions as ex
from qssmc.backends.c.dither import Dither
from qssmc.backends.c.expressions import Scalar
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import Block, Phase
from qssmc.backends.c.requant_folding import Rounding, Term, fits16, folds, spread
from qssmc.backends.c.scalar import CType, arithmetic, literal
from qssmc.backends.c.trace import Trace
from qssmc.backends.c.unit import Exact, Unit
from qssmc.ir.ops import Add, Advance, Constant, Diag, Inject, Mul, Offset, Op, Readout, Requant, Scale, ShiftLeft


class LoopBody:
    """Writes the statements for element i, given what stands for the inject's operands and the readouts' sums there."""

    def __init__(self, unit: Unit, phase: Phase, block: Block, trace: Trace) -> None:
        self.unit, self.phase, self.block, self.trace = unit, phase, block, trace
        self.lanes = block.space if isinstance(block.space, Lanes) else None
        self.suffixes = ("re", "im") if self.lanes else ("i",)
        self.folds = folds(unit.graph, phase, block, unit.bounds)
        self.values: dict[str, list[Scalar]] = {}
        self.scaled: dict[str, Exact] = {}
        self.injected: dict[str, str] = {}  # inject -> the element of its operand that the state at i reads
        self.sums: dict[str, tuple[str, CType]] = {}  # readout -> where it adds up
        self.dithers: dict[str, str] = {}  # requant -> its rounding term at i
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
            self.values[op.name] = [self._bind(op, k, self._compute(op, k)) for k in range(len(self.suffixes))]
            self._store(op)
        for op in self.block.ops:
            if not isinstance(op, Readout):
                for k, scalar in enumerate(self._traced(op.name, k) for k in range(len(self.suffixes))):
                    self.lines.append(self.trace.put(op, "i", scalar, k * self._positions))
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
        fill: int = 0,
        only_trace: bool = False,
        lane: CType | None = None,
        silent: bool = False,
    ) -> str:
        """A number each position, or one literal. silent: padding must hold the fill, so that it adds to no sum."""
        placed = self.lanes.place(values, fill) if self.lanes else [int(value) for value in values]
        alike = placed if silent else [int(value) for value in values]
        if alike and alike.count(alike[0]) == len(alike):
            return literal(alike[0])
        full = f"{self.unit.names[op.name]}_{name}"
        return self.unit.tables.element(full, placed, "i", only_trace=only_trace, lane=lane)

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
        return self._bind(op, k, Scalar(f"{self.phase.storage[op.name]}[{self._at(k)}]", interval))

    def _at(self, k: int) -> str:
        return f"{self._positions} + i" if k else "i"

    def _bind(self, op: Op, k: int, scalar: Scalar, stem: str = "") -> Scalar:
        """Name an expression."""
        name = f"{self.unit.names[op.name]}{stem}_{self.suffixes[k]}"
        self.lines.append(f"const {scalar.ctype.text} {name} = {ex.cast(scalar.ctype, scalar.text)};")
        return Scalar(name, scalar.interval)

    def _store(self, op: Op) -> None:
        if not self.phase.is_local(op):
            element, target = self.phase.element[op.name], self.phase.storage[op.name]
            for k, scalar in enumerate(self.values[op.name]):
                self.lines.append(f"{target}[{self._at(k)}] = ({element.text}){scalar.text};")

    # --- ops ---

    def _compute(self, op: Op, k: int) -> Scalar:
        interval = self._part(op, k)
        if isinstance(op, Requant):
            return self._requant(op, k)
        if isinstance(op, ShiftLeft):
            return Scalar(self._term(self.folds.shifted[op.name], k).text, interval)
        # Accumulators: int is C's own arithmetic up to 32 bits.
        inner = CType(64) if self.unit.bounds[op.name].inner_width > 32 else CType(32)
        if isinstance(op, Diag):
            return Scalar(self._diag(op, k, inner), interval)
        if isinstance(op, Inject):
            b = self._table(op, f"b_bar_{self.suffixes[k]}", op.b_bar.data[:, k], silent=True)
            return Scalar(self._injection(op, b, inner), interval)
        operands = [self._value(name, k).text for name in op.inputs]
        if isinstance(op, Scale):
            factor = self._table(op, "factor", self._spread(op, op.factor.data))
            return Scalar(ex.times(operands[0], factor, inner), interval)
        if isinstance(op, Advance):
            counted = f"({ex.wide(operands[0], inner)} + {literal(op.step)})"
            return Scalar(f"{counted} & {literal((1 << op.bits) - 1)}", interval)
        if isinstance(op, Mul):
            return Scalar(f"{ex.wide(operands[0], inner)} * {operands[1]}", interval)
        if isinstance(op, Offset):
            operands.append(self._table(op, "value", op.value.data))
        assert isinstance(op, (Add, Offset)), op.mnemonic
        return Scalar(" + ".join(ex.wide(text, inner) for text in operands), interval)

    def _diag(self, op: Diag, k: int, inner: CType) -> str:
        x = [ex.wide(self._value(op.inputs[0], part).text, inner) for part in (0, 1)]
        lane = CType(16) if fits16(self.unit.bounds[op.name].value) else inner
        a = [
            self._table(op, f"lambda_bar_{part}", op.lambda_bar.data[:, i], lane=lane)
            for i, part in enumerate(("re", "im"))
        ]
        if k == 0:
            return f"{x[0]} * {a[0]} - {x[1]} * {a[1]}"
        return f"{x[1]} * {a[0]} + {x[0]} * {a[1]}"

    def _readout(self, op: Readout) -> None:
        x = [self._value(op.inputs[0], k) for k in (0, 1)]
        target, ctype = self.sums[op.name]
        c = [
            self._table(op, f"c_{part}", op.c.data[:, i], lane=ctype, silent=True)
            for i, part in enumerate(("re", "im"))
        ]
        re, im = ex.wide(x[0].text, ctype), ex.wide(x[1].text, ctype)
        self.lines.append(f"{target} = {ex.cast(ctype, f'{target} + {re} * {c[0]} - {im} * {c[1]}')};")

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
        return Scalar(ex.times(value.text, self._table(op, "times", term.factor), inner), interval)

    def _scaled_product(self, op: Inject | Scale, term: Term, k: int) -> Scalar:
        interval = self._part(op, k).times(term.factor)
        ctype = arithmetic(*interval.span)
        if isinstance(op, Inject):
            x, data, name = "", op.b_bar.data[:, k], f"scaled_b_bar_{self.suffixes[k]}"
        else:
            x, data, name = self._value(op.inputs[0], k).text, self._spread(op, op.factor.data), "scaled_factor"
        self.scaled[op.name] = term.factor
        factor = self._table(op, name, data * term.factor, silent=True)
        text = self._injection(op, factor, ctype) if isinstance(op, Inject) else ex.times(x, factor, ctype)
        return self._bind(op, k, Scalar(text, interval), "_scaled")

    def _injection(self, op: Inject, factor: str, ctype: CType) -> str:
        """The operand times a factor; nothing where all input weights are real and this is im."""
        return "0" if factor == "0" and op.b_bar.data.any() else ex.times(self.injected[op.name], factor, ctype)

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
        text = ex.clamped(rounded, self._table(op, "low", low), self._table(op, "high", high), reach)
        return Scalar(text, self._part(op, k))

    def _multiplied(self, op: Requant, k: int) -> Scalar:
        """A requant with a real-scale multiplier."""
        x, multiplier = self._value(op.inputs[0], k), self._spread(op, op.multiplier.data)
        product = x.interval.times(multiplier)
        shift = self._spread(op, op.shift.data)
        dither = Dither(op, shift, centred=False) if len(op.inputs) > 1 else None
        raised = product.plus(_lane(dither.interval, k, self.lanes)) if dither else product
        ctype = arithmetic(*ex.hull(product, raised).span)
        text = ex.times(x.text, self._table(op, "multiplier", multiplier), ctype)
        if not dither:
            return self._shifted(op, Scalar(ex.cast(ctype, text), product), shift, k)
        text = f"{text} + {self._dither(op, dither, ctype)}"
        return self._floored(op, Scalar(ex.cast(ctype, text), raised), shift)

    def _rounded(self, op: Requant, rounding: Rounding, k: int) -> Scalar:
        """A requant that only shifts: see terms.py."""
        inside, outer = (_lane(interval, k, self.lanes) for interval in (rounding.inside, rounding.odd_interval))
        dither = rounding.dither
        terms = [self._dither(op, dither, arithmetic(*ex.hull(inside, outer).span))] if dither else []
        parts = []
        odd = [self._term(term, k).text for term in rounding.odd]
        if rounding.dithers_odd:
            odd, terms = odd + terms, []
        if odd:
            text = odd[0] if len(odd) == 1 else self._joined(odd, outer, cast=True).text
            pre = self._table(op, "pre", rounding.pre)
            parts.append(text if pre == "0" else f"({text} >> {pre})")
        parts += [self._term(term, k).text for term in rounding.even] + terms
        parts = parts or ["0"]
        scalar = Scalar(parts[0], inside)
        if len(parts) > 1 or not parts[0].isidentifier():
            scalar = self._bind(op, k, self._joined(parts, inside), "_sum")
        if dither and not dither.centred:
            result = self._floored(op, scalar, rounding.shift)
        else:
            result = self._shifted(op, scalar, rounding.shift, k)
        if not rounding.outside:
            return result
        outside = [self._term(term, k) for term in rounding.outside]
        interval = result.interval
        for term in outside:
            interval = Interval(interval.low + term.interval.low, interval.high + term.interval.high)
        return self._joined([result.text, *(term.text for term in outside)], interval, cast=True)

    def _joined(self, parts: list[str], interval: Interval, *, cast: bool = False) -> Scalar:
        ctype = arithmetic(*interval.span)
        text = " + ".join(ex.wide(part, ctype) for part in parts)
        return Scalar(ex.cast(ctype, text) if cast else text, interval)

    def _dither(self, op: Requant, dither: Dither, ctype: CType) -> str:
        """The rounding term of element i, in a loop whose lanes are of a type."""
        if op.name not in self.dithers:
            lane = dither.lane(ctype)
            once = f"{self.unit.names[op.name]}_phase"
            first = dither.hoisted(f"{self.unit.array(self.phase, op.inputs[1])}[0]", lane)
            self.hoisted.append(f"const {lane.text} {once} = ({lane.text})({first});")
            self.dithers[op.name] = once if dither.is_uniform else self._lane_dither(op, dither, once, lane)
        return self.dithers[op.name]

    def _lane_dither(self, op: Requant, dither: Dither, once: str, lane: CType) -> str:
        name = f"{self.unit.names[op.name]}_dither"
        if dither.centred:
            text = f"qssm_multiply_high_i16({once}, {self._table(op, 'phase_factor', 1 << dither.shift)})"
        else:
            text = f"{once} >> ({lane.bits - 1} - {self._table(op, 'shift', dither.shift, lane=lane)})"
        self.lines.append(f"const {lane.text} {name} = ({lane.text})({text});")
        return name

    def _floored(self, op: Requant, x: Scalar, shift: Exact) -> Scalar:
        """floor(x / 2^shift), element by element."""
        result = Interval(x.interval.low >> shift, x.interval.high >> shift)
        lane = CType(64 if max([0, *shift]) > 31 else max(32, x.ctype.bits))
        amount = self._table(op, "shift", shift, lane=lane)
        return Scalar(x.text if amount == "0" else f"({ex.wide(x.text, lane)} >> {amount})", result)

    def _shifted(self, op: Requant, x: Scalar, shift: Exact, k: int) -> Scalar:
        """floor((x + 2^(shift-1)) / 2^shift), element by element."""
        if not len(shift) or (shift == shift[0]).all():
            return ex.shifted_literal(x, int(shift[0]) if len(shift) else 0)
        half = ex.halves(shift)
        raised = Interval(x.interval.low + half, x.interval.high + half)
        result = Interval(raised.low >> shift, raised.high >> shift)
        if fits16(x.interval) and (shift >= 1).all() and (shift <= 15).all():
            return Scalar(f"qssm_round_shift_i16({x.text}, {self._table(op, 'rounding', 1 << (15 - shift))})", result)
        if (shift >= 1).all():
            # The kernel for 16 bits takes a factor instead, and C knows no shift by the width or more.
            bits = 64 if max(shift) > 32 else max(32, x.ctype.bits)
            less_one = self._table(op, "shift", shift - 1, lane=CType(bits))
            return Scalar(f"qssm_round_shift_i{bits}({x.text}, {less_one})", result)
        ctype = arithmetic(*ex.hull(x.interval, raised).span)
        text = ex.cast(ctype, f"{ex.wide(x.text, ctype)} + {self._table(op, 'half', half)}")
        return Scalar(f"({text} >> {self._table(op, 'shift', shift)})", result)

    # --- trace ---

    def _traced(self, name: str, k: int) -> str:
        """The exact value of an op, put together again where it has no variable of its own."""
        op = self.unit.graph[name]
        if name not in self.folds.elided:
            return self.values[name][k].text
        if isinstance(op, ShiftLeft):
            factor = np.array(1 << self._spread(op, op.amount.data), dtype=object)
            table = self._table(op, "trace_times", factor, fill=1, only_trace=True)
            return f"(int64_t){self._traced_operand(op.inputs[0], k)} * {table}"
        if isinstance(op, (Inject, Scale)):
            table = self._table(op, "trace_over", self.scaled[name], fill=1, only_trace=True)
            return f"(int64_t){self.unit.names[name]}_scaled_{self.suffixes[k]} / {table}"
        return "(int64_t)" + " + ".join(self._traced_operand(operand, k) for operand in op.inputs)

    def _traced_operand(self, name: str, k: int) -> str:
        text = self._traced(name, k) if name in self.folds.elided else self._value(name, k).text
        return f"({text})"


def _lane(interval: Interval, k: int, lanes: Lanes | None) -> Interval:
    return Interval(interval.low[..., k], interval.high[..., k]) if lanes else interval
