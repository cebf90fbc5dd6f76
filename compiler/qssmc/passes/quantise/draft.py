"""Draft: a quantised graph in the making, which knows the scale of every value so far."""

from __future__ import annotations

import numpy as np

from qssmc.analysis.scales import result_scale
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Cast, Op
from qssmc.ir.table import Table
from qssmc.passes.quantise.grids import IntegerWindow
from qssmc.passes.quantise.scheme import Real
from qssmc.passes.rewrite import Rebuilder


class QuantisedDraft:
    """scales: one an element, for every value that lies on a grid; None for the others."""

    def __init__(self, graph: Graph) -> None:
        self.b = Rebuilder(graph, "quantised")
        self.scales: dict[str, Real | None] = {}

    def add(self, op: Op, name: str, *inputs: str, origin: str) -> str:
        """Append an op and note its scale."""
        value = self.b.add(op, name, *inputs, origin=origin)
        self.note(value)
        return value

    def note(self, value: str) -> None:
        """Work out the scale of a value from its operands."""
        op = self.b.ops[value]
        operands = [self.scales[name] for name in op.inputs]
        known = tuple(scale for scale in operands if scale is not None)
        if isinstance(op, Cast):
            self.scales[value] = np.broadcast_to(op.scale.data, op.type.shape)
        else:
            self.scales[value] = result_scale(op, known) if len(known) == len(operands) else None

    def scale(self, value: str) -> Real:
        """The scale of a value that is known to lie on a grid."""
        found = self.scales[value]
        assert found is not None, f"%{value} has no grid"
        return found

    def cast(self, stem: str, value: str, window: IntegerWindow, origin: str, *phase: str) -> str:
        """Round a value into a window, dithered by a phase if one is given."""
        cast = Cast(scale=Table.real(window.scale), low=Table.integer(window.low), high=Table.integer(window.high))
        return self.add(cast, self.b.fresh(stem), value, *phase, origin=origin)
