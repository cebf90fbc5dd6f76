"""Loops: the C++ of a loop over the elements of a space, and of the trace of the element at hand."""

from __future__ import annotations

import re

from qssmc.backends.hls.blocks import Space
from qssmc.backends.hls.tables import Array
from qssmc.backends.hls.unit import Unit, indented
from qssmc.ir.ops import Op


def index_of(space: Space) -> str:
    """The index of the element at hand in an array."""
    return "[i]" if space.order is None or space.order.is_plain else "[row][lane]"


def plain_loop(trips: int, body: list[str]) -> list[str]:
    """A pipelined loop over so many elements."""
    return [f"for (int i = 0; i < {trips}; i++) {{", "#pragma HLS pipeline II=1", *indented(body), "}"]


def loop(unit: Unit, space: Space, body: list[str]) -> tuple[list[str], list[Array]]:
    """A pipelined loop over the elements of a space, and the tables that it reads."""
    order = space.order
    if order is None or order.is_plain:
        return plain_loop(space.extent, body), []
    stem = order_name(unit, space)
    tables = {"group": order.group, "ends": order.ends}
    heads: list[str] = []
    used: list[Array] = []
    for name, values in tables.items():
        if any(uses_variable(line, name) for line in body):
            array = unit.tables.array(f"table_{stem}_{name}", values)
            used.append(array)
            kind = "int" if name == "group" else "bool"
            cast = ".to_int()" if name == "group" else " != 0"
            heads.append(f"const {kind} {name} = {array.name}[row]{cast};")
    inner = [f"for (int lane = 0; lane < {order.lanes}; lane++) {{", "#pragma HLS unroll", *indented(body), "}"]
    outer = [f"for (int row = 0; row < {order.rows}; row++) {{", "#pragma HLS pipeline II=1"]
    return [*outer, *indented([*heads, *inner]), "}"], used


def traced(unit: Unit, phase: str, op: Op, space: Space) -> list[str]:
    """Trace the element at hand, where the op is of the phase."""
    offsets = unit.offsets[phase]
    if op.name not in offsets:
        return []
    parts, lines = unit.parts(op.name), []
    for number, part in enumerate(parts):
        at, name = offsets[op.name] + number, f"{unit.names[op.name]}{part}"
        if space.order is None or space.order.is_plain:
            lines.append(f"QSSM_PUT({at} + {f'{len(parts)} * ' if number or len(parts) > 1 else ''}i, {name});")
        else:
            array = unit.tables.array(f"table_{order_name(unit, space)}_index", space.order.index, only_trace=True)
            lines.append(f"QSSM_PUT_PLACED({at}, {len(parts)}, {array.name}[row][lane].to_int(), {name});")
    return lines


def order_name(unit: Unit, space: Space) -> str:
    """The first value that has an order names it."""
    name = next(name for name, order in unit.orders.items() if order is space.order)
    return f"{unit.names[name]}_rows"


def uses_variable(line: str, name: str) -> bool:
    """Whether a line uses one of the loop's own variables."""
    return re.search(rf"\b{name}\b", line) is not None
