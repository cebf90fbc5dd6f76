"""Loops: the body of one fused loop, a scalar of C for each op and element, in the widths that the bounds allow."""

from __future__ import annotations

import numpy as np

from qssmc.backends.c import expressions as ex
from qssmc.backends.c.expressions import Scalar
from qssmc.backends.c.lane_io import add_to
from qssmc.backends.c.loop_requants import LoopRequants
from qssmc.backends.c.requant_folding import fits16
from qssmc.backends.c.scalar import (
    CType,
    Expression,
    argument,
    literal_of,
    operand,
    total,
    widened,
)
from qssmc.ir.ops import Add, Advance, Diag, Inject, Mul, Offset, Op, Readout, Requant, Scale, ShiftLeft


class LoopBody(LoopRequants):
    """Writes the statements for one element: what each op computes, where it is stored, and what is traced of it."""

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
