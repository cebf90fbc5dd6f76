"""Graph: ops in order, what each state becomes, what goes out and when, and notes on the values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import networkx as nx

from qssmc.ir.ops import Input, Op, State
from qssmc.ir.table import Table

When = Literal["step", "last"]
# What an output says: the largest element decides; each element against 0; or each element is a quantity in its unit.
Kind = Literal["class", "flags", "values"]
# Rows of a range table, observed on calibration data, each over the value's array shape.
RANGE_ROWS = ("min", "max", "low_999", "high_999", "low_99999", "high_99999", "rms")


@dataclass(frozen=True)
class Output:
    """A value that leaves the graph: at every step, or once after the last, computed from the states alone.

    mean says that the value is a sum over the steps: its real meaning is divided by their number. kind: what its
    elements say; names: of classes, flags or quantities, and units of quantities, one an element, or none.
    """

    name: str
    value: str
    when: When
    mean: bool = False
    kind: Kind = "values"
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A synchronous dataflow graph that fires once a sample.

    ops are in an order in which operands come first; updates maps each state to the op it becomes after a step.
    ranges (calibrated stages), scales (integer stage: real value = integer * scale) and bits (of the quantise pass to
    come: for a value, or a table as "op.attribute"; a scalar or one an element) are notes by name;
    kept says which elements of the source model's value of that name are left, where some were pruned.
    """

    name: str
    stage: str
    ops: tuple[Op, ...]
    updates: Mapping[str, str]
    outputs: tuple[Output, ...]
    ranges: Mapping[str, Table] = field(default_factory=dict)
    scales: Mapping[str, Table] = field(default_factory=dict)
    bits: Mapping[str, Table] = field(default_factory=dict)
    kept: Mapping[str, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("updates", "ranges", "scales", "bits", "kept"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        """How a graph goes to another process: by its fields, for the views of its notes cannot be copied."""
        values = (getattr(self, one.name) for one in fields(self))
        return type(self), tuple(dict(value) if isinstance(value, MappingProxyType) else value for value in values)

    @cached_property
    def by_name(self) -> Mapping[str, Op]:
        """Ops by name."""
        return MappingProxyType({op.name: op for op in self.ops})

    def __getitem__(self, name: str) -> Op:
        return self.by_name[name]

    def operands(self, op: Op) -> tuple[Op, ...]:
        """The ops that an op reads."""
        return tuple(self.by_name[name] for name in op.inputs)

    @cached_property
    def users(self) -> Mapping[str, tuple[Op, ...]]:
        """The ops that read each op, in order."""
        found: dict[str, list[Op]] = {op.name: [] for op in self.ops}
        for op in self.ops:
            for name in dict.fromkeys(op.inputs):
                found[name].append(op)
        return MappingProxyType({name: tuple(ops) for name, ops in found.items()})

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input ops."""
        return tuple(op for op in self.ops if isinstance(op, Input))

    @property
    def states(self) -> tuple[State, ...]:
        """The state ops."""
        return tuple(op for op in self.ops if isinstance(op, State))

    def dag(self) -> nx.DiGraph[str]:
        """Operand -> op edges within one step; states are sources, so there is no cycle."""
        dag: nx.DiGraph[str] = nx.DiGraph()
        dag.add_nodes_from(op.name for op in self.ops)
        dag.add_edges_from((name, op.name) for op in self.ops for name in op.inputs)
        return dag

    def needed(self, roots: Iterable[str]) -> frozenset[str]:
        """The roots and every op they depend on within a step."""
        dag = self.dag()
        found: set[str] = set()
        for root in roots:
            found |= {root} | nx.ancestors(dag, root)
        return frozenset(found)

    @cached_property
    def step_ops(self) -> tuple[Op, ...]:
        """Ops that run at every sample, in order: those that states or per-step outputs need."""
        step = [output.value for output in self.outputs if output.when == "step"]
        names = self.needed([*self.updates.values(), *step])
        return tuple(op for op in self.ops if op.name in names)

    @cached_property
    def last_ops(self) -> tuple[Op, ...]:
        """Ops that run once after the last sample, in order, on the states as that sample left them."""
        names = self.needed(output.value for output in self.outputs if output.when == "last")
        return tuple(op for op in self.ops if op.name in names)

    def with_ops(self, ops: Iterable[Op]) -> Graph:
        """The graph with other ops; notes on values that are gone are dropped."""
        kept = tuple(ops)
        names = {op.name for op in kept}
        ranges = {name: table for name, table in self.ranges.items() if name in names}
        scales = {name: table for name, table in self.scales.items() if name in names}
        bits = {name: table for name, table in self.bits.items() if name.split(".")[0] in names}
        left = {name: table for name, table in self.kept.items() if name in names}
        return replace(self, ops=kept, ranges=ranges, scales=scales, bits=bits, kept=left)

    def without_dead_ops(self) -> Graph:
        """The graph without ops that no state and no output needs; inputs stay."""
        names = self.needed([*self.updates.values(), *self.updates, *(output.value for output in self.outputs)])
        return self.with_ops(op for op in self.ops if op.name in names or isinstance(op, Input))
