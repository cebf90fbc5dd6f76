"""Products: matrix products that share an engine or are split over several, where that needs less or is faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from qssmc.backends.verilog.cells import Ints
from qssmc.backends.verilog.circuit import Net, width_of
from qssmc.backends.verilog.make import Maker
from qssmc.backends.verilog.rows import rows_left
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Matvec, Slice, Take
from qssmc.ir.text import op_line


@dataclass(frozen=True)
class Left:
    """Rows of a product in pieces that one engine does for all: its results, and which of them are whose."""

    net: Net | None
    places: Mapping[str, Ints]


@dataclass
class Products:
    """Those of a graph. operand: what a value became, at the end of a sequence or in a step; name: makes a name free.

    summed: adds whose terms are products that nobody else reads, and those products, which are one; parted: products
    each of whose pieces is one of its own.
    """

    graph: Graph
    make: Maker
    operand: Callable[[str, bool], tuple[Net, ...]]
    name: Callable[[str], str]
    summed: frozenset[str] = field(init=False)
    parted: frozenset[str] = field(init=False)
    left: dict[str, Left] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.summed, self.parted = _summed(self.graph), _parted(self.graph, self.make.clocks)

    def sum(self, op: Add, suffix: str, last: bool) -> Net:
        """A x + B y as one product with x and y behind each other, the shorter first, since it is there earlier."""
        parts = sorted((self._matvec(name) for name in op.inputs), key=lambda part: part.weight.data.shape[1])
        (x,), *rest = (self.operand(part.inputs[0], last) for part in parts)
        for i, (y,) in enumerate(rest):
            x = self.make.concat(self.name(f"{op.name}{suffix}_x{i}"), x, y)
        weight = np.hstack([part.weight.data for part in parts])
        bias = np.sum([part.bias.data for part in parts], axis=0)
        return self.make.dot(self.name(op.name + suffix), x, weight, bias, width_of(op.type))

    def piece(self, op: Take | Slice) -> Net:
        """Some rows of a product, the last of which may come from the engine of what all its pieces leave."""
        whole = self._matvec(op.inputs[0])
        rows, left = indices_of(op), self._left(whole)
        self.make.about = f"{op_line(whole)}\n{op_line(op)}"
        places = left.places.get(op.name)
        if left.net is None or places is None:
            return self._rows(op.name, whole, rows)
        own = self._rows(f"{op.name}_own", whole, rows[: -len(places)])
        rest = self.make.take(self.name(f"{op.name}_left"), left.net, places)
        return self.make.concat(self.name(op.name), own, rest)

    def _left(self, whole: Matvec) -> Left:
        """What the pieces of a product leave to an engine that all of them share; it is made for the first of them."""
        if whole.name not in self.left:
            (x,) = self.operand(whole.inputs[0], False)
            pieces = [piece for piece in self.graph.users[whole.name] if isinstance(piece, (Take, Slice))]
            counts = rows_left(x, [len(indices_of(piece)) for piece in pieces], self.make.clocks)
            places: dict[str, Ints] = {}
            rows: list[int] = []
            for piece, count in zip(pieces, counts, strict=True):
                if count:
                    places[piece.name] = np.arange(len(rows), len(rows) + count)
                    rows += indices_of(piece)[-count:].tolist()
            self.make.about = "\n".join([op_line(whole), *(op_line(piece) for piece in pieces)])
            net = self._rows(f"{whole.name}_left", whole, np.array(rows)) if rows else None
            self.left[whole.name] = Left(net, places)
        return self.left[whole.name]

    def _rows(self, name: str, whole: Matvec, rows: Ints) -> Net:
        (x,) = self.operand(whole.inputs[0], False)
        bias = np.broadcast_to(whole.bias.data, whole.type.shape)[rows]
        return self.make.dot(self.name(name), x, whole.weight.data[rows], bias, width_of(whole.type))

    def _matvec(self, name: str) -> Matvec:
        op = self.graph[name]
        assert isinstance(op, Matvec)
        return op


def indices_of(op: Take | Slice) -> Ints:
    """Which elements of its operand an op gives."""
    return op.indices.data if isinstance(op, Take) else np.arange(op.start, op.stop)


def _summed(graph: Graph) -> frozenset[str]:
    read = {*(output.value for output in graph.outputs), *graph.updates.values()}
    found: set[str] = set()
    for op in graph.ops:
        terms = [graph[name] for name in op.inputs] if isinstance(op, Add) else []
        alone = all(len(graph.users[term.name]) == 1 and term.name not in read for term in terms)
        if terms and alone and len(set(op.inputs)) == len(terms) and all(isinstance(t, Matvec) for t in terms):
            found |= {op.name, *op.inputs}
    return frozenset(found)


def _parted(graph: Graph, clocks: int) -> frozenset[str]:
    """Products of more rows than a sample has clocks, where only pieces of them are read: a stream gives one row a
    clock, so that no one engine would do."""
    read = {*(output.value for output in graph.outputs), *graph.updates.values()}
    return frozenset(
        op.name
        for op in graph.step_ops
        if isinstance(op, Matvec) and op.type.shape[0] > clocks and op.name not in read
        if all(isinstance(user, (Take, Slice)) for user in graph.users[op.name])
    )
