"""What each op of an integer graph computes in floats: the golden model's integers, and reals where an array is noisy.

Values are (elements, sequences), complex ones (elements, 2, sequences): a sequence is a column, so that tables and
slices follow memory. float32 holds integers exactly up to 2^24 and is used where the proven widths stay below it,
float64 (2^53) elsewhere. Ops that no array layer is made of run by the golden model's own rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.ops import (
    Add,
    Advance,
    Concat,
    Constant,
    Lut,
    Matvec,
    Mul,
    Offset,
    Op,
    Pair,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    Take,
    Unpair,
)
from qssmc.ir.table import Table
from qssmc.ir.types import Type
from qssmc_sim.rules import rule_of

Array = NDArray[Any]
Rule = Callable[..., Array]
_SINGLE = 24  # bits, sign included, that float32 holds with room for a half


def float_rule(op: Op, operands: tuple[Type, ...]) -> Rule:
    """A function from operand arrays to the op's array. operands: the types that they have."""
    make = _RULES.get(type(op))
    return make(op, operands) if make else _golden(op)


def kind_of(type_: Type) -> Any:
    """The float that holds a value of a type exactly."""
    return np.float32 if (type_.width or 64) <= _SINGLE else np.float64


def column(table: Table, type_: Type, kind: Any) -> Array:
    """A table as something that broadcasts over sequences (and over re and im)."""
    data = table.data.astype(kind)
    if data.ndim == 0:
        return np.asarray(data)
    return np.asarray(data.reshape(-1, *([1] * (2 if type_.complex else 1))))


def _constant(op: Constant, operands: tuple[Type, ...]) -> Rule:
    value = op.value.data.astype(kind_of(op.type))[..., None]
    return lambda: value


def _matvec(op: Matvec, operands: tuple[Type, ...]) -> Rule:
    kind = kind_of(op.type)
    weight, bias = op.weight.data.astype(kind), op.bias.data.astype(kind)[:, None]
    return lambda x: weight @ x.astype(kind, copy=False) + bias


def _scale(op: Scale, operands: tuple[Type, ...]) -> Rule:
    kind = kind_of(op.type)
    factor = column(op.factor, op.type, kind)
    return lambda x: x.astype(kind, copy=False) * factor


def _shift_left(op: ShiftLeft, operands: tuple[Type, ...]) -> Rule:
    kind = kind_of(op.type)
    factor = np.ldexp(np.asarray(1.0, kind), column(op.amount, op.type, np.int64))
    return lambda x: x.astype(kind, copy=False) * factor


def _offset(op: Offset, operands: tuple[Type, ...]) -> Rule:
    kind = kind_of(op.type)
    value = column(op.value, op.type, kind)
    return lambda x: x.astype(kind, copy=False) + value


def _add(op: Add, operands: tuple[Type, ...]) -> Rule:
    widest = max(type_.width or 64 for type_ in (op.type, *operands)) + len(operands) - 2
    kind = np.float32 if widest <= _SINGLE else np.float64
    out = kind_of(op.type)

    def rule(first: Array, *others: Array) -> Array:
        total = first.astype(kind, copy=False)
        for other in others:
            total = total + other
        return total.astype(out, copy=False)

    return rule


def _mul(op: Mul, operands: tuple[Type, ...]) -> Rule:
    kind = kind_of(op.type)
    return lambda a, b: a.astype(kind, copy=False) * b


def _requant(op: Requant, operands: tuple[Type, ...]) -> Rule:
    bits = (operands[0].width or 64) + int(op.multiplier.data.max()).bit_length() + 1
    kind, out = (np.float32 if bits <= _SINGLE else np.float64), kind_of(op.type)
    wide = op.type
    low, high = (column(table, wide, kind) for table in (op.low, op.high))
    shift = column(op.shift, wide, np.int64)
    ratio = np.ldexp(column(op.multiplier, wide, kind), -shift)
    half = np.where(shift > 0, np.asarray(0.5, kind), np.asarray(0.0, kind))

    def finish(x: Array, offset: Array) -> Array:
        y = x * ratio if x.dtype == kind else x.astype(kind) * ratio
        y += offset
        np.floor(y, out=y)
        np.maximum(y, low, out=y)
        np.minimum(y, high, out=y)
        return y.astype(out, copy=False)

    if len(operands) == 1:
        return lambda x: finish(x, half)
    down = np.maximum(op.phase_bits - shift, 0)

    def dithered(x: Array, phase: Array) -> Array:
        # d / 2^shift for d = floor(p * 2^shift / 2^phase_bits); every sequence is at the same phase.
        p = np.int64(phase.flat[0])
        return finish(x, np.ldexp((p >> down).astype(kind), down - op.phase_bits))

    return dithered


def _lut(op: Lut, operands: tuple[Type, ...]) -> Rule:
    entries = op.entries.data.astype(kind_of(op.type))
    first = op.first.data.reshape(-1, 1) if op.first.data.ndim else op.first.data
    if entries.ndim == 1:
        return lambda x: entries[x.astype(np.intp) - first]
    start = np.arange(len(entries))[:, None] * entries.shape[1] - first
    flat = entries.ravel()
    return lambda x: flat[x.astype(np.intp) + start]


def _advance(op: Advance, operands: tuple[Type, ...]) -> Rule:
    turn, out = 1 << op.bits, kind_of(op.type)
    return lambda x: np.mod(x.astype(np.float64) + op.step, turn).astype(out)


def _concat(op: Concat, operands: tuple[Type, ...]) -> Rule:
    kind = kind_of(op.type)
    return lambda *xs: np.concatenate([x.astype(kind, copy=False) for x in xs])


def _golden(op: Op) -> Rule:
    """The golden rule, on integers in golden's layout."""
    rule, kind = rule_of(op), kind_of(op.type)

    def turned(*xs: Array) -> Array:
        found = rule(*(np.ascontiguousarray(np.moveaxis(x, -1, 0)).astype(np.int64) for x in xs))
        return np.ascontiguousarray(np.moveaxis(found, 0, -1)).astype(kind)

    return turned


_RULES: dict[type[Op], Callable[[Any, tuple[Type, ...]], Rule]] = {
    Constant: _constant,
    Matvec: _matvec,
    Scale: _scale,
    ShiftLeft: _shift_left,
    Offset: _offset,
    Add: _add,
    Mul: _mul,
    Requant: _requant,
    Lut: _lut,
    Advance: _advance,
    Concat: _concat,
    Slice: lambda op, operands: lambda x: x[op.start : op.stop],
    Take: lambda op, operands: lambda x: x[op.indices.data],
    Unpair: lambda op, operands: lambda x: np.concatenate([x[:, 0], x[:, 1]]),
    Pair: lambda op, operands: lambda x: np.stack([x[: len(x) // 2], x[len(x) // 2 :]], axis=1),
}
