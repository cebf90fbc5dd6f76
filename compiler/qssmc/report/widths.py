"""Widths: the bits that each element of a value or a table really needs, where they differ by state or channel."""

from __future__ import annotations

import numpy as np

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Lut, Move, Op, Requant, State, Widths
from qssmc.ir.table import Table
from qssmc.ir.types import width_of


def table_bits(table: Table) -> Widths:
    """Bits of each element: those of its grid, else what the table's extremes need."""
    if table.grid is not None:
        return np.broadcast_to(table.grid.width, table.shape)
    low, high = int(table.data.min(initial=0)), int(table.data.max(initial=0))
    return np.full(table.shape, width_of(low, high)[0])


def level_bits(op: Requant) -> Widths:
    """Bits that tell the levels between a requant's clamps apart, by element; where they lie is its zero point."""
    levels = np.broadcast_to(op.high.data - op.low.data, op.type.shape)
    return np.array([int(number).bit_length() for number in levels], np.int64)


def value_bits(graph: Graph) -> dict[str, Widths]:
    """Bits of each element of every value of an integer graph, one number for re and im.

    What a requant or a table made has the bits of its levels, and keeps them where it is stored, cut or put together;
    anything else has the width of its type.
    """
    states = {op.name: graph[graph.updates[op.name]] for op in graph.states}
    found = {name: _made(graph, update, {}) for name, update in states.items()}
    for op in graph.ops:
        if not isinstance(op, State):
            found[op.name] = _made(graph, op, found)
    return found


def _made(graph: Graph, op: Op, known: dict[str, Widths]) -> Widths:
    def bits(name: str) -> Widths:
        return known[name] if name in known else _made(graph, graph[name], known)

    if isinstance(op, Requant):
        return level_bits(op)
    if isinstance(op, Lut):
        return np.full(op.type.shape, table_bits(op.entries).max(initial=0))
    own: Widths = np.full(op.type.shape, op.type.width or 0)
    if isinstance(op, Move):
        return np.asarray(np.minimum(op.noted(*(bits(name) for name in op.inputs)), own))
    return own
