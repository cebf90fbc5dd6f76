"""Dead: elements of vectors that nothing reads, found backwards from the outputs and removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import (
    Activation,
    Add,
    Cast,
    Diag,
    Inject,
    Matvec,
    Mul,
    Offset,
    Op,
    Readout,
    Scale,
    Slice,
    State,
    Take,
)
from qssmc.ir.table import Table
from qssmc.ir.verify import verify
from qssmc.passes.rewrite import Rebuilder

Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


def drop_dead(graph: Graph) -> Graph:
    """The discrete graph without the elements that have no say in any output; `kept`, the only note, says what is left.

    A matvec does not read an element whose column is all zero, a readout no state whose c is zero: to prune is to set
    zeros, and this pass draws the consequences, up to the channels of the encoder. At least one element stays of
    every real value; complex ones can lose all. Ops without a rule here read all of their operands.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[2] = input
    ... %e : f64[2] = matvec %u weight=@e.weight bias=@e.bias
    ... %r : f64[2] = activation %e kind=relu
    ... %y : f64[1] = matvec %r weight=@y.weight bias=@y.bias
    ... output y : step = %y
    ... table @e.weight : real[2,2]
    ...   1.0 2.0 3.0 4.0
    ... table @e.bias : real[2]
    ...   0.5 0.25
    ... table @y.weight : real[1,2]
    ...   0.0 1.0
    ... table @y.bias : real[1]
    ...   0.0''')
    >>> print("\\n".join(print_graph(drop_dead(before)).splitlines()[1:4]))
    %u : f64[2] = input
    %e : f64[1] = matvec %u weight=@e.weight bias=@e.bias
    %r : f64[1] = activation %e kind=relu
    """
    return _Narrow(graph, _needs(graph)).graph()


def _needs(graph: Graph) -> dict[str, Mask]:
    """Which elements of every value are read, to a fixed point over the recurrence."""
    need = {op.name: np.zeros(op.type.shape[0], bool) for op in graph.ops}
    for output in graph.outputs:
        need[output.value][:] = True
    for source in graph.inputs:
        need[source.name][:] = True
    _spread(graph, need)
    while (idle := _last_idle(graph, need)) is not None:
        need[idle][0] = True
        _spread(graph, need)
    return need


def _spread(graph: Graph, need: dict[str, Mask]) -> None:
    """Mark what the marked elements read, until nothing is added."""
    while True:
        before = {name: mask.copy() for name, mask in need.items()}
        for op in reversed(graph.ops):
            if op.name in graph.updates:
                need[graph.updates[op.name]] |= need[op.name]
            for name, wanted in zip(op.inputs, _wanted(graph, op, need), strict=True):
                need[name] |= wanted
        if all(np.array_equal(before[name], mask) for name, mask in need.items()):
            return


def _last_idle(graph: Graph, need: dict[str, Mask]) -> str | None:
    """The last value of which nothing is read: its first element has to stay, and what that reads.

    Real ones, and complex states that are about to become what others read.
    """
    for op in reversed(graph.ops):
        spare = op.type.complex and not (isinstance(op, State) and need[graph.updates[op.name]].any())
        if not spare and not need[op.name].any():
            return op.name
    return None


def _wanted(graph: Graph, op: Op, need: dict[str, Mask]) -> list[Mask]:
    """Which elements of each operand an op reads for the elements of it that are read."""
    mask = need[op.name]
    if not op.inputs:
        return []
    if isinstance(op, Matvec):
        return [(op.weight.data[mask] != 0.0).any(axis=0)]
    if isinstance(op, (Activation, Add, Cast, Mul, Offset, Scale, Diag)):
        return [mask] * len(op.inputs)
    shape = graph[op.inputs[0]].type.shape
    if isinstance(op, (Slice, Take)):
        found = np.zeros(shape, bool)
        found[_indices(op)[mask]] = True
        return [found]
    if isinstance(op, Readout) and op.heads is not None:
        return [mask[op.heads.data] & (op.c.data != 0.0).any(axis=1)]
    if isinstance(op, Inject) and op.heads is not None:
        found = np.zeros(shape, bool)
        found[op.heads.data[mask]] = True
        return [found]
    every = [np.ones(graph[name].type.shape, bool) for name in op.inputs]
    mask[:] = True
    return every


def _indices(op: Slice | Take) -> Index:
    return op.indices.data if isinstance(op, Take) else np.arange(op.start, op.stop)


class _Narrow:
    """Builds the graph anew, each op over the elements that are read. names: what stands for each old value."""

    def __init__(self, graph: Graph, need: dict[str, Mask]) -> None:
        self.source = graph
        self.left = {name: np.flatnonzero(mask) for name, mask in need.items()}
        self.b = Rebuilder(graph, graph.stage)
        self.names: dict[str, str] = {}
        self.taken: dict[tuple[str, bytes], str] = {}

    def graph(self) -> Graph:
        """The narrowed graph."""
        for op in self.source.ops:
            self.names[op.name] = self.place(op)
        updates = {state: self.operand(value, self.left[state]) for state, value in self.source.updates.items()}
        outputs = [replace(output, value=self.names[output.value]) for output in self.source.outputs]
        self.b.updates, self.b.outputs = updates, outputs
        built = self.b.graph()
        return verify(replace(built, kept=self.kept(built))).without_dead_ops()

    def kept(self, built: Graph) -> dict[str, Table]:
        """The old notes, restricted, and a new one for whatever became smaller."""
        found = {}
        for op in self.source.ops:
            left = self.left[op.name]
            before = self.source.kept.get(op.name)
            if op.name in built.by_name and (before is not None or len(left) < op.type.shape[0]):
                found[op.name] = Table.integer(left if before is None else before.data[left])
        return found

    def place(self, op: Op) -> str:
        """The new op for an old one."""
        left = self.left[op.name]
        if type(op) in _RULES:
            return _RULES[type(op)](self, op, left)
        operands = tuple(self.operand(name, np.arange(self.source[name].type.shape[0])) for name in op.inputs)
        return self.b.append(replace(op, inputs=operands))

    def operand(self, old: str, wanted: Index) -> str:
        """The old elements `wanted` of a value: the value itself if it is just those, else a take of it."""
        at = np.searchsorted(self.left[old], wanted)
        if np.array_equal(self.left[old], wanted):
            return self.names[old]
        key = (old, wanted.tobytes())
        if key not in self.taken:
            stem, origin = f"{old}_kept", self.source[old].origin
            self.taken[key] = self.b.add(
                Take(indices=Table.integer(at)), self.b.fresh(stem), self.names[old], origin=origin
            )
        return self.taken[key]

    # --- one rule a kind of op ----

    def state(self, op: State, left: Index) -> str:
        """A state of fewer elements."""
        return self.b.append(replace(op, type=replace(op.type, shape=left.shape)))

    def matvec(self, op: Matvec, left: Index) -> str:
        """Fewer rows, fewer columns."""
        columns = np.flatnonzero((op.weight.data[left] != 0.0).any(axis=0))
        columns = columns if len(columns) else self.left[op.inputs[0]][:1]
        fewer = Matvec(weight=op.weight.taken(left, columns), bias=op.bias.taken(left))
        return self.b.add(fewer, op.name, self.operand(op.inputs[0], columns), origin=op.origin)

    def elementwise(self, op: Op, left: Index) -> str:
        """The same on fewer elements, with tables of so many."""
        tables = {name: t.taken(left) if t.shape else t for name, t in op.tables().items()}
        operands = tuple(self.operand(name, left) for name in op.inputs)
        return self.b.add(op.with_tables(tables), op.name, *operands, origin=op.origin)

    def view(self, op: Slice | Take, left: Index) -> str:
        """What it looks at; a part in one piece stays a slice."""
        wanted, old = _indices(op)[left], op.inputs[0]
        at = np.searchsorted(self.left[old], wanted)
        whole = len(at) == len(self.left[old])
        if len(at) and not whole and np.array_equal(at, np.arange(at[0], at[0] + len(at))):
            start, stop = int(at[0]), int(at[-1]) + 1
            return self.b.add(Slice(start=start, stop=stop), op.name, self.names[old], origin=op.origin)
        return self.operand(old, wanted)

    def inject(self, op: Inject, left: Index) -> str:
        """Fewer states; the channels are those of the layer's output, or the ones in use."""
        if op.heads is None:
            return self.b.append(replace(op, inputs=(self.names[op.inputs[0]],)))
        channels = self.channels(op, left)
        heads = Table.integer(np.searchsorted(channels, op.heads.data[left]))
        u = self.operand(op.inputs[0], channels)
        return self.b.add(Inject(b_bar=op.b_bar.taken(left), heads=heads), op.name, u, origin=op.origin)

    def channels(self, op: Inject, left: Index) -> Index:
        """The heads of a layer's output where its feedthrough reads them too, so that heads have one numbering."""
        assert op.heads is not None
        used = np.unique(op.heads.data[left]) if len(left) else self.left[op.inputs[0]][:1]
        for user in self.source.users[op.inputs[0]]:
            if isinstance(user, Scale) and np.isin(used, self.left[user.name]).all():
                return self.left[user.name]
        return used

    def readout(self, op: Readout, left: Index) -> str:
        """Fewer states, fewer channels."""
        if op.heads is None:
            return self.b.append(replace(op, inputs=(self.names[op.inputs[0]],)))
        states = self.left[op.inputs[0]]
        mine, c = states[np.isin(op.heads.data[states], left)], op.c
        if not len(mine):  # a sum of nothing, where the states are there for others: of one, by zero
            mine, c = states[:1], replace(c, data=np.zeros_like(c.data))
        heads = Table.integer(np.searchsorted(left, np.clip(op.heads.data[mine], left[0], left[-1])))
        x, table = self.operand(op.inputs[0], mine), c.taken(mine)
        return self.b.add(Readout(c=table, heads=heads, channels=len(left)), op.name, x, origin=op.origin)


_RULES: dict[type[Op], Callable[[_Narrow, Any, Index], str]] = {
    State: _Narrow.state,
    Matvec: _Narrow.matvec,
    Activation: _Narrow.elementwise,
    Add: _Narrow.elementwise,
    Cast: _Narrow.elementwise,
    Mul: _Narrow.elementwise,
    Offset: _Narrow.elementwise,
    Scale: _Narrow.elementwise,
    Diag: _Narrow.elementwise,
    Slice: _Narrow.view,
    Take: _Narrow.view,
    Inject: _Narrow.inject,
    Readout: _Narrow.readout,
}
