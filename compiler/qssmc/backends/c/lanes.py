"""Lanes: the order in which complex states lie in memory, [level][lane], so that neighbours belong to different heads.

A lane is one head or a part of one: a head of n states takes ceil(n / levels) lanes. As many parts as every head has
come first, each with all heads in order, then the lanes that only some heads need. Heads without states have a lane
where that spares bringing the others into a new order. A loop over the lanes of a level needs no horizontal sum, and
its trip count is a constant wide enough for vectors.
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
_MOVE = 0.15  # of a vector operation: a lane that is copied or added by itself
_VECTOR = 32  # lanes that a loop should have at least, and a multiple of which it has beyond


@dataclass(frozen=True, eq=False)
class Lanes:
    """Where each complex state lies. order: IR index at each position, -1 where a lane is padded.

    Lanes 0 .. full * len(heads) - 1 are the channels in heads, ascending, over and over; rest are the channels of the
    lanes behind them. A plain layout keeps the IR's order on one level and has no heads.
    """

    states: int
    levels: int
    width: int
    order: Index
    heads: Index
    full: int
    rest: Index

    @property
    def positions(self) -> int:
        """Elements of an array of re, or of im."""
        return self.levels * self.width

    @property
    def is_plain(self) -> bool:
        """Whether positions are IR indices."""
        return not len(self.heads)

    @cached_property
    def flat_order(self) -> Index:
        """For each element of an array of all re, then all im: its index in the IR's flattened (S, 2), or -1."""
        return np.concatenate([np.where(self.order < 0, -1, 2 * self.order + lane) for lane in (0, 1)])

    def place(self, values: NDArray[np.int64] | NDArray[np.object_], fill: int = 0) -> list[int]:
        """(S,) values in the order of memory."""
        return [int(values[index]) if index >= 0 else fill for index in self.order]


def plain(states: int) -> Lanes:
    """The IR's own order."""
    return Lanes(states, 1, states, np.arange(states), np.zeros(0, np.int64), 0, np.zeros(0, np.int64))


def by_heads(heads: Index) -> Lanes:
    """The layout for states that belong to heads: the number of levels that makes the loops over it cheapest."""
    counts = np.bincount(heads)
    everyone, present = np.arange(len(counts)), np.flatnonzero(counts)
    choices = [_Shape(counts, owners, n) for owners in (everyone, present) for n in range(1, int(counts.max()) + 1)]
    return min(choices, key=_Shape.cost).lanes(heads)


@dataclass(frozen=True, eq=False)
class _Shape:
    """A layout in outline: which channels have lanes, and on how many levels."""

    counts: Index
    owners: Index
    levels: int

    @cached_property
    def taken(self) -> Index:
        """Lanes of each owner, one at least."""
        return np.asarray(np.maximum(1, -(-self.counts[self.owners] // self.levels)))

    @cached_property
    def rest(self) -> Index:
        """The places among the owners of the lanes beyond the full parts, second lanes before third ones."""
        full = int(self.taken.min())
        return np.concatenate([np.flatnonzero(self.taken > part) for part in range(full, int(self.taken.max()) + 1)])

    @cached_property
    def width(self) -> int:
        """Lanes, padding included."""
        return _padded(int(self.taken.sum()))

    def cost(self) -> tuple[float, int]:
        """Vector operations, plus what levels, vectors and single lanes cost, from measurement; then the padding."""
        vectors = -(-self.width // _VECTOR)
        moved = len(self.rest) + (0 if len(self.owners) == len(self.counts) else 2 * len(self.owners))
        return self.levels * vectors + self.levels + 3 * vectors + _MOVE * moved, self.levels * self.width

    def lanes(self, heads: Index) -> Lanes:
        """The layout of states that belong to heads."""
        full, count = int(self.taken.min()), len(self.owners)
        places = np.concatenate([np.tile(np.arange(count), full), self.rest])
        order = np.full((self.levels, self.width), -1, np.int64)
        parts = np.zeros(count, np.int64)
        for lane, place in enumerate(places):
            own = np.flatnonzero(heads == self.owners[place])[parts[place] :: self.taken[place]]
            order[: len(own), lane] = own
            parts[place] += 1
        return Lanes(len(heads), self.levels, self.width, order.ravel(), self.owners, full, self.owners[self.rest])


def _padded(lanes: int) -> int:
    if lanes > _VECTOR:
        return -(-lanes // _VECTOR) * _VECTOR
    return 1 << (lanes - 1).bit_length()


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
