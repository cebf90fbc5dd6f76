"""Kernel: one product on arrays, found in a physical graph by the names that the compiler gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Scale, Take, Xbar

_FLUSH, _HEAD = "_flush", "_kernel_h"


@dataclass(frozen=True)
class Kernel:
    """array: its xbar op. Of the oscillator form alone: stem, what the names of its layer begin with; own, the places
    of the head's states among those of the layer, which are its first columns, y being the last; dv, the scale op that
    all states of the layer share. Column i has its own register on row 1 + i.
    """

    array: Xbar
    stem: str | None
    own: NDArray[np.int64]
    dv: Scale | None

    @property
    def name(self) -> str:
        """The name of the xbar op."""
        return self.array.name

    @property
    def weight(self) -> NDArray[np.int64]:
        """Levels, (columns, rows)."""
        return self.array.weight.data

    @property
    def codes(self) -> str:
        """The op whose value drives the rows."""
        return self.array.inputs[0]


def kernels_of(graph: Graph) -> tuple[Kernel, ...]:
    """Every product in order. Raises UsageError if the graph has none."""
    found = tuple(_kernel(graph, op) for op in graph.ops if isinstance(op, Xbar) and base(op.name) == op.name)
    if not found:
        raise UsageError("this design has no array; compile the model with --target crossbar")
    return found


def base(name: str) -> str:
    """The op that a read after the last sample repeats."""
    return name.split(_FLUSH, maxsplit=1)[0]


def _kernel(graph: Graph, array: Xbar) -> Kernel:
    stem, mark, _ = array.name.rpartition(_HEAD)
    dv, rows = graph.by_name.get(f"{stem}_dv"), graph.by_name.get(array.inputs[0])
    if not mark or not isinstance(dv, Scale) or not isinstance(rows, Take):
        return Kernel(array, None, np.zeros(0, np.int64), None)
    count = array.weight.shape[0] - 1
    # The layer's codes are u of every head, then p of every state: row 1 + i is p of state own[i].
    channels = graph[rows.inputs[0]].type.shape[0] - 2 * dv.type.shape[0]
    return Kernel(array, stem, rows.indices.data[1 : 1 + count] - channels, dv)
