"""Builder: makes a graph op by op, filling in each op's type from its rule."""

from __future__ import annotations

from typing import Any

from qssmc.ir.graph import Graph, Output
from qssmc.ir.ops import BY_MNEMONIC, Op, TypeFault
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

    def add(self, mnemonic: str, name: str, *inputs: str, origin: str = "", **attributes: Any) -> str:
        """Append an op of a mnemonic; its type follows from its operands. Raises TypeFault where they do not fit."""
        op_class = BY_MNEMONIC[mnemonic]
        draft = op_class(name=name, type=Type(()), inputs=inputs, origin=origin, **attributes)
        try:
            type_ = draft.rule(tuple(self.ops[i].type for i in inputs))
        except TypeFault as fault:
            raise TypeFault(f"%{name} ({mnemonic}, from {origin or 'nowhere'}): {fault}") from fault
        return self.append(op_class(name=name, type=type_, inputs=inputs, origin=origin, **attributes))

    def source(self, mnemonic: str, name: str, type_: Type, origin: str = "") -> str:
        """Append an input or a state of a given type."""
        return self.append(BY_MNEMONIC[mnemonic](name=name, type=type_, inputs=(), origin=origin))

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
