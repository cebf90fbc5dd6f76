"""Scales: what one unit of each value means, op by op, in a quantised graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.ops import Add, Advance, Cast, Constant, Diag, Inject, Matvec, Move, Mul, Offset, Op, Readout, Scale, Xbar
from qssmc.ir.table import Table
from qssmc.ir.verify import IRError

Scales = NDArray[np.float64]


def result_scale(op: Op, operands: tuple[Scales, ...]) -> Scales | None:
    """The scale of each element of an op's exact result (complex pairs share one), or None where it has no grid.

    operands: the scales of its operands, shape as their types. What bends numbers gives them no grid.
    """
    if op.nature == "nonlinear":
        return None
    if isinstance(op, Move):
        return np.broadcast_to(op.noted(*operands), op.type.shape)
    return np.broadcast_to(_RULES[type(op)](op, *operands), op.type.shape)


def grid_scale(table: Table, op: Op) -> Scales:
    """The grid of an op's table, one scale an element."""
    if table.grid is None:
        raise IRError(f"%{op.name} ({op.mnemonic}, from {op.origin}) has a table without a grid")
    return np.broadcast_to(table.grid.scale, table.data.shape)


def is_power_of_two(ratio: NDArray[Any]) -> bool:
    """Whether every ratio is a power of two, exactly."""
    return bool((np.frexp(ratio)[0] == 0.5).all())


def _uniform(scales: Scales, axis: int, op: Op) -> Scales:
    """Terms of one sum must share a scale."""
    if not scales.shape[axis]:
        return np.ones(scales.shape[:axis] + scales.shape[axis + 1 :])
    first = np.take(scales, 0, axis=axis)
    if not np.allclose(scales, np.expand_dims(first, axis), rtol=1e-12, atol=0.0):
        raise IRError(f"%{op.name} ({op.mnemonic}, from {op.origin}) sums terms of different scales")
    return np.asarray(first)


def _matvec(op: Matvec | Xbar, x: Scales) -> Scales:
    return _uniform(grid_scale(op.weight, op) * x, 1, op)


def _diag(op: Diag, x: Scales) -> Scales:
    return _uniform(grid_scale(op.lambda_bar, op), 1, op) * x


def _inject(op: Inject, u: Scales) -> Scales:
    b = grid_scale(op.b_bar, op)
    if op.heads is None:
        return _uniform(_uniform(b, 2, op) * u, 1, op)
    return np.asarray(_uniform(b, 1, op) * u[op.heads.data])


def _readout(op: Readout, x: Scales) -> Scales:
    c = grid_scale(op.c, op)
    if op.heads is None:
        return _uniform(_uniform(c, 2, op) * x, 1, op)
    terms = _uniform(c, 1, op) * x
    found = np.ones(op.channels)
    for head in range(op.channels):
        mine = terms[op.heads.data == head]
        if len(mine):
            found[head] = _uniform(mine, 0, op)
    return found


def _add(op: Add, *terms: Scales) -> Scales:
    """The finest of the terms' scales: the binary point that shifts bring all of them to."""
    return np.asarray(np.min(np.stack(terms), axis=0))


def _constant(op: Constant) -> Scales:
    return np.ones(op.type.shape)


_RULES: dict[type[Op], Callable[..., Scales]] = {
    Constant: _constant,
    Cast: lambda op, *x: op.scale.data,
    Matvec: _matvec,
    Xbar: _matvec,
    Diag: _diag,
    Inject: _inject,
    Readout: _readout,
    Scale: lambda op, x: grid_scale(op.factor, op) * x,
    Offset: lambda op, x: x,
    Add: _add,
    Mul: lambda op, a, b: a * b,
    Advance: lambda op, x: np.full(op.type.shape, 2.0**-op.bits),
}
