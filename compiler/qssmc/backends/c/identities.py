"""Identities: requants that change no value, which the emitted C leaves out and reads the operand of instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qssmc.analysis.bounds import Bound
from qssmc.backends.c.plan import is_sum, reach
from qssmc.backends.c.scalar import arithmetic, stored
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Requant

Same = Mapping[str, str]  # value left out -> the value of the emitted graph that it equals


def without_identities(graph: Graph, bounds: Mapping[str, Bound]) -> tuple[Graph, Same]:
    """The graph without requants that change nothing, their readers reading the operand, and what each one equals.

    What a state becomes stays: its loop writes it in place. So does a requant that brings a sum into a smaller type.
    """
    same: dict[str, str] = {}
    kept: list[Op] = []
    become = set(graph.updates.values())
    for op in graph.ops:
        moved = replace(op, inputs=tuple(same.get(name, name) for name in op.inputs))
        if isinstance(op, Requant) and op.name not in become and _is_identity(graph, op, bounds):
            same[op.name] = moved.inputs[0]
        else:
            kept.append(moved if moved.inputs != op.inputs else op)
    if not same:
        return graph, same
    outputs = tuple(replace(output, value=same.get(output.value, output.value)) for output in graph.outputs)
    return replace(graph.with_ops(kept), outputs=outputs), same


def _is_identity(graph: Graph, op: Requant, bounds: Mapping[str, Bound]) -> bool:
    x = graph[op.inputs[0]]
    if len(op.inputs) > 1 or (op.multiplier.data != 1).any() or op.shift.data.any():
        return False
    array = arithmetic(*reach(bounds[x.name])) if is_sum(x) else stored(x.type)
    if array.bits > stored(op.type).bits:
        return False
    value = bounds[x.name].value
    low, high = (
        table.data[..., None] if x.type.complex and table.data.ndim else table.data for table in (op.low, op.high)
    )
    return bool((value.low >= low).all() and (value.high <= high).all())


class SourceLines:
    """The ops of the compiled graph whose IR lines open each block of a function, those left out before their readers.

    Every op of a function is told once.
    """

    def __init__(self, source: Graph, same: Same) -> None:
        self.source, self.same = source, same
        self.told: set[str] = set()

    def of(self, ops: Sequence[Op]) -> list[Op]:
        """What opens a block of some ops."""
        found: list[Op] = []
        for op in ops:
            original = self.source[op.name]
            for name in original.inputs:
                found += self.before(name)
            found.append(original)
        return found

    def before(self, name: str) -> list[Op]:
        """What is told before a value is read: the value itself, if it is left out and nobody has told it."""
        if name not in self.same or name in self.told:
            return []
        self.told.add(name)
        op = self.source[name]
        return [*self.before(op.inputs[0]), op]
