"""Effort: what a step costs in bits multiplied and bits converted, against the same model in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Move, Op, Precision, Requant, Widths, Xbar
from qssmc.ir.table import Table
from qssmc.report.widths import table_bits, value_bits

_FLOAT = 32
_Mask = NDArray[np.bool_]


def effort_report(graph: Graph, model: Graph) -> dict[str, Any]:
    """ACE and ADC effort of an integer graph, a step and after the last sample, and of the float model.

    ACE is the sum over multiply-accumulates of the bits of one operand times the bits of the other: 32 times 32 each in
    the float model. A complex pole takes four, a complex input or output weight two, one where all im are 0. What
    shifts and tables do costs none; multipliers that rescale are counted apart, and in the multiplications.
    ADC effort is the sum over values that an analog array would give of the bits that they are rounded to next; 32 each
    in the float model, which has no rounding (QS4D, arXiv 2507.06079, reports both as ratios to it). Operands and
    conversions have the bits of their levels, so a zero point adds none.

    Of an xbar op only the weights other than 0 count: a cell that is not programmed multiplies nothing. A graph of
    arrays has "arrays" beside the sums, where its xbar ops stand alone: what is really programmed and converted, be the
    other matrices on arrays too or left to the digital periphery.

    model: the float graph before anything was pruned.
    """
    every_step = {op.name for op in graph.step_ops}
    last = [op for op in graph.last_ops if op.name not in every_step]
    step, float_step = _Effort(graph, graph.step_ops), _Effort(model, model.step_ops)
    return {
        **step.totals(),
        **({"arrays": step.arrays()} if any(isinstance(op, Xbar) for op in graph.ops) else {}),
        "ops": step.rows,
        "after_the_last": _Effort(graph, last).totals(),
        "float32": float_step.totals(),
        "ace_times_less": _ratio(float_step.ace, step.ace),
        "adc_times_less": _ratio(float_step.adc_bits, step.adc_bits),
    }


class _Effort:
    """Sums over some ops of a graph."""

    def __init__(self, graph: Graph, ops: Sequence[Op]) -> None:
        self.graph = graph
        self.ops = ops
        self.real = graph.stage != "integer"
        self.bits = {op.name: np.full(op.type.shape, _FLOAT) for op in graph.ops} if self.real else value_bits(graph)
        self.rows = [row for op in ops if (row := self.row(op))]
        self.ace = sum(row["ace"] for row in self.rows)
        conversions = list(self.conversions(lambda op: op.analog in ("product", "drive")))
        self.conversion_count, self.adc_bits = len(conversions), int(sum(conversions))

    def totals(self) -> dict[str, int]:
        """What does not name ops."""
        return {
            "macs": sum(row["macs"] for row in self.rows),
            "ace": self.ace,
            "multiplications": sum(row["macs"] + row["rescalings"] for row in self.rows),
            "rescaling_bits": sum(row["rescaling_bits"] for row in self.rows),
            "conversions": self.conversion_count,
            "adc_bits": self.adc_bits,
        }

    def arrays(self) -> dict[str, int]:
        """What the arrays alone do: weights programmed, their products, columns converted and bits they give."""
        products = {op.name for op in self.ops if isinstance(op, Xbar)}
        rows = [row for row in self.rows if row["op"] in products]
        columns = list(self.conversions(lambda op: isinstance(op, Xbar)))
        return {
            "macs": sum(row["macs"] for row in rows),
            "ace": sum(row["ace"] for row in rows),
            "conversions": len(columns),
            "adc_bits": int(sum(columns)),
        }

    def row(self, op: Op) -> dict[str, Any] | None:
        """Multiply-accumulates and multipliers of one op, or None if it multiplies nothing."""
        parts = [np.ravel(part) for part in op.products(self.precision(op))]
        products = np.concatenate(parts or [np.zeros(0, np.int64)])
        rescaled = self.rescaled(op)
        if not products.size and not rescaled.size:
            return None
        found = {"macs": products.size, "ace": int(products.sum())}
        return {
            "op": op.name,
            "origin": op.origin,
            **found,
            "rescalings": rescaled.size,
            "rescaling_bits": int(rescaled.sum()),
        }

    def precision(self, op: Op) -> Precision:
        """The bits that an op works with."""
        return Precision(tuple(self.bits[name] for name in op.inputs), self.table, self.real)

    def rescaled(self, op: Op) -> Widths:
        """Bits of value times bits of multiplier, of every element that a requant multiplies."""
        if not isinstance(op, Requant) or (op.multiplier.data == 1).all():
            return np.zeros(0, np.int64)
        which = np.broadcast_to(op.multiplier.data, op.type.shape) != 1
        width = self.graph[op.inputs[0]].type.width or 0
        bits = np.broadcast_to(table_bits(op.multiplier), op.type.shape)[which] * width
        return np.repeat(bits, 2 if op.type.complex else 1)

    def table(self, table: Table) -> Widths:
        """Bits of the elements of a table."""
        return np.full(table.shape, _FLOAT) if self.real else table_bits(table)

    def conversions(self, is_product: Callable[[Op], bool]) -> Iterator[int]:
        """The bits of every number that is converted, if these ops are products of an analog array.

        Their sums stay analog until something rounds or looks them up.
        """
        analog: dict[str, _Mask] = {}
        for op in self.ops:
            masks = [analog.get(name, np.zeros(self.graph[name].type.shape, bool)) for name in op.inputs]
            lanes = 2 if op.type.complex else 1
            if isinstance(op, Requant):
                yield from np.repeat(self.bits[op.name][masks[0]], lanes).tolist()
            elif is_product(op):
                analog[op.name] = np.ones(op.type.shape, bool)
            elif op.analog == "sum":
                analog[op.name] = np.logical_or.reduce(masks)
            elif isinstance(op, Move):
                analog[op.name] = op.noted(*masks)
        for name, mask in analog.items():
            if self.converts_itself(self.graph[name]):
                lanes = 2 if self.graph[name].type.complex else 1
                yield from np.repeat(self.bits[name][mask], lanes).tolist()

    def converts_itself(self, op: Op) -> bool:
        """Whether a value is converted as wide as it is: read or given away before anything rounds it.

        In the float model nothing rounds, and the input of a state is summed with what the state becomes.
        """
        if self.real:
            return op.analog == "product"
        names = {other.name for other in self.ops}
        readers = [user for user in self.graph.users[op.name] if user.name in names]
        left = any(output.value == op.name for output in self.graph.outputs)
        return left or any(not (isinstance(user, Requant) or user.analog in ("sum", "move")) for user in readers)


def _ratio(before: int, after: int) -> float:
    return round(before / max(1, after), 2)
