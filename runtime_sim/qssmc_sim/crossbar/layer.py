"""Layer: the ops of one state-space layer on an array, found in a physical graph by the names that the compiler gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Scale, Slice, Xbar


@dataclass(frozen=True)
class Layer:
    """array: its xbar op; dv: the scale op of its state columns, of the oscillator form alone; own: the row that each
    state column has of its own register there. states: how many state columns come before the y columns.
    """

    array: Xbar
    states: int
    dv: Scale | None
    own: NDArray[np.int64]

    @property
    def weight(self) -> NDArray[np.int64]:
        """Levels, (columns, rows)."""
        return self.array.weight.data

    @property
    def codes(self) -> str:
        """The op whose value drives the rows."""
        return self.array.inputs[0]


def layers_of(graph: Graph) -> tuple[Layer, ...]:
    """Every array layer in order. Raises UsageError if the graph has none."""
    found = tuple(
        _layer(graph, op) for op in graph.ops if isinstance(op, Xbar) and base(op.name) == op.name
    )
    if not found:
        raise UsageError("this design has no array; compile the model with --target crossbar")
    return found


def base(name: str) -> str:
    """The op that an unrolled read after the last sample repeats."""
    return name.split("_flush")[0]


def _layer(graph: Graph, array: Xbar) -> Layer:
    stem = array.name.removesuffix("_array")
    state = graph.by_name.get(f"{stem}_dx_z")
    states = state.stop - state.start if isinstance(state, Slice) else 0
    dv = graph.by_name.get(f"{stem}_dv")
    if not isinstance(dv, Scale):
        return Layer(array, states, None, np.zeros(0, np.int64))
    parts = [graph[name] for name in graph[array.inputs[0]].inputs]
    first = next(sum(p.type.shape[0] for p in parts[:i]) for i, p in enumerate(parts) if p.name == f"{stem}_p_dac")
    return Layer(array, states, dv, first + np.arange(states))
