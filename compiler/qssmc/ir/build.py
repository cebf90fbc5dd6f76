"""Builder: makes a graph op by op, filling in each op's type from its rule."""

from __future__ import annotations

from dataclasses import replace

from qssmc.ir.graph import Graph, Output
from qssmc.ir.ops import Input, Op, State, TypeFault
from qssmc.ir.table import Table
from qssmc.ir.types import Type


class Builder:
    """Collects ops in order. Every method returns the name of the value made."""

    def __init__(self, name: str, stage: str) -> None:
        self.name, self.stage = name, stage
        self.ops: dict[str, Op] = {}
        self.updates: dict[str, str] = {}
        self.outputs: list[Output] = []
        self.scales: dict[str, Table] = {}

    def add(self, op: Op, name: str, *inputs: str, origin: str = "") -> str:
        """Append an op made of its attributes, under a name, on operands made before; its type follows from its rule.

        Raises TypeFault where operands and attributes do not fit.
        """
        placed = replace(op, name=name, inputs=inputs, origin=origin)
        try:
            type_ = placed.rule(tuple(self.ops[i].type for i in inputs))
        except TypeFault as fault:
            raise TypeFault(f"%{name} ({op.mnemonic}, from {origin or 'nowhere'}): {fault}") from fault
        return self.append(replace(placed, type=type_))

    def input(self, name: str, type_: Type, origin: str = "") -> str:
        """Append the samples of a step, of a given type."""
        return self.append(Input(name=name, type=type_, origin=origin))

    def state(self, name: str, type_: Type, origin: str = "") -> str:
        """Append a value carried from step to step, of a given type; `updates` must say what it becomes."""
        return self.append(State(name=name, type=type_, origin=origin))

    def append(self, op: Op) -> str:
        """Append a finished op."""
        if op.name in self.ops:
            raise TypeFault(f"%{op.name} is defined twice")
        self.ops[op.name] = op
        return op.name

    def fresh(self, stem: str) -> str:
        """A name not yet taken: the stem, or the stem with a number."""
        if stem not in self.ops:
            return stem
        number = 2
        while f"{stem}_{number}" in self.ops:
            number += 1
        return f"{stem}_{number}"

    def type(self, name: str) -> Type:
        """The type of a value made before."""
        return self.ops[name].type

    def output(self, name: str, value: str, when: str, mean: bool = False) -> None:
        """Let a value leave the graph."""
        self.outputs.append(Output(name, value, "step" if when == "step" else "last", mean))

    def graph(self) -> Graph:
        """The finished graph."""
        return Graph(
            self.name, self.stage, tuple(self.ops.values()), self.updates, tuple(self.outputs), {}, self.scales
        )
