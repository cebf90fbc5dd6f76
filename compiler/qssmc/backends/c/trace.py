"""Trace: where a trace build stores every value of a phase, and the statements that store them.

The traced source is the shipped one with such statements between its lines, each opened by a macro whose name starts
with QSSM_TRACE_; without_trace takes them out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.scalar import plus
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op

_MACRO = "QSSM_TRACE_"


@dataclass
class Trace:
    """Offsets of the values of one phase in the trace buffer, in 64-bit elements."""

    offsets: dict[str, int] = field(default_factory=dict)
    size: int = 0

    def place(self, op: Op, count: int) -> None:
        """Reserve the elements of a value."""
        self.offsets[op.name] = self.size
        self.size += count

    def put(self, op: Op, index: str, value: str, skip: int = 0) -> str:
        """The statement that stores one element; skip is the start of im among the value's elements."""
        return f"{_MACRO}PUT({plus(self.offsets[op.name] + skip, index)}, {value});"

    def copy(self, op: Op, start: str, count: int) -> str:
        """The statement that stores count elements of an array."""
        return f"{_MACRO}COPY({self.offsets[op.name]}, {start}, {count});"


def shipped(lines: Sequence[str]) -> list[str]:
    """The lines that are no trace statements (each of which is one line here)."""
    return [line for line in lines if not line.lstrip().startswith(_MACRO)]


def trace_of(ops: Sequence[Op], layouts: Mapping[str, Lanes]) -> Trace:
    """A place for every op of a phase."""
    trace = Trace()
    for op in ops:
        trace.place(op, elements(op, layouts))
    return trace


def elements(op: Op, layouts: Mapping[str, Lanes]) -> int:
    """Elements of the C array of a value: all re then all im of a complex one, padding included."""
    return 2 * layouts[op.name].positions if op.type.complex else op.type.shape[0]


def layout_of(
    trace: Trace, graph: Graph, ops: Sequence[Op], same: Mapping[str, str], layouts: Mapping[str, Lanes]
) -> dict[str, Any]:
    """What a loader must know to read the buffer: for each op its elements, its shape and the order they come in.

    ops are those of the compiled graph, in order; same says of those that are left out of the C which value of the
    emitted graph they equal. order names a list in the layout's "orders": the flat IR index of each element, -1 where
    it is padding.
    """
    return {
        "size": trace.size,
        "ops": {op.name: _place(trace, graph[same.get(op.name, op.name)], layouts) for op in ops},
    }


def _place(trace: Trace, op: Op, layouts: Mapping[str, Lanes]) -> dict[str, Any]:
    return {
        "offset": trace.offsets[op.name],
        "count": elements(op, layouts),
        "shape": list(op.type.array_shape),
        "order": order_name(layouts, layouts[op.name]) if op.type.complex else None,
    }


def order_name(layouts: Mapping[str, Lanes], lanes: Lanes) -> str:
    """The first value that has a layout names it."""
    return next(name for name, other in layouts.items() if other is lanes)


def orders_of(layouts: Mapping[str, Lanes]) -> dict[str, list[int]]:
    """Every layout once, by the name of its first value."""
    names = {order_name(layouts, lanes): lanes for lanes in layouts.values()}
    return {name: [int(index) for index in lanes.flat_order] for name, lanes in names.items()}
