"""What each op computes: the golden model's specification, one rule an op.

Arrays carry a leading batch axis; complex values end in an axis (re, im). Integer rules work on int64 and are exact:
the range certificate bounds every value they make. The same rule serves real values where the op exists in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.activation import apply_activation
from qssmc.ir.discretize import input_gain, lambda_bar
from qssmc.ir.ops import (
    Activation,
    Add,
    Advance,
    Cast,
    Concat,
    Constant,
    Decay,
    Diag,
    Divide,
    Drive,
    Glu,
    Inject,
    Input,
    LayerNorm,
    Lut,
    Matvec,
    Mul,
    Normalize,
    Offset,
    Op,
    Pair,
    Readout,
    Requant,
    RMSNorm,
    Scale,
    ShiftLeft,
    Slice,
    Take,
    Unpair,
    Xbar,
)
from qssmc.ir.table import Table

Array = NDArray[Any]
Rule = Callable[..., Array]


def rule_of(op: Op) -> Rule:
    """A function from operand arrays to the op's array, with its tables made ready once."""
    return RULES[type(op)](op)


def saturated(op: Input, samples: Array) -> Array:
    """The value of an input: samples beyond the bounds of its integer type become the nearest bound."""
    if op.type.is_real:
        return samples
    low, high = op.type.bounds
    return np.minimum(np.maximum(samples, low), high)


def _each(table: Table, like_complex: bool) -> Array:
    """A per-element table, repeated over the (re, im) axis where the value has one: numpy is slow to stretch a last
    axis of two."""
    return np.repeat(table.data[..., None], 2, axis=-1) if like_complex else table.data


def _complex_product(a: Array, b: Array) -> Array:
    """(a_re + i a_im)(b_re + i b_im) on pairs."""
    if a.dtype == np.float64 and b.flags.c_contiguous:
        # numpy's own complex product makes one pass over memory, and is exact where products and sums are.
        return np.asarray((a.view(np.complex128) * b.view(np.complex128)).view(np.float64))
    re = a[..., 0] * b[..., 0] - a[..., 1] * b[..., 1]
    im = a[..., 0] * b[..., 1] + a[..., 1] * b[..., 0]
    return np.stack([re, im], axis=-1)


def _constant(op: Constant) -> Rule:
    return lambda: op.value.data[None]


def _matvec(op: Matvec) -> Rule:
    weight, bias = np.ascontiguousarray(op.weight.data.T), op.bias.data
    return lambda x: x @ weight + bias


def _xbar(op: Xbar) -> Rule:
    weight = np.ascontiguousarray(op.weight.data.T)
    return lambda x: x @ weight


def _diag(op: Diag) -> Rule:
    pole = op.lambda_bar.data
    if op.type.is_real:
        return lambda x: _complex_product(pole, x)
    # (re, im) of x times pole_re, and (im, re) of x times (-pole_im, pole_im), in passes over whole arrays
    along = np.repeat(pole[..., :1], 2, axis=-1)
    across = pole[..., 1:] * np.array([-1, 1])

    def rule(x: Array) -> Array:
        product = np.asarray(x * along)
        product += np.ascontiguousarray(x[..., ::-1]) * across
        return product

    return rule


def _inject(op: Inject) -> Rule:
    return _inject_rule(op.b_bar.data, op.heads)


def _inject_rule(b_bar: Array, heads: Table | None) -> Rule:
    if heads is None:
        return lambda u: np.einsum("shk,bh->bsk", b_bar, u)
    owner = heads.data
    return lambda u: b_bar * np.repeat(u[:, owner, None], 2, axis=-1)


def _readout(op: Readout) -> Rule:
    c = op.c.data
    if op.heads is None:
        return lambda x: np.einsum("hs,bs->bh", c[..., 0], x[..., 0]) - np.einsum("hs,bs->bh", c[..., 1], x[..., 1])
    order = np.argsort(op.heads.data, kind="stable")
    present, starts = np.unique(op.heads.data[order], return_index=True)

    def rule(x: Array) -> Array:
        y = np.zeros((len(x), op.channels), x.dtype)
        if len(present):
            products = c[..., 0] * x[..., 0] - c[..., 1] * x[..., 1]
            y[:, present] = np.add.reduceat(products[:, order], starts, axis=1)
        return y

    return rule


def _scale(op: Scale) -> Rule:
    factor = _each(op.factor, op.type.complex)
    return lambda x: x * factor


def _offset(op: Offset) -> Rule:
    return lambda x: x + op.value.data


def _add(op: Add) -> Rule:
    def rule(first: Array, second: Array, *others: Array) -> Array:
        total = np.asarray(first + second)
        for other in others:
            total += other
        return total

    return rule


def _concat(op: Concat) -> Rule:
    return lambda *xs: np.concatenate(np.broadcast_arrays(*xs) if len({len(x) for x in xs}) > 1 else xs, axis=1)


def _pair(op: Pair) -> Rule:
    half = op.type.shape[0]
    return lambda x: np.stack([x[:, :half], x[:, half:]], axis=-1)


def _decay(op: Decay) -> Rule:
    step = Table.real(lambda_bar(op.a.as_complex(), op.dt.data, op.method)).data
    return lambda x: _complex_product(step, x)


def _drive(op: Drive) -> Rule:
    gain = input_gain(op.a.as_complex(), op.dt.data, op.method)
    b = op.b.as_complex()
    return _inject_rule(Table.real(b * (gain if op.heads is not None else gain[:, None])).data, op.heads)


def _glu(op: Glu) -> Rule:
    half = op.type.shape[0]
    return lambda x: x[:, :half] * apply_activation("sigmoid", x[:, half:])


def _layernorm(op: LayerNorm) -> Rule:
    def rule(x: Array) -> Array:
        centred = x - x.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + op.eps)
        return np.asarray(centred / deviation * op.gamma.data + op.beta.data)

    return rule


def _rmsnorm(op: RMSNorm) -> Rule:
    return lambda x: x / np.sqrt((x**2).mean(axis=1, keepdims=True) + op.eps) * op.gamma.data


def _cast(op: Cast) -> Rule:
    scale, low, high = (_each(table, op.type.complex) for table in (op.scale, op.low, op.high))
    at = (slice(None), 0) + (None,) * len(op.type.array_shape)
    even = None if op.even is None or not op.even.data.any() else _each(op.even, op.type.complex) != 0

    def rule(x: Array, phase: Array | None = None) -> Array:
        q = x / scale
        to_even = None if even is None else np.rint(q)
        q += 0.5 if phase is None else phase[at]
        np.floor(q, out=q)
        if to_even is not None:
            np.copyto(q, to_even, where=even)
        np.maximum(q, low, out=q)
        np.minimum(q, high, out=q)
        q *= scale
        return q

    return rule


def _requant(op: Requant) -> Rule:
    multiplier, shift, low, high = (
        _each(table, op.type.complex) for table in (op.multiplier, op.shift, op.low, op.high)
    )
    half = (np.int64(1) << shift) >> 1
    exact = (multiplier == 1).all()

    def rounded(x: Array, added: Array) -> Array:
        # numpy's >> on int64 is arithmetic, which is floor division by a power of two.
        value = np.asarray(x + added if exact else x * multiplier + added)
        value >>= shift
        np.maximum(value, low, out=value)
        np.minimum(value, high, out=value)
        return value

    if len(op.inputs) == 1:
        return lambda x: rounded(x, half)
    up, down = np.maximum(shift - op.phase_bits, 0), np.maximum(op.phase_bits - shift, 0)
    at = (slice(None), 0) + (None,) * len(op.type.array_shape)
    return lambda x, phase: rounded(x, (phase[at] << up) >> down)


def _advance(op: Advance) -> Rule:
    if op.type.is_real:
        return lambda x: np.mod(x + op.step * 2.0**-op.bits, 1.0)
    return lambda x: (x + op.step) & ((1 << op.bits) - 1)


def _shift_left(op: ShiftLeft) -> Rule:
    factor = np.int64(1) << _each(op.amount, op.type.complex)
    return lambda x: x * factor


def _lut(op: Lut) -> Rule:
    entries, first = op.entries.data, op.first.data
    if entries.ndim == 1:
        return lambda x: entries[x - first]
    rows = np.arange(len(entries))
    return lambda x: entries[rows, x - first]


def _normalize(op: Normalize) -> Rule:
    def rule(x: Array) -> Array:
        count = x.shape[1]
        total = x.sum(axis=1, keepdims=True) * op.centred
        spread = count * (x * x).sum(axis=1, keepdims=True) - total * total + op.eps
        reciprocal = (np.int64(1) << op.frac) // np.maximum(1, integer_sqrt(spread))
        return np.asarray((count * x - total) * reciprocal)

    return rule


_LARGEST_ROOT = np.int64(3037000499)  # floor(sqrt(2^63 - 1)): the square of the next does not fit


def integer_sqrt(value: Array) -> Array:
    """floor(sqrt(value)) for any int64 from 0 on, exact: the float estimate is corrected by one either way."""
    root = np.minimum(np.floor(np.sqrt(value.astype(np.float64))).astype(np.int64), _LARGEST_ROOT)
    root = np.where(root * root > value, root - 1, root)
    return np.where((root < _LARGEST_ROOT) & ((root + 1) * (root + 1) <= value), root + 1, root)


RULES: dict[type[Op], Callable[[Any], Rule]] = {
    Constant: _constant,
    Matvec: _matvec,
    Xbar: _xbar,
    Diag: _diag,
    Inject: _inject,
    Readout: _readout,
    Scale: _scale,
    Offset: _offset,
    Add: _add,
    Mul: lambda op: lambda a, b: a * b,
    Slice: lambda op: lambda x: x[:, op.start : op.stop],
    Take: lambda op: lambda x: x[:, op.indices.data],
    Concat: _concat,
    Unpair: lambda op: lambda x: np.concatenate([x[..., 0], x[..., 1]], axis=1),
    Pair: _pair,
    Advance: _advance,
    Decay: _decay,
    Drive: _drive,
    Activation: lambda op: lambda x: apply_activation(op.kind, x),
    Glu: _glu,
    LayerNorm: _layernorm,
    RMSNorm: _rmsnorm,
    Divide: lambda op: lambda x, count: x / count,
    Cast: _cast,
    Requant: _requant,
    ShiftLeft: _shift_left,
    Lut: _lut,
    Normalize: _normalize,
}
