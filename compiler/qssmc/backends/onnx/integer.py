"""Integer: the operators of the ops that round, shift and look up, in 64-bit integers, bit for bit as golden."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.onnx.exact import EXACT, Rule
from qssmc.backends.onnx.nodes import Nodes, TensorProto, parts
from qssmc.ir.ops import Advance, Lut, Normalize, Op, Requant, ShiftLeft

_LARGEST_ROOT = 3037000499  # floor(sqrt(2^63 - 1))


def _power(exponents: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.int64(1) << np.asarray(exponents, np.int64)


def _advance(n: Nodes, op: Advance) -> None:
    moved = n.add("Add", op.inputs[0], n.constant("step", [[op.step]]))
    n.add("Mod", moved, n.constant("period", [[1 << op.bits]]), to=op.name)


def _requant(n: Nodes, op: Requant) -> None:
    """Division towards minus infinity is (v - v mod 2^s) / 2^s, since ONNX's own division truncates."""
    shift = op.shift.data
    divisor = n.constant("divisor", n.columns(_power(shift)))
    low, high = n.constant("low", n.columns(op.low.data)), n.constant("high", n.columns(op.high.data))
    rounding = _phase(n, op) if len(op.inputs) == 2 else n.constant("half", n.columns(_power(shift) >> 1))
    for part in parts(op):
        value = op.inputs[0] + part
        if (op.multiplier.data != 1).any():
            value = n.add("Mul", value, n.constant("multiplier", n.columns(op.multiplier.data)))
        value = n.add("Add", value, rounding)
        whole = n.add("Sub", value, n.add("Mod", value, divisor))
        result = n.add("Max", n.add("Div", whole, divisor), low)
        n.add("Min", result, high, to=op.name + part)


def _phase(n: Nodes, op: Requant) -> str:
    """floor(phase * 2^shift / 2^phase_bits)."""
    up, down = np.maximum(op.shift.data - op.phase_bits, 0), np.maximum(op.phase_bits - op.shift.data, 0)
    raised = n.add("Mul", op.inputs[1], n.constant("up", n.columns(_power(up))))
    return n.add("Div", raised, n.constant("down", n.columns(_power(down))))


def _shift_left(n: Nodes, op: ShiftLeft) -> None:
    factor = n.constant("factor", n.columns(_power(op.amount.data)))
    for part in parts(op):
        n.add("Mul", op.inputs[0] + part, factor, to=op.name + part)


def _lut(n: Nodes, op: Lut) -> None:
    """Entries of all elements one after another; each element starts at its own."""
    extent, entries = op.type.shape[0], op.entries.data
    start = np.arange(extent) * entries.shape[1] if entries.ndim == 2 else np.zeros(extent, np.int64)
    offset = n.constant("offset", n.columns(start - np.broadcast_to(op.first.data, (extent,))))
    index = n.add("Add", op.inputs[0], offset)
    n.add("Gather", n.constant("entries", entries.ravel()), index, to=op.name, axis=0)


def _normalize(n: Nodes, op: Normalize) -> None:
    (x,), axis = op.inputs, n.ints("axis", 1)
    count = n.constant("count", [[op.type.shape[0]]])
    total = n.add("ReduceSum", x, axis, keepdims=1) if op.centred else n.constant("no_sum", [[0]])
    squares = n.add("Mul", count, n.add("ReduceSum", n.add("Mul", x, x), axis, keepdims=1))
    spread = n.add("Sub", squares, n.add("Mul", total, total))
    root = _root(n, n.add("Add", spread, n.constant("eps", [[op.eps]])))
    one = n.constant("one_row", [[1]])
    if op.frac:
        reciprocal = n.add("Div", n.constant("scale", [[1 << op.frac]]), n.add("Max", root, one))
    else:  # ONNX Runtime 1.32 turns a * (1 / b) into a / b, also for integers
        reciprocal = n.add("Where", n.add("Greater", root, one), n.constant("zero_row", [[0]]), one)
    n.add("Mul", n.add("Sub", n.add("Mul", count, x), total), reciprocal, to=op.name)


def _root(n: Nodes, value: str) -> str:
    """floor(sqrt(value)): the float estimate corrected by one either way, as golden does it."""
    estimate = n.add("Floor", n.add("Sqrt", n.add("Cast", value, to_type=TensorProto.DOUBLE)))
    largest, one = n.constant("largest", [[_LARGEST_ROOT]]), n.constant("one_row", [[1]])
    root = n.add("Min", n.add("Cast", estimate, to_type=TensorProto.INT64), largest)
    too_large = n.add("Greater", n.add("Mul", root, root), value)
    root = n.add("Where", too_large, n.add("Sub", root, one), root)
    more = n.add("Min", n.add("Add", root, one), largest)
    fits = n.add("And", n.add("Less", root, largest), n.add("LessOrEqual", n.add("Mul", more, more), value))
    return n.add("Where", fits, more, root)


INTEGER: dict[type[Op], Rule] = {
    **EXACT,
    Advance: _advance,
    Requant: _requant,
    ShiftLeft: _shift_left,
    Lut: _lut,
    Normalize: _normalize,
}


def write_op(n: Nodes, op: Op, rules: dict[type[Op], Any]) -> None:
    """The operators of one op."""
    n.begin(op)
    rules[type(op)](n, op)
