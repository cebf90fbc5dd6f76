"""Exact: the operators of ops that exist on reals and on integers alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.onnx.nodes import PARTS, Nodes, parts
from qssmc.ir.ops import (
    Add,
    Concat,
    Constant,
    Diag,
    Inject,
    Matvec,
    Mul,
    Offset,
    Op,
    Pair,
    Readout,
    Scale,
    Slice,
    Take,
    Unpair,
    Xbar,
)


def _constant(n: Nodes, op: Constant) -> None:
    """A constant for every sequence of the batch, whose size the tensor named batch holds."""
    extents = n.add("Concat", "batch", n.ints("extent", op.type.shape[0]), axis=0)
    n.add("Expand", n.constant("value", n.columns(op.value.data)), extents, to=op.name)


def _matvec(n: Nodes, op: Matvec) -> None:
    product = n.add("MatMul", op.inputs[0], n.constant("weight", op.weight.data.T))
    n.add("Add", product, n.constant("bias", n.columns(op.bias.data)), to=op.name)


def _xbar(n: Nodes, op: Xbar) -> None:
    n.add("MatMul", op.inputs[0], n.constant("weight", op.weight.data.T), to=op.name)


def _diag(n: Nodes, op: Diag) -> None:
    re, im = (n.constant(f"lambda_bar{p}", n.columns(op.lambda_bar.data[:, k])) for k, p in enumerate(PARTS))
    x_re, x_im = (op.inputs[0] + part for part in PARTS)
    n.add("Sub", n.add("Mul", re, x_re), n.add("Mul", im, x_im), to=op.name + ".re")
    n.add("Add", n.add("Mul", re, x_im), n.add("Mul", im, x_re), to=op.name + ".im")


def _inject(n: Nodes, op: Inject) -> None:
    """Each state takes the channel of its head, or all channels."""
    if op.heads is not None:
        u = n.add("Gather", op.inputs[0], n.ints("heads", *op.heads.data.tolist()), axis=1)
    for k, part in enumerate(PARTS):
        table = op.b_bar.data[..., k]
        if op.heads is None:
            n.add("MatMul", op.inputs[0], n.constant(f"b_bar{part}", table.T), to=op.name + part)
        else:
            n.add("Mul", u, n.constant(f"b_bar{part}", n.columns(table)), to=op.name + part)


def _readout(n: Nodes, op: Readout) -> None:
    """Re(c x) of each state, summed over the states of each head."""
    x_re, x_im = (op.inputs[0] + part for part in PARTS)
    re, im = op.c.data[..., 0], op.c.data[..., 1]
    if op.heads is None:
        terms = (n.add("MatMul", x, n.constant(f"c{p}", c.T)) for x, p, c in ((x_re, ".re", re), (x_im, ".im", im)))
        n.add("Sub", *terms, to=op.name)
        return
    products = n.add("Mul", x_re, n.constant("c.re", n.columns(re)))
    if im.any():
        products = n.add("Sub", products, n.add("Mul", x_im, n.constant("c.im", n.columns(im))))
    by_head, most = members(op.heads.data, op.channels)
    padded = n.add("Pad", products, n.ints("pads", 0, 0, 0, 1))
    placed = n.add("Gather", padded, n.ints("members", *by_head.ravel().tolist()), axis=1)
    shaped = n.add("Reshape", placed, n.ints("by_head", -1, op.channels, most))
    n.add("ReduceSum", shaped, n.ints("axis", 2), to=op.name, keepdims=0)


def members(heads: NDArray[np.int64], channels: int) -> tuple[NDArray[np.int64], int]:
    """(channels, most) the states of each head, filled up with the number of states, where a 0 stands.

    >>> members(np.array([0, 0, 2]), 3)[0].tolist()
    [[0, 1], [3, 3], [2, 3]]
    """
    most = max(1, int(np.bincount(heads, minlength=1).max()))
    found = np.full((channels, most), len(heads), np.int64)
    for channel in range(channels):
        own = np.flatnonzero(heads == channel)
        found[channel, : len(own)] = own
    return found, most


def _each(kind: str, attribute: str) -> Callable[[Nodes, Any], None]:
    """An operator between a value and a table over its elements."""

    def rule(n: Nodes, op: Op) -> None:
        table = n.constant(attribute, n.columns(getattr(op, attribute).data))
        for part in parts(op):
            n.add(kind, op.inputs[0] + part, table, to=op.name + part)

    return rule


def _add(n: Nodes, op: Add) -> None:
    for part in parts(op):
        total = op.inputs[0] + part
        for at, name in enumerate(op.inputs[1:], 2):
            total = n.add("Add", total, name + part, to=op.name + part if at == len(op.inputs) else None)


def _mul(n: Nodes, op: Mul) -> None:
    n.add("Mul", *op.inputs, to=op.name)


def _slice(n: Nodes, op: Slice) -> None:
    for part in parts(op):
        cut(n, op.inputs[0] + part, op.start, op.stop, op.name + part)


def cut(n: Nodes, source: str, start: int, stop: int, to: str) -> None:
    """Elements start..stop-1."""
    n.add("Slice", source, n.ints(f"from_{start}", start), n.ints(f"to_{stop}", stop), n.ints("one", 1), to=to)


def _take(n: Nodes, op: Take) -> None:
    for part in parts(op):
        indices = n.ints("indices", *op.indices.data.tolist())
        n.add("Gather", op.inputs[0] + part, indices, to=op.name + part, axis=1)


def _concat(n: Nodes, op: Concat) -> None:
    for part in parts(op):
        n.add("Concat", *(name + part for name in op.inputs), to=op.name + part, axis=1)


def _unpair(n: Nodes, op: Unpair) -> None:
    n.add("Concat", *(op.inputs[0] + part for part in PARTS), to=op.name, axis=1)


def _pair(n: Nodes, op: Pair) -> None:
    half = op.type.shape[0]
    for k, part in enumerate(PARTS):
        cut(n, op.inputs[0], k * half, (k + 1) * half, op.name + part)


Rule = Callable[[Nodes, Any], None]
EXACT: dict[type[Op], Rule] = {
    Constant: _constant,
    Matvec: _matvec,
    Xbar: _xbar,
    Diag: _diag,
    Inject: _inject,
    Readout: _readout,
    Scale: _each("Mul", "factor"),
    Offset: _each("Add", "value"),
    Add: _add,
    Mul: _mul,
    Slice: _slice,
    Take: _take,
    Concat: _concat,
    Unpair: _unpair,
    Pair: _pair,
}
