"""Kernel calls: ops that need their operands complete, as calls of the hand-written kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.hls.scalar import literal
from qssmc.backends.hls.tables import HlsTable
from qssmc.backends.hls.unit import HlsUnit
from qssmc.errors import UnsupportedModelError
from qssmc.ir.ops import Concat, Inject, Matvec, Normalize, Op, Pair, Readout, Unpair, Xbar

ArrayOf = Callable[[str, str], str]  # (value, part) -> its array
WHOLES = (Matvec, Xbar, Inject, Readout, Normalize, Concat, Pair, Unpair)


def lanes_of(unit: HlsUnit, outs: int) -> int:
    """Outputs of a matrix that are summed at once."""
    return max(1, min(unit.options.lanes, outs))


def call_lines(unit: HlsUnit, op: Op, array: ArrayOf) -> tuple[list[str], list[HlsTable]]:
    """The lines that make the array of an op's value, and the tables they use."""
    name = unit.names[op.name]
    if isinstance(op, (Matvec, Xbar)):
        bias = op.bias.data if isinstance(op, Matvec) else np.zeros(len(op.weight.data), np.int64)
        return _matvec(unit, op, "", op.weight.data, bias, array(op.inputs[0], ""))
    if isinstance(op, Inject):
        lines: list[str] = []
        used: list[HlsTable] = []
        for number, part in enumerate(unit.parts(op.name)):
            weight = op.b_bar.data[..., number]
            zero = np.zeros(len(weight), np.int64)
            more, tables = _matvec(unit, op, part, weight, zero, array(op.inputs[0], ""))
            lines, used = lines + more, used + tables
        return lines, used
    if isinstance(op, Readout):
        weight = np.concatenate([op.c.data[..., 0], -op.c.data[..., 1]], axis=1)
        states = op.c.data.shape[1]
        join = [f"{unit.element(op.inputs[0])} lanes_{name}[{max(1, 2 * states)}];"]
        join += [
            _copy(array(op.inputs[0], p), 0, f"lanes_{name}", at * states, states)
            for at, p in enumerate(("_re", "_im"))
        ]
        lines, used = _matvec(unit, op, "", weight, np.zeros(len(weight), np.int64), f"lanes_{name}")
        return [*join, *lines], used
    if isinstance(op, Normalize):
        acc = unit.accumulator(op.name)
        call = f"qssm_normalize<{acc}, {op.type.shape[0]}, {op.frac}{'' if op.centred else ', 0'}>"
        return [f"{call}({array(op.inputs[0], '')}, {literal(op.eps)}, all_{name});"], []
    if isinstance(op, (Concat, Pair, Unpair)):
        return _moves(unit, op, array), []
    raise UnsupportedModelError(f"the hls target has no kernel for {op.mnemonic} (%{op.name}, from {op.origin})")


def _copy(source: str, first: int, target: str, start: int, count: int) -> str:
    return f"qssm_copy<{count}>({source}, {first}, {target}, {start});"


def _moves(unit: HlsUnit, op: Op, array: ArrayOf) -> list[str]:
    name, lines, start = f"all_{unit.names[op.name]}", [], 0
    half = op.type.shape[0] if isinstance(op, Pair) else op.type.shape[0] // 2
    if isinstance(op, Pair):
        return [_copy(array(op.inputs[0], ""), at * half, f"{name}{p}", 0, half) for at, p in enumerate(("_re", "_im"))]
    if isinstance(op, Unpair):
        return [_copy(array(op.inputs[0], p), 0, name, at * half, half) for at, p in enumerate(("_re", "_im"))]
    for operand in op.inputs:
        count = unit.graph[operand].type.shape[0]
        lines += [_copy(array(operand, part), 0, f"{name}{part}", start, count) for part in unit.parts(op.name)]
        start += count
    return lines


def _matvec(
    unit: HlsUnit, op: Op, part: str, weight: NDArray[np.int64], bias: NDArray[np.int64], x: str
) -> tuple[list[str], list[HlsTable]]:
    name, (outs, ins) = unit.names[op.name], weight.shape
    biases = unit.tables.array(f"table_{name}_bias{part}", bias)
    target = f"all_{name}{part}"
    if ins == 0 or outs == 0:
        return [_copy(biases.name, 0, target, 0, outs)], [biases]
    lanes = lanes_of(unit, outs)
    rows = np.concatenate([weight, np.zeros((-outs % lanes, ins), np.int64)]).reshape(-1, lanes, ins)
    table = unit.tables.array(f"table_{name}_weight{part}", rows.transpose(0, 2, 1).reshape(-1, lanes))
    call = f"qssm_matvec<{unit.accumulator(op.name)}, {outs}, {ins}, {lanes}>"
    return [f"{call}({table.name}, {biases.name}, {x}, {target});"], [table, biases]
