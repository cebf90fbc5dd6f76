"""Readers: which dithered rounding reads each column of a product, and how far that shifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Move, Op, Requant

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ReadDither:
    """phase: the value that dithers; shift: (columns,), of the rounding that reads each, -1 for columns it does not."""

    phase: str
    phase_bits: int
    shift: Integers


def dither_of(graph: Graph, product: Op) -> ReadDither | None:
    """The dithered rounding that reads columns of a product, looked for through ops that only move numbers."""
    count = product.type.shape[0]
    waiting: list[tuple[Op, Integers]] = [(product, np.arange(count))]
    while waiting:
        op, origin = waiting.pop()
        for user in graph.users[op.name]:
            if isinstance(user, Move):
                waiting.append((user, _moved(graph, user, op, origin)))
            elif isinstance(user, Requant) and len(user.inputs) == 2 and user.inputs[0] == op.name:
                shift = np.full(count, -1, np.int64)
                each = user.shift.data[..., None] if user.type.complex and user.shift.data.ndim else user.shift.data
                amounts = np.broadcast_to(each, user.type.array_shape)
                shift[origin[origin >= 0]] = amounts[origin >= 0]
                return ReadDither(user.inputs[1], user.phase_bits, shift)
    return None


def _moved(graph: Graph, user: Move, moved: Op, origin: Integers) -> Integers:
    """Where the elements of a moving op's value come from: the column, or -1 for those of other values."""
    parts = [origin if name == moved.name else np.full(graph[name].type.array_shape, -1) for name in user.inputs]
    return user.moved(*parts)
