"""Loops: the C++ of a loop over the elements of a space, and of the trace of the element at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qssmc.backends.hls.blocks import LoopSpace
from qssmc.backends.hls.order import Order
from qssmc.backends.hls.tables import HlsTable
from qssmc.backends.hls.unit import HlsUnit, indented
from qssmc.ir.ops import Op

TRACE = "QSSM_TRACE_"  # what the macros of trace statements begin with; each statement is a line by itself


def shipped(lines: Sequence[str]) -> list[str]:
    """The lines that are no trace statements."""
    return [line for line in lines if not line.lstrip().startswith(TRACE)]


def at_of(space: LoopSpace) -> str:
    """The number of the element at hand in a real vector or a plain order: a variable, unless there is one element."""
    return "0" if space.extent == 1 else "i"


def row_of(order: Order) -> str:
    """The row at hand of an order by rows: a variable, unless there is one row."""
    return "0" if order.rows == 1 else "row"


def lane_of(order: Order) -> str:
    """The lane at hand of an order by rows: a variable, unless there is one lane."""
    return "0" if order.lanes == 1 else "lane"


def slot_of(order: Order) -> str:
    """The place of the head of the lane at hand among those of an order by rows, whose group is a variable."""
    return "group" if order.lanes == 1 else f"group * {order.lanes} + lane"


def index_of(space: LoopSpace) -> str:
    """The index of the element at hand in an array."""
    if space.order is None or space.order.is_plain:
        return f"[{at_of(space)}]"
    return f"[{row_of(space.order)}][{lane_of(space.order)}]"


def scope(lines: list[str]) -> list[str]:
    """Lines in braces, so that the names they declare end with them."""
    return ["{", *indented(lines), "}"]


def plain_loop(trips: int, body: list[str]) -> list[str]:
    """A pipelined loop over so many elements; of one element its body, which then uses no variable i."""
    if trips == 1:
        return scope(body)
    return [f"for (int i = 0; i < {trips}; i++) {{", "#pragma HLS pipeline II=1", *indented(body), "}"]


def loop(unit: HlsUnit, space: LoopSpace, body: list[str]) -> tuple[list[str], list[HlsTable]]:
    """A pipelined loop over the elements of a space, and the tables that it reads."""
    order = space.order
    if order is None or order.is_plain:
        return plain_loop(space.extent, body), []
    stem = order_name(unit, space)
    tables = {"group": order.group, "ends": order.ends}
    heads: list[str] = []
    used: list[HlsTable] = []
    for name, values in tables.items():
        if any(uses_variable(line, name) for line in body):
            array = unit.tables.array(f"table_{stem}_{name}", values)
            used.append(array)
            kind = "int" if name == "group" else "bool"
            cast = ".to_int()" if name == "group" else " != 0"
            heads.append(f"const {kind} {name} = {array.name}[{row_of(order)}]{cast};")
    lines = [*heads, *lane_loop(order, body)]
    if order.rows == 1:
        return scope(lines), used
    outer = [f"for (int row = 0; row < {order.rows}; row++) {{", "#pragma HLS pipeline II=1"]
    return [*outer, *indented(lines), "}"], used


def lane_loop(order: Order, body: list[str]) -> list[str]:
    """An unrolled loop over the lanes of an order; of one lane its body, which then uses no variable lane."""
    if order.lanes == 1:
        return body
    return [f"for (int lane = 0; lane < {order.lanes}; lane++) {{", "#pragma HLS unroll", *indented(body), "}"]


def traced(unit: HlsUnit, phase: str, op: Op, space: LoopSpace) -> list[str]:
    """Trace the element at hand, where the op is of the phase."""
    offsets = unit.offsets[phase]
    if op.name not in offsets:
        return []
    parts, lines = unit.parts(op.name), []
    for number, part in enumerate(parts):
        at, name = offsets[op.name] + number, f"{unit.names[op.name]}{part}"
        if space.order is None or space.order.is_plain:
            step = f" + {len(parts)} * i" if len(parts) > 1 else " + i"
            lines.append(f"{TRACE}PUT({at}{'' if space.extent == 1 else step}, {name});")
        else:
            array = unit.trace_tables.array(f"table_{order_name(unit, space)}_index", space.order.index)
            place = f"{array.name}{index_of(space)}.to_int()"
            lines.append(f"{TRACE}PLACED({at}, {len(parts)}, {place}, {name});")
    return lines


def order_name(unit: HlsUnit, space: LoopSpace) -> str:
    """The first value that has an order names it."""
    name = next(name for name, order in unit.orders.items() if order is space.order)
    return f"{unit.names[name]}_rows"


def uses_variable(line: str, name: str) -> bool:
    """Whether a line uses one of the loop's own variables."""
    return re.search(rf"\b{name}\b", line) is not None
