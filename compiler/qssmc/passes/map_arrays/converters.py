"""SetConverters: ADCs of so many bits, each column's range taken from what calibration sequences make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout import ArrayLayout, converter_of, lay_out, products_of
from qssmc.analysis.array_layout.readers import dither_of
from qssmc.analysis.calibration import Calibration
from qssmc.crossbar.names import original
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Requant, ShiftLeft, Xbar
from qssmc.ir.table import Table
from qssmc.ir.verify import verify

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class SetConverters:
    """The graph of the arrays with ADCs of options.adc_bits; ideal ones stay as they are.

    A column's ADC takes the finest step, a power of two, with which its codes hold all that the samples made of it, but
    never a finer one than the register behind it. fused: the graph that the arrays were laid from; calibration: integer
    sequences.
    """

    options: CrossbarOptions
    fused: Graph
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        if self.options.adc_bits is None:
            return graph
        seen = _Seen(graph)
        self.calibration.observe(graph, seen.see)
        floors = register_steps(self.fused, lay_out(self.fused, self.options))
        ops: list[Op] = []
        coarser: dict[str, Integers] = {}
        for op in graph.ops:
            made = self.limited(graph, op, seen, floors)
            if isinstance(op, Requant) and isinstance(made, Requant) and made is not op:
                coarser[op.name] = made.shift.data - op.shift.data
            elif isinstance(op, ShiftLeft) and op.inputs[0] in coarser:
                made = replace(op, amount=Table.integer(op.amount.data + coarser[op.inputs[0]]))
            ops.append(made)
        return verify(graph.with_ops(ops))

    def limited(self, graph: Graph, op: Op, seen: _Seen, floors: Mapping[str, Integers]) -> Op:
        """A converter within its bits; any other op as it is."""
        product = converter_of(graph, op)
        if product is None:
            return op
        assert isinstance(op, Requant)
        name, at = original(product[0].name), product[1]
        shift = np.maximum(floors[name][at], op.shift.data)
        low, high = seen.low[name][at], seen.high[name][at]
        top = 1 << ((self.options.adc_bits or 0) - 1)
        while True:
            half = np.where(len(op.inputs) == 2, (1 << shift) - 1, (1 << shift) >> 1)  # the most that rounding adds
            beyond = (low >> shift < -top) | ((high + half) >> shift >= top)
            if not beyond.any():
                break
            shift = shift + beyond
        return replace(op, shift=Table.integer(shift), low=Table.integer(-top), high=Table.integer(top - 1))


def register_steps(fused: Graph, laid: ArrayLayout) -> dict[str, Integers]:
    """The least shift of every column of every read: a state column's code is never finer than its register."""
    dithers = {name: dither_of(fused, op) for name, op in products_of(fused).items()}
    found = {}
    for read in laid.reads:
        least = []
        for column in read.columns:
            dither = dithers[column.op]
            shift = dither.shift[column.column] if dither is not None else -1
            least.append(max(0, int(shift) - column.exponent) if shift >= 0 else 0)
        found[read.name] = np.array(least, np.int64)
    return found


class _Seen:
    """The least and the most of every column of every read."""

    def __init__(self, graph: Graph) -> None:
        ops = [op for op in graph.ops if isinstance(op, Xbar)]
        self.names = {op.name: original(op.name) for op in ops}
        self.low = {original(op.name): np.zeros(op.type.shape[0], np.int64) for op in ops}
        self.high = {original(op.name): np.zeros(op.type.shape[0], np.int64) for op in ops}

    def see(self, t: int, values: Mapping[str, NDArray[Any]]) -> None:
        """One step of some sequences."""
        for name, key in self.names.items():
            if name in values:
                self.low[key] = np.minimum(self.low[key], values[name].min(axis=0))
                self.high[key] = np.maximum(self.high[key], values[name].max(axis=0))
