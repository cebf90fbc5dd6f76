"""Singles: ops that stand alone, as a call of a kernel, a loop of their own or a pointer into another array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.c.plan import Phase, is_view
from qssmc.backends.c.scalar import CType, arithmetic, literal, storage
from qssmc.backends.c.trace import elements
from qssmc.backends.c.unit import Unit
from qssmc.errors import UnsupportedModelError
from qssmc.ir.ops import Concat, Inject, Lut, Matvec, Normalize, Op, Readout, Slice, Take, Xbar

Matrix = NDArray[np.int64]


def single(unit: Unit, phase: Phase, op: Op) -> list[str]:
    """The lines that make the array of an op which is no loop with others."""
    if is_view(op):
        return [_view(unit, phase, op)]
    count = elements(op, unit.layouts)
    zero = "" if count else " = {0}"
    declaration = f"{phase.element[op.name].text} {phase.storage[op.name]}[{max(1, count)}]{zero};"
    if isinstance(op, Xbar) and op.name.split("_flush")[0] in unit.reads:
        return [declaration, *_array_read(unit, phase, op)]
    if isinstance(op, (Matvec, Xbar, Inject, Readout)):
        return [declaration, _matvec(unit, phase, op)]
    if isinstance(op, Lut):
        return [declaration, _lut(unit, phase, op)]
    if isinstance(op, Normalize):
        return [declaration, _normalize(unit, phase, op)]
    if isinstance(op, Slice):
        return [declaration, *_slice(unit, phase, op)]
    if isinstance(op, Take):
        return [declaration, *_take(unit, phase, op)]
    assert isinstance(op, Concat), op.mnemonic
    return [declaration, *_concat(unit, phase, op)]


def _view(unit: Unit, phase: Phase, op: Op) -> str:
    start = f" + {op.start}" if isinstance(op, Slice) and op.start else ""
    name, element = phase.storage[op.name], phase.element[op.name].text
    return f"const {element} *const {name} = {unit.array(phase, op.inputs[0])}{start};"


def _matvec(unit: Unit, phase: Phase, op: Op) -> str:
    """Weights are stored [input][output], so that neighbours belong to different sums, or in pairs of inputs."""
    weight, bias = _matrix(unit, op)
    outs, ins = weight.shape
    name = unit.names[op.name]
    x, y = unit.array(phase, op.inputs[0]), phase.storage[op.name]
    x_type, y_type = phase.element[op.inputs[0]], phase.element[op.name]
    in_pairs = ins > 1 and y_type == CType(32) and _is_narrow(x_type) and _is_narrow(_storage_of(weight))
    ordered = _in_pairs(weight) if in_pairs else weight.T.ravel()
    lane = CType(16) if in_pairs else None
    table = unit.tables.array(f"{name}_weight", [int(value) for value in ordered], lane=lane)
    w_type = unit.tables.arrays[table].element
    start, start_type = "(const int8_t *)0", CType(8)
    if bias.any():
        start = unit.tables.array(f"{name}_bias", [int(value) for value in bias])
        start_type = unit.tables.arrays[start].element
    if in_pairs:
        kernel = unit.kernel("QSSM_MATVEC_PAIRS", w_type, x_type, start_type)
    else:
        kernel = unit.kernel("QSSM_MATVEC", w_type, x_type, start_type, y_type)
    return f"{kernel}({y}, {table}, {x}, {start}, {outs}, {ins});"


def _array_read(unit: Unit, phase: Phase, op: Xbar) -> list[str]:
    """Codes out to the rows of a read, readings of its columns back, all as int32_t, which is what the HAL takes."""
    low, high = unit.bounds[op.name].value.span
    if max(-low - 1, high).bit_length() > 31:
        raise UnsupportedModelError(
            f"%{op.name} (from {op.origin}) can be {low}..{high}, more than the 32 bits of a reading; "
            "give fewer --dac-bits"
        )
    columns, rows = op.weight.shape
    number = unit.reads.index(op.name.split("_flush")[0])
    x, y, element = unit.array(phase, op.inputs[0]), phase.storage[op.name], phase.element[op.name].text
    return [
        "{",
        f"    int32_t codes[{max(1, rows)}], readings[{max(1, columns)}];",
        f"    for (int i = 0; i < {rows}; i++) codes[i] = (int32_t){x}[i];",
        f"    xbar_write_rows({number}, codes, {rows});",
        f"    xbar_read_columns({number}, readings, {columns});",
        f"    for (int i = 0; i < {columns}; i++) {y}[i] = ({element})readings[i];",
        "}",
    ]


def _storage_of(weight: Matrix) -> CType:
    return storage(int(weight.min(initial=0)), int(weight.max(initial=0)))


def _is_narrow(ctype: CType) -> bool:
    """Whether 16 bits, signed, hold every number of the type."""
    return ctype.bits < 16 or (ctype.bits == 16 and ctype.signed)


def _in_pairs(weight: Matrix) -> Matrix:
    """(out, in) as [pair of inputs][output][2], then the last odd input [output]."""
    outs, ins = weight.shape
    whole = weight[:, : ins // 2 * 2].reshape(outs, ins // 2, 2)
    return np.concatenate([np.moveaxis(whole, 0, 1).ravel(), weight[:, ins // 2 * 2 :].ravel()])


def _matrix(unit: Unit, op: Op) -> tuple[Matrix, Matrix]:
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


def _lut(unit: Unit, phase: Phase, op: Lut) -> str:
    name, extent = unit.names[op.name], op.type.shape[0]
    table = unit.tables.array(f"{name}_entries", [int(value) for value in op.entries.data.ravel()])
    row = f"i * {op.entries.shape[1]} + " if len(op.entries.shape) == 2 else ""
    first = np.broadcast_to(op.first.data, (extent,))
    origin = unit.tables.element(f"{name}_first", [int(value) for value in first], "i")
    minus = _minus(origin)
    x, y, element = unit.array(phase, op.inputs[0]), phase.storage[op.name], phase.element[op.name].text
    return f"for (int i = 0; i < {extent}; i++) {y}[i] = ({element}){table}[{row}{x}[i]{minus}];"


def _minus(text: str) -> str:
    if text == "0":
        return ""
    return f" + {text[2:-1]}" if text.startswith("(-") and text[2:-1].isdigit() else f" - {text}"


def _normalize(unit: Unit, phase: Phase, op: Normalize) -> str:
    """The sums in as few bits as they need; the square root in as many steps as the spread has pairs of bits."""
    x = unit.bounds[op.inputs[0]].value.span
    count, largest = op.type.shape[0], max(abs(x[0]), abs(x[1]))
    spread = count * count * largest * largest + op.eps
    sums = arithmetic(-spread, spread)
    kernel = unit.kernel("QSSM_NORMALIZE", phase.element[op.inputs[0]], sums, phase.element[op.name])
    bits = spread.bit_length() + spread.bit_length() % 2
    arguments = f"{count}, {literal(op.eps)}, {op.frac}, {max(2, bits)}, {op.centred}"
    return f"{kernel}({phase.storage[op.name]}, {unit.array(phase, op.inputs[0])}, {arguments});"


def _slice(unit: Unit, phase: Phase, op: Slice) -> list[str]:
    """A part of a complex value: its re, then its im."""
    whole, extent = unit.graph[op.inputs[0]].type.shape[0], op.type.shape[0]
    x = unit.array(phase, op.inputs[0])
    return [_copy(phase, op, part * extent, x, part * whole + op.start, extent) for part in (0, 1)]


def _take(unit: Unit, phase: Phase, op: Take) -> list[str]:
    """Elements by a table of indices; of a complex value the re, then the im."""
    whole, extent = unit.graph[op.inputs[0]].type.shape[0], op.type.shape[0]
    x, y, element = unit.array(phase, op.inputs[0]), phase.storage[op.name], phase.element[op.name].text
    chosen = unit.tables.element(f"{unit.names[op.name]}_indices", [int(index) for index in op.indices.data], "i")
    return [
        f"for (int i = 0; i < {extent}; i++) {y}[{part * extent} + i] = ({element}){x}[{part * whole} + {chosen}];"
        for part in range(2 if op.type.complex else 1)
    ]


def _concat(unit: Unit, phase: Phase, op: Concat) -> list[str]:
    lines = []
    start = 0
    for part in range(2 if op.type.complex else 1):
        for name in op.inputs:
            extent = unit.graph[name].type.shape[0]
            lines.append(_copy(phase, op, start, unit.array(phase, name), part * extent, extent))
            start += extent
    return lines


def _copy(phase: Phase, op: Op, to: int, x: str, start: int, extent: int) -> str:
    element, y = phase.element[op.name], phase.storage[op.name]
    return f"for (int i = 0; i < {extent}; i++) {y}[{to} + i] = ({element.text}){x}[{start} + i];"
