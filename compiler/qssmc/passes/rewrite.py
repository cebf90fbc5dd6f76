"""Rewriting: the walk that most passes are, op by op, with values renamed where an op was replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.table import Table
from qssmc.ir.verify import verify

# Builds what stands for an op, given its operands' new names; returns the new value's name, or None to keep the op.
Replace = Callable[[Builder, Op, tuple[str, ...]], str | None]


class Rebuilder(Builder):
    """A builder of what replaces a graph: fresh names avoid those that the graph's own ops may still take."""

    def __init__(self, graph: Graph, stage: str) -> None:
        super().__init__(graph.name, stage)
        self.reserved = graph.by_name

    def fresh(self, stem: str) -> str:
        """A name neither taken nor reserved: the stem, or the stem with a number."""
        name, number = stem, 1
        while name in self.ops or name in self.reserved:
            number += 1
            name = f"{stem}_{number}"
        return name


def rewrite(graph: Graph, stage: str, replace_op: Replace, ranges: Mapping[str, Table] | None = None) -> Graph:
    """Walk the ops in order into a new graph of a stage; ops that replace_op leaves (None) are kept.

    Ranges are carried over by name (or replaced by `ranges`), dead ops are dropped, the result is verified.
    """
    builder = Rebuilder(graph, stage)
    names: dict[str, str] = {}
    for op in graph.ops:
        inputs = tuple(names[name] for name in op.inputs)
        made = replace_op(builder, op, inputs)
        names[op.name] = builder.append(replace(op, inputs=inputs)) if made is None else made
    return finish(graph, builder, names, ranges)


def finish(
    graph: Graph, builder: Builder, names: Mapping[str, str], ranges: Mapping[str, Table] | None = None
) -> Graph:
    """The built graph with the old one's updates, outputs and notes under their new names."""
    builder.updates = {names[state]: names[value] for state, value in graph.updates.items()}
    builder.outputs = [replace(output, value=names[output.value]) for output in graph.outputs]
    built = builder.graph()
    notes = graph.ranges if ranges is None else ranges
    kept = {name: table for name, table in notes.items() if name in built.by_name}
    bits = {name: table for name, table in graph.bits.items() if name.split(".")[0] in built.by_name}
    left = {name: table for name, table in graph.kept.items() if name in built.by_name}
    return verify(replace(built, ranges=kept, bits=bits, kept=left)).without_dead_ops()
