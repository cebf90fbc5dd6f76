"""Loop values: the scalars of C for one element of a fused loop: operands, tables, named results and products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval
from qssmc.backends.c import expressions as ex
from qssmc.backends.c.expressions import Scalar
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import CBlock, Phase
from qssmc.backends.c.requant_folding import FoldedTerm, folds, spread
from qssmc.backends.c.scalar import (
    CType,
    Expression,
    argument,
    arithmetic,
    literal_of,
    narrowed,
    plus,
)
from qssmc.backends.c.table_notes import note
from qssmc.backends.c.tables import CTables
from qssmc.backends.c.trace import Trace
from qssmc.backends.c.unit import CUnit, Exact
from qssmc.ir.ops import Constant, Inject, Op, Scale

ZERO = literal_of(0)


class LoopValues:
    """What a loop knows of one element, and the statements and the lines before the loop that it has collected.

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
        return (tables or self.unit.tables).element(full, placed, self.index, note(op, name, part), lane=lane)

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
            self._keep_old(op)
            element, target = self.phase.element[op.name], self.phase.storage[op.name]
            for k, scalar in enumerate(self.values[op.name]):
                self.lines.append(f"{target}[{self._at(k)}] = {argument(narrowed(scalar.expression, element))};")

    def _keep_old(self, op: Op) -> None:
        """Load the state that a value is about to be written over, where this loop still reads it after that."""
        state = self.phase.in_place.get(op.name)
        after = self.block.ops[self.block.ops.index(op) + 1 :]
        if state is not None and any(state in other.inputs for other in after):
            self._value(state, 0)

    # --- terms ---

    def _term(self, term: FoldedTerm, k: int) -> Scalar:
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

    def _scaled_product(self, op: Inject | Scale, term: FoldedTerm, k: int) -> Scalar:
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
