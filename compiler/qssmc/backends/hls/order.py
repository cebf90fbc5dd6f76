"""Order: the rows and lanes in which the complex states of a value are worked on, one row a clock.

By heads, a lane is one head: a group of heads fills the lanes, and the states of each head follow one another in the
rows of its group, so that a readout adds up in one register a lane. Otherwise the IR's own order is kept, one a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Inject, Op, Readout, State

Index = NDArray[np.int64]
# Ops that combine complex values element by element, whatever the order of their elements.
_ALIGNED = ("diag", "scale", "add", "requant", "shift_left")


@dataclass(frozen=True, eq=False)
class Order:
    """index: (rows, lanes) of IR indices, -1 where padded. group, ends: (rows,) the group of a row, 1 at its last.

    heads: (groups, lanes) the channel of each lane, -1 where padded. Empty where the order is the IR's own.
    """

    index: Index
    group: Index
    ends: Index
    heads: Index

    @property
    def rows(self) -> int:
        """Clocks that a loop over the states takes."""
        return len(self.index)

    @property
    def lanes(self) -> int:
        """States that are worked on in a clock."""
        return int(self.index.shape[1])

    @property
    def is_plain(self) -> bool:
        """Whether this is the IR's own order."""
        return not self.heads.size

    def place(self, values: Index) -> Index:
        """(S,) values as (rows, lanes), 0 where padded."""
        spread = np.concatenate([values, [0]])
        return np.asarray(spread[self.index], np.int64)

    def places(self, channels: int) -> Index:
        """For each channel its place among all lanes of all groups; channels without states share one beyond them."""
        found = np.full(channels, self.heads.size, np.int64)
        flat = self.heads.ravel()
        found[flat[flat >= 0]] = np.flatnonzero(flat >= 0)
        return found


def plain(states: int) -> Order:
    """The IR's own order."""
    none = np.zeros(0, np.int64)
    return Order(np.arange(states).reshape(-1, 1), none, none, none)


def by_heads(heads: Index, lanes: int) -> Order:
    """Heads with most states first, so that padding is least; at most `lanes` at once.

    >>> order = by_heads(np.array([0, 1, 1, 2]), 2)
    >>> order.index.tolist(), order.heads.tolist(), order.ends.tolist()
    ([[1, 0], [2, -1], [3, -1]], [[1, 0], [2, -1]], [0, 1, 1])
    """
    counts = np.bincount(heads)
    owners = np.argsort(-counts, kind="stable")
    owners = owners[counts[owners] > 0]
    lanes = min(lanes, len(owners))
    owners = np.concatenate([owners, np.full(-len(owners) % lanes, -1)]).reshape(-1, lanes)
    index, group, ends = [], [], []
    for number, row_of_heads in enumerate(owners):
        members = [np.flatnonzero(heads == head) if head >= 0 else np.zeros(0, np.int64) for head in row_of_heads]
        levels = max(len(own) for own in members)
        for level in range(levels):
            index.append([int(own[level]) if level < len(own) else -1 for own in members])
            group.append(number)
            ends.append(int(level == levels - 1))
    return Order(np.array(index), np.array(group), np.array(ends), owners)


def orders(graph: Graph, lanes: int) -> dict[str, Order]:
    """The order of every complex value: one for all values that are combined element by element."""
    linked: nx.Graph[str] = nx.Graph()
    linked.add_nodes_from(op.name for op in graph.ops if op.type.complex)
    linked.add_edges_from((s, v) for s, v in graph.updates.items() if graph[s].type.complex)
    fixed = {output.value for output in graph.outputs}
    owners: dict[str, list[Index]] = {}
    for op in graph.ops:
        complex_inputs = [operand.name for operand in graph.operands(op) if operand.type.complex]
        if op.mnemonic in _ALIGNED and op.type.complex:
            linked.add_edges_from((op.name, name) for name in complex_inputs)
        elif isinstance(op, (Inject, Readout)) and op.heads is not None:
            owners.setdefault(op.name if isinstance(op, Inject) else op.inputs[0], []).append(op.heads.data)
        elif not isinstance(op, State):
            fixed |= {op.name, *complex_inputs}
    found: dict[str, Order] = {}
    for part in nx.connected_components(linked):
        heads = [table for name in sorted(part) for table in owners.get(name, [])]
        agree = bool(heads) and heads[0].size > 0 and all(np.array_equal(table, heads[0]) for table in heads)
        states = graph[next(iter(part))].type.shape[0]
        order = by_heads(heads[0], lanes) if agree and not part & fixed else plain(states)
        found |= dict.fromkeys(part, order)
    return {op.name: found[op.name] for op in graph.ops if op.name in found}  # a set has no order that lasts


def order_of(graph: Graph, op: Op, found: dict[str, Order]) -> Order | None:
    """The order of the states that an op works on: of its own value, or of what a readout sums up."""
    if isinstance(op, Readout) and op.heads is not None:
        return found[op.inputs[0]]
    return found.get(op.name)
