"""Lanes: the order in which complex states lie in memory, [level][lane], so that neighbours belong to different heads.

A lane is one head or a part of one: a head of n states takes ceil(n / levels) lanes. Part 0 of every head comes first,
then part 1 of those that have one, heads with most states foremost, so that each part is a prefix of the sorted heads.
A loop over the lanes of a level needs no horizontal sum, and its trip count is a constant wide enough for vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Concat, Diag, Inject, Pair, Readout, Requant, Scale, ShiftLeft, Slice, Take, Unpair
from qssmc.ir.table import Table

Index = NDArray[np.int64]
_VECTOR = 32  # lanes that a loop should have at least, and a multiple of which it has beyond


@dataclass(frozen=True, eq=False)
class Lanes:
    """Where each complex state lies. order: IR index at each position, -1 where a lane is padded.

    heads are the channels that own states, sorted; parts are (first lane, lanes), each a prefix of heads. A plain
    layout keeps the IR's order on one level and has no heads.
    """

    states: int
    levels: int
    width: int
    order: Index
    heads: Index
    parts: tuple[tuple[int, int], ...]

    @property
    def positions(self) -> int:
        """Elements of an array of re, or of im."""
        return self.levels * self.width

    @property
    def is_plain(self) -> bool:
        """Whether positions are IR indices."""
        return not self.parts

    @cached_property
    def flat_order(self) -> Index:
        """For each element of an array of all re, then all im: its index in the IR's flattened (S, 2), or -1."""
        return np.concatenate([np.where(self.order < 0, -1, 2 * self.order + lane) for lane in (0, 1)])

    def place(self, values: NDArray[np.int64] | NDArray[np.object_], fill: int = 0) -> list[int]:
        """(S,) values in the order of memory."""
        return [int(values[index]) if index >= 0 else fill for index in self.order]


def plain(states: int) -> Lanes:
    """The IR's own order."""
    return Lanes(states, 1, states, np.arange(states), np.zeros(0, np.int64), ())


def by_heads(heads: Index) -> Lanes:
    """The layout for states that belong to heads: as many levels as make the loops over it cheapest."""
    counts = np.bincount(heads)
    owners = np.argsort(-counts, kind="stable")
    owners = owners[counts[owners] > 0]
    levels = min(range(1, int(counts.max()) + 1), key=lambda n: _cost(counts[owners], n))
    taken = -(-counts[owners] // levels)
    sizes = [int((taken > part).sum()) for part in range(int(taken.max()))]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    width = _padded(int(starts[-1]))
    order = np.full((levels, width), -1, np.int64)
    for place, head in enumerate(owners):
        members = np.flatnonzero(heads == head)
        for part in range(int(taken[place])):
            own = members[part :: int(taken[place])]
            order[: len(own), starts[part] + place] = own
    parts = tuple((int(start), size) for start, size in zip(starts, sizes, strict=False))
    return Lanes(len(heads), levels, width, order.ravel(), owners.astype(np.int64), parts)


def _padded(lanes: int) -> int:
    if lanes > _VECTOR:
        return -(-lanes // _VECTOR) * _VECTOR
    return 1 << (lanes - 1).bit_length()


def _cost(counts: Index, levels: int) -> tuple[int, int]:
    """Vector operations, plus what a level and what a lane costs beside them, from measurement; then the padding."""
    lanes = _padded(int((-(-counts // levels)).sum()))
    vectors = -(-lanes // _VECTOR)
    return levels * vectors + levels + 3 * vectors, levels * lanes


def assign(graph: Graph) -> dict[str, Lanes]:
    """The layout of every complex value: one for all values that loops combine element by element.

    Where the heads of a group's injects and readouts agree it is by heads; where they do not, or where values are
    sliced, joined, paired or leave the graph, it is plain.
    """
    groups = _Groups([op.name for op in graph.ops if op.type.complex])
    fixed: set[str] = {output.value for output in graph.outputs}
    owners: list[tuple[str, Table]] = []
    for op in graph.ops:
        complex_inputs = [operand.name for operand in graph.operands(op) if operand.type.complex]
        if isinstance(op, (Diag, Scale, Add, Requant, ShiftLeft)) and op.type.complex:
            for name in complex_inputs:
                groups.join(op.name, name)
        elif isinstance(op, (Slice, Take, Concat, Pair, Unpair)):
            fixed |= {op.name, *complex_inputs}
        elif isinstance(op, Inject) and op.heads is not None:
            owners.append((op.name, op.heads))
        elif isinstance(op, Readout) and op.heads is not None:
            owners.append((op.inputs[0], op.heads))
    for state, value in graph.updates.items():
        if graph[state].type.complex:
            groups.join(state, value)
    return _layouts(graph, groups, fixed, owners)


class _Groups:
    """Disjoint sets of names."""

    def __init__(self, names: list[str]) -> None:
        self.parent = {name: name for name in names}

    def root(self, name: str) -> str:
        """The one name that stands for the set."""
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def join(self, a: str, b: str) -> None:
        """Make one set of two."""
        self.parent[self.root(a)] = self.root(b)


def _layouts(graph: Graph, groups: _Groups, fixed: set[str], owners: list[tuple[str, Table]]) -> dict[str, Lanes]:
    plain_roots = {groups.root(name) for name in fixed if name in groups.parent}
    wanted: dict[str, list[Table]] = {}
    for name, heads in owners:
        wanted.setdefault(groups.root(name), []).append(heads)
    made: dict[str, Lanes] = {}
    for name in groups.parent:
        root = groups.root(name)
        if root not in made:
            tables = wanted.get(root, [])
            agree = bool(tables) and all(np.array_equal(table.data, tables[0].data) for table in tables)
            by_head = agree and root not in plain_roots and tables[0].data.size > 0
            made[root] = by_heads(tables[0].data) if by_head else plain(graph[name].type.shape[0])
    return {name: made[groups.root(name)] for name in groups.parent}
