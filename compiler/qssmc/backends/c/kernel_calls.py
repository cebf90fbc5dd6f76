"""Kernel calls: ops that share no loop, each as a call of a kernel, a loop of its own or a pointer into an array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.c.plan import Phase, is_view
from qssmc.backends.c.scalar import CType, Expression, arithmetic, constant, narrowed, plus, storage
from qssmc.backends.c.statements import each, scope
from qssmc.backends.c.trace import elements
from qssmc.backends.c.unit import CUnit
from qssmc.errors import UnsupportedModelError
from qssmc.ir.ops import Concat, Inject, Lut, Matvec, Normalize, Op, Readout, Slice, Take, Xbar

Matrix = NDArray[np.int64]


def declaration(unit: CUnit, phase: Phase, op: Op) -> list[str]:
    """The array of a value; one without elements is declared with one, for C has no empty arrays."""
    count, name = elements(op, unit.layouts), phase.storage[op.name]
    if count:
        return [f"{phase.element[op.name].text} {name}[{count}];"]
    return [f"const {phase.element[op.name].text} {name}[1] = {{0}};", f"(void){name};"]


def call_lines(unit: CUnit, phase: Phase, op: Op) -> list[str]:
    """The lines that make the array of an op which shares no loop."""
    if is_view(op):
        return [_view(unit, phase, op)]
    return [*declaration(unit, phase, op), *(_fill(unit, phase, op) if elements(op, unit.layouts) else [])]


def _fill(unit: CUnit, phase: Phase, op: Op) -> list[str]:
    if isinstance(op, Xbar) and op.name.split("_flush")[0] in unit.reads:
        return _array_read(unit, phase, op)
    if isinstance(op, (Matvec, Xbar, Inject, Readout)):
        return [_matvec(unit, phase, op)]
    if isinstance(op, Lut):
        return _lut(unit, phase, op)
    if isinstance(op, Normalize):
        return [_normalize(unit, phase, op)]
    if isinstance(op, Slice):
        return _slice(unit, phase, op)
    if isinstance(op, Take):
        return _take(unit, phase, op)
    assert isinstance(op, Concat), op.mnemonic
    return _concat(unit, phase, op)


def _view(unit: CUnit, phase: Phase, op: Op) -> str:
    start = f" + {op.start}" if isinstance(op, Slice) and op.start else ""
    name, element = phase.storage[op.name], phase.element[op.name].text
    return f"const {element} *const {name} = {unit.array(phase, op.inputs[0])}{start};"


def _matvec(unit: CUnit, phase: Phase, op: Op) -> str:
    """Weights are stored [input][output], so that neighbours belong to different sums, or in pairs of inputs."""
    weight, bias = _matrix(unit, op)
    outs, ins = weight.shape
    name = unit.names[op.name]
    x, y = unit.array(phase, op.inputs[0]), phase.storage[op.name]
    x_type, y_type = phase.element[op.inputs[0]], phase.element[op.name]
    in_pairs = ins > 1 and y_type == CType(32) and _is_narrow(x_type) and _is_narrow(_storage_of(weight))
    ordered = _in_pairs(weight) if in_pairs else weight.T.ravel()
    lane = CType(16) if in_pairs else None
    order = "[pair of inputs][output][2], then any odd input" if in_pairs else "[input][output]"
    about = f"%{op.name}: weights, {outs} outputs from {ins} inputs, {order}"
    table = unit.tables.array(f"{name}_weight", [int(value) for value in ordered], about, lane=lane)
    start, start_type = "NULL", CType(8)
    if bias.any():
        biases = unit.tables.array(f"{name}_bias", [int(value) for value in bias], f"%{op.name}: biases")
        start, start_type = biases.name, biases.element
    if in_pairs:
        kernel = unit.kernel("QSSM_MATVEC_PAIRS", table.element, x_type, start_type)
    else:
        kernel = unit.kernel("QSSM_MATVEC", table.element, x_type, start_type, y_type)
    return f"{kernel}({y}, {table.name}, {x}, {start}, {outs}, {ins});"


def _array_read(unit: CUnit, phase: Phase, op: Xbar) -> list[str]:
    """Codes out to the rows of a read, readings of its columns back, all as int32_t, which is what the HAL takes."""
    low, high = unit.bounds[op.name].value.span
    if max(-low - 1, high).bit_length() > 31:
        raise UnsupportedModelError(
            f"%{op.name} (from {op.origin}) can be {low}..{high}, more than the 32 bits of a reading; "
            "give fewer --dac-bits"
        )
    columns, rows = op.weight.shape
    number = unit.reads.index(op.name.split("_flush")[0])
    x, y, element = unit.array(phase, op.inputs[0]), phase.storage[op.name], phase.element[op.name]

    def code(i: str) -> str:
        return narrowed(Expression(f"{x}[{i}]", phase.element[op.inputs[0]]), CType(32))

    def reading(i: str) -> str:
        return narrowed(Expression(f"readings[{i}]", CType(32)), element)

    return scope(
        [
            f"int32_t codes[{max(1, rows)}];",
            f"int32_t readings[{max(1, columns)}];",
            *each("i", rows, lambda i: f"codes[{i}] = {code(i)};"),
            f"xbar_write_rows({number}, codes, {rows});",
            f"xbar_read_columns({number}, readings, {columns});",
            *each("i", columns, lambda i: f"{y}[{i}] = {reading(i)};"),
        ]
    )


def _storage_of(weight: Matrix) -> CType:
    return storage(int(weight.min(initial=0)), int(weight.max(initial=0)))


def _is_narrow(ctype: CType) -> bool:
    """Whether 16 bits, signed, hold every number of the type."""
    return CType(16).holds(*ctype.bounds)


def _in_pairs(weight: Matrix) -> Matrix:
    """(out, in) as [pair of inputs][output][2], then the last odd input [output]."""
    outs, ins = weight.shape
    whole = weight[:, : ins // 2 * 2].reshape(outs, ins // 2, 2)
    return np.concatenate([np.moveaxis(whole, 0, 1).ravel(), weight[:, ins // 2 * 2 :].ravel()])


def _matrix(unit: CUnit, op: Op) -> tuple[Matrix, Matrix]:
    """The weight (out, in) and bias over the elements of the C arrays."""
    if isinstance(op, Matvec):
        return op.weight.data, op.bias.data
    if isinstance(op, Xbar):
        return op.weight.data, np.zeros(op.weight.shape[0], np.int64)
    if isinstance(op, Inject):
        weight = _padded(op.b_bar.data, unit.layouts[op.name].order)
        return np.concatenate([weight[..., 0], weight[..., 1]]), np.zeros(2 * len(weight), np.int64)
    assert isinstance(op, Readout), op.mnemonic
    c = _padded(np.moveaxis(op.c.data, 1, 0), unit.layouts[op.inputs[0]].order)
    weight = np.concatenate([c[..., 0], -c[..., 1]])
    return np.ascontiguousarray(weight.T), np.zeros(op.channels, np.int64)


def _padded(rows: Matrix, order: NDArray[np.int64]) -> Matrix:
    """Rows per state in the order of memory, zero where a lane is padded."""
    placed = np.zeros((len(order), *rows.shape[1:]), np.int64)
    placed[order >= 0] = rows[order[order >= 0]]
    return placed


def _lut(unit: CUnit, phase: Phase, op: Lut) -> list[str]:
    name, extent = unit.names[op.name], op.type.shape[0]
    rows = len(op.entries.shape) == 2
    entries = [int(value) for value in op.entries.data.ravel()]
    about = f"%{op.name}: {'one row of results an element' if rows else 'results'}, from the smallest input on"
    table = unit.tables.array(f"{name}_entries", entries, about)
    first = [int(value) for value in np.broadcast_to(op.first.data, (extent,))]
    x, y, element = unit.array(phase, op.inputs[0]), phase.storage[op.name], phase.element[op.name]

    def look_up(i: str) -> str:
        origin = unit.tables.element(f"{name}_first", first, i, f"%{op.name}: the smallest input of each element").text
        start = "" if not rows or i == "0" else f"i * {op.entries.shape[1]} + "
        entry = Expression(f"{table.name}[{start}{x}[{i}]{_minus(origin)}]", table.element)
        return f"{y}[{i}] = {narrowed(entry, element)};"

    return each("i", extent, look_up)


def _minus(text: str) -> str:
    if text == "0":
        return ""
    return f" + {text[2:-1]}" if text.startswith("(-") and text[2:-1].isdigit() else f" - {text}"


def _normalize(unit: CUnit, phase: Phase, op: Normalize) -> str:
    """The sums in as few bits as they need; the square root in as many steps as the spread has pairs of bits."""
    x = unit.bounds[op.inputs[0]].value.span
    count, largest = op.type.shape[0], max(abs(x[0]), abs(x[1]))
    spread = count * count * largest * largest + op.eps
    sums = arithmetic(-spread, spread)
    kernel = unit.kernel("QSSM_NORMALIZE", phase.element[op.inputs[0]], sums, phase.element[op.name])
    bits = spread.bit_length() + spread.bit_length() % 2
    arguments = f"{count}, {constant(op.eps)}, {op.frac}, {max(2, bits)}, {op.centred}"
    return f"{kernel}({phase.storage[op.name]}, {unit.array(phase, op.inputs[0])}, {arguments});"


def _slice(unit: CUnit, phase: Phase, op: Slice) -> list[str]:
    """A part of a complex value: its re, then its im."""
    whole, extent = unit.graph[op.inputs[0]].type.shape[0], op.type.shape[0]
    lines = []
    for part in (0, 1):
        lines += _copy(unit, phase, op, part * extent, op.inputs[0], part * whole + op.start, extent)
    return lines


def _take(unit: CUnit, phase: Phase, op: Take) -> list[str]:
    """Elements by a table of indices; of a complex value the re, then the im."""
    whole, extent = unit.graph[op.inputs[0]].type.shape[0], op.type.shape[0]
    x, y, element = unit.array(phase, op.inputs[0]), phase.storage[op.name], phase.element[op.name]
    indices = [int(index) for index in op.indices.data]

    def taken(i: str, part: int) -> str:
        about = f"%{op.name}: the index of each element in %{op.inputs[0]}"
        chosen = unit.tables.element(f"{unit.names[op.name]}_indices", indices, i, about).text
        value = Expression(f"{x}[{plus(part * whole, chosen)}]", phase.element[op.inputs[0]])
        return f"{y}[{plus(part * extent, i)}] = {narrowed(value, element)};"

    lines = each("i", extent, lambda i: taken(i, 0))
    return lines + (each("i", extent, lambda i: taken(i, 1)) if op.type.complex else [])


def _concat(unit: CUnit, phase: Phase, op: Concat) -> list[str]:
    lines = []
    start = 0
    for part in range(2 if op.type.complex else 1):
        for name in op.inputs:
            extent = unit.graph[name].type.shape[0]
            lines += _copy(unit, phase, op, start, name, part * extent, extent)
            start += extent
    return lines


def _copy(unit: CUnit, phase: Phase, op: Op, to: int, name: str, start: int, extent: int) -> list[str]:
    """Some elements of a value into the array of an op."""
    x, y, element = unit.array(phase, name), phase.storage[op.name], phase.element[op.name]

    def move(i: str) -> str:
        value = Expression(f"{x}[{plus(start, i)}]", phase.element[name])
        return f"{y}[{plus(to, i)}] = {narrowed(value, element)};"

    return each("i", extent, move)
