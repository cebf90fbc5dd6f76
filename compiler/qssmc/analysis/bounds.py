"""Bounds: interval arithmetic over one step of an integer graph, exact in Python integers.

Every state ends in a saturating requant or counts modulo a power of two, so its interval is known before the step is
looked at; one pass over the ops then bounds every value and every partial sum, whatever the order of summation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.ir import ops
from qssmc.ir.graph import Graph
from qssmc.ir.table import Table
from qssmc.ir.types import WIDEST, width_of

Exact = NDArray[Any]  # of Python integers: no overflow anywhere


@dataclass(frozen=True)
class Interval:
    """low and high of each element of a value, both (shape..., [2]) arrays of Python integers."""

    low: Exact
    high: Exact

    def times(self, factor: Exact) -> Interval:
        """The interval of factor * x, for a constant factor."""
        a, b = self.low * factor, self.high * factor
        return Interval(np.minimum(a, b), np.maximum(a, b))

    def plus(self, other: Interval) -> Interval:
        """The interval of x + y, for y in another interval."""
        return Interval(self.low + other.low, self.high + other.high)

    @property
    def span(self) -> tuple[int, int]:
        """The smallest low and the largest high; (0, 0) for an empty value."""
        return (int(self.low.min()), int(self.high.max())) if self.low.size else (0, 0)


@dataclass(frozen=True)
class Bound:
    """What is proven of one op: the interval of its value, and the span of every intermediate result on the way."""

    value: Interval
    inner: tuple[int, int]

    @property
    def inner_width(self) -> int:
        """Bits of a signed accumulator that holds every intermediate result."""
        low, high = min(self.inner[0], self.value.span[0]), max(self.inner[1], self.value.span[1])
        width, signed = width_of(low, high)
        return width if signed else width + 1


def bounds(graph: Graph, given: Mapping[str, Interval] | None = None) -> dict[str, Bound]:
    """The bound of every op of an integer graph, by name.

    given: intervals of some values that were proven otherwise; they narrow what follows from the step alone.
    Raises UnsupportedModelError if a value needs more than 64 bits or a state does not saturate.
    """
    found: dict[str, Bound] = {}
    for op in graph.ops:
        if isinstance(op, ops.State):
            interval = _state_interval(graph, op)
            found[op.name] = Bound(interval, interval.span)
        else:
            found[op.name] = _RULES[type(op)](op, *(found[name].value for name in op.inputs))
        if given and op.name in given:
            value, narrow = found[op.name].value, given[op.name]
            narrowed = Interval(np.maximum(value.low, narrow.low), np.minimum(value.high, narrow.high))
            found[op.name] = Bound(narrowed, found[op.name].inner)
        width = found[op.name].inner_width
        if width > WIDEST:
            raise UnsupportedModelError(
                f"%{op.name} ({op.mnemonic}, from {op.origin}) needs an accumulator of {width} bits, "
                f"and {WIDEST} is the widest; use fewer bits for its operands"
            )
    return found


def _exact(array: NDArray[Any]) -> Exact:
    return np.array(array, dtype=object)


def _state_interval(graph: Graph, state: ops.State) -> Interval:
    """A state holds 0 or what the saturating requant, or the counter, behind its update can give."""
    reached = _clamp(graph, graph[graph.updates[state.name]], state)
    zero = _exact(np.zeros(state.type.array_shape, np.int64))
    return Interval(np.minimum(reached.low, zero), np.maximum(reached.high, zero))


def _clamp(graph: Graph, op: ops.Op, state: ops.State) -> Interval:
    if isinstance(op, ops.Requant):
        return Interval(_spread(op.low, op), _spread(op.high, op))
    if isinstance(op, ops.Advance):
        return _counted(op)
    if isinstance(op, ops.Move):
        return _RULES[type(op)](op, *(_clamp(graph, operand, state) for operand in graph.operands(op))).value
    raise UnsupportedModelError(
        f"state %{state.name} (from {state.origin}) does not end in a saturating requant but in {op.mnemonic}, "
        "so nothing bounds it"
    )


def _spread(table: Table, op: ops.Op) -> Exact:
    """A per-element table as an array of the op's shape, repeated for re and im."""
    data = _exact(table.data)
    if op.type.complex and data.ndim:
        data = data[..., None]
    return np.array(np.broadcast_to(data, op.type.array_shape), dtype=object)


def _plain(interval: Interval) -> Bound:
    return Bound(interval, interval.span)


def _sums(low: Exact, high: Exact, axis: int) -> tuple[Interval, tuple[int, int]]:
    """The interval of a sum along an axis, and the span of every partial sum in any order."""
    inner_low = np.minimum(low, 0).sum(axis=axis)
    inner_high = np.maximum(high, 0).sum(axis=axis)
    inner = (min([0, *inner_low.ravel()]), max([0, *inner_high.ravel()]))
    return Interval(_exact(low.sum(axis=axis)), _exact(high.sum(axis=axis))), (int(inner[0]), int(inner[1]))


def _matrix(weight: Exact, x: Interval, bias: Exact | None) -> Bound:
    """weight: (out, in). The bias is one more term of the sum."""
    terms = Interval(x.low[None, :], x.high[None, :]).times(weight)
    low, high = terms.low, terms.high
    if bias is not None:
        low, high = np.column_stack([low, bias]), np.column_stack([high, bias])
    value, inner = _sums(low, high, 1)
    return Bound(value, inner)


def _pairs(re: list[Interval], im: list[Interval]) -> Bound:
    """Two sums, for re and im, stacked into pairs."""
    sums = [_sums(np.stack([t.low for t in terms]), np.stack([t.high for t in terms]), 0) for terms in (re, im)]
    value = Interval(
        np.stack([sums[0][0].low, sums[1][0].low], axis=-1), np.stack([sums[0][0].high, sums[1][0].high], axis=-1)
    )
    return Bound(value, (min(sums[0][1][0], sums[1][1][0]), max(sums[0][1][1], sums[1][1][1])))


def _widened(bound: Bound, passing: Interval) -> Bound:
    """The bound with one more result on the way: a product as it is before the sum takes it away."""
    low, high = passing.span
    return Bound(bound.value, (min(bound.inner[0], low), max(bound.inner[1], high)))


def _lane(x: Interval, lane: int) -> Interval:
    return Interval(x.low[..., lane], x.high[..., lane])


def _diag(op: ops.Diag, x: Interval) -> Bound:
    a = _exact(op.lambda_bar.data)
    re, im = _lane(x, 0), _lane(x, 1)
    sums = _pairs([re.times(a[:, 0]), im.times(-a[:, 1])], [im.times(a[:, 0]), re.times(a[:, 1])])
    return _widened(sums, im.times(a[:, 1]))


def _inject(op: ops.Inject, u: Interval) -> Bound:
    b = _exact(op.b_bar.data)
    if op.heads is not None:
        owner = op.heads.data
        return _plain(Interval(u.low[owner][:, None], u.high[owner][:, None]).times(b))
    lanes = [_matrix(b[..., lane], u, None) for lane in (0, 1)]
    value = Interval(
        np.stack([lane.value.low for lane in lanes], axis=-1), np.stack([lane.value.high for lane in lanes], axis=-1)
    )
    return Bound(value, (min(lane.inner[0] for lane in lanes), max(lane.inner[1] for lane in lanes)))


def _readout(op: ops.Readout, x: Interval) -> Bound:
    c = _exact(op.c.data)
    re, im = _lane(x, 0), _lane(x, 1)
    if op.heads is None:
        both = Interval(np.concatenate([re.low, im.low]), np.concatenate([re.high, im.high]))
        sums = _matrix(np.concatenate([c[..., 0], -c[..., 1]], axis=1), both, None)
        return _widened(sums, im.times(c[..., 1]))
    terms = [re.times(c[:, 0]), im.times(-c[:, 1])]
    low, high = (_exact(np.zeros(op.channels, np.int64)) for _ in range(2))
    inner_low, inner_high = low.copy(), high.copy()
    for state, head in enumerate(op.heads.data):
        for term in terms:
            low[head] += term.low[state]
            high[head] += term.high[state]
            inner_low[head] += min(0, term.low[state])
            inner_high[head] += max(0, term.high[state])
    sums = Bound(Interval(low, high), (int(min([0, *inner_low])), int(max([0, *inner_high]))))
    return _widened(sums, im.times(c[:, 1]))


def _add(op: ops.Add, *terms: Interval) -> Bound:
    value, inner = _sums(np.stack([t.low for t in terms]), np.stack([t.high for t in terms]), 0)
    return Bound(value, inner)


def _mul(op: ops.Mul, a: Interval, b: Interval) -> Bound:
    corners = np.stack([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high])
    return _plain(Interval(corners.min(axis=0), corners.max(axis=0)))


def _offset(op: ops.Offset, x: Interval) -> Bound:
    value = _exact(op.value.data)
    return _plain(Interval(x.low + value, x.high + value))


def _counted(op: ops.Advance) -> Interval:
    return Interval(_exact(np.zeros(op.type.shape, np.int64)), _exact(np.full(op.type.shape, (1 << op.bits) - 1)))


def _advance(op: ops.Advance, x: Interval) -> Bound:
    """Anything from 0 to 2^bits - 1, whatever x is."""
    return _widened(_plain(_counted(op)), Interval(x.low + op.step, x.high + op.step))


def _requant(op: ops.Requant, x: Interval, phase: Interval | None = None) -> Bound:
    shift = _spread(op.shift, op)
    product = x.times(_spread(op.multiplier, op))
    if phase is None:
        least = most = (1 << shift) >> 1
    else:
        _check_phase(op, phase)
        least, most = 0 * shift, (1 << shift) - 1
    inner = Interval(product.low + least, product.high + most)
    low, high = _spread(op.low, op), _spread(op.high, op)
    value = Interval(
        np.minimum(np.maximum(inner.low >> shift, low), high), np.minimum(np.maximum(inner.high >> shift, low), high)
    )
    spans = (product.span, inner.span)
    return Bound(value, (min(s[0] for s in spans), max(s[1] for s in spans)))


def _check_phase(op: ops.Requant, phase: Interval) -> None:
    low, high = phase.span
    if low < 0 or high >= 1 << op.phase_bits:
        raise UnsupportedModelError(
            f"%{op.name} (from {op.origin}): its phase can be {low}..{high}, which are no {op.phase_bits} unsigned bits"
        )


def _lut(op: ops.Lut, x: Interval) -> Bound:
    extent = len(x.low)
    first = _exact(np.broadcast_to(op.first.data, (extent,)))
    entries = np.broadcast_to(op.entries.data, (extent, op.entries.shape[-1]))
    low, high = _exact(np.zeros(extent, np.int64)), _exact(np.zeros(extent, np.int64))
    for i in range(extent):
        start, stop = x.low[i] - first[i], x.high[i] - first[i] + 1
        if start < 0 or stop > entries.shape[1]:
            raise UnsupportedModelError(
                f"%{op.name} (from {op.origin}): element {i} can be {x.low[i]}..{x.high[i]}, outside its table"
            )
        low[i], high[i] = int(entries[i, start:stop].min()), int(entries[i, start:stop].max())
    return _plain(Interval(low, high))


def _normalize(op: ops.Normalize, x: Interval) -> Bound:
    count, largest = len(x.low), max(abs(v) for v in x.span)
    reach = op.reach(largest)
    spread = count * count * largest * largest + op.eps
    size = _exact(np.full(count, reach))
    return Bound(Interval(-size, size), (-max(reach, spread), max(reach, spread, 1 << op.frac)))


def _constant(op: ops.Constant) -> Bound:
    return _plain(Interval(_exact(op.value.data), _exact(op.value.data)))


def _input(op: ops.Input) -> Bound:
    low, high = op.type.bounds
    return _plain(Interval(_exact(np.full(op.type.shape, low)), _exact(np.full(op.type.shape, high))))


def _moved(op: ops.Move, *operands: Interval) -> Bound:
    return _plain(Interval(op.moved(*(x.low for x in operands)), op.moved(*(x.high for x in operands))))


_RULES: dict[type[ops.Op], Callable[..., Bound]] = {
    ops.Input: _input,
    ops.Constant: _constant,
    ops.Matvec: lambda op, x: _matrix(_exact(op.weight.data), x, _exact(op.bias.data)),
    ops.Xbar: lambda op, x: _matrix(_exact(op.weight.data), x, None),
    ops.Diag: _diag,
    ops.Inject: _inject,
    ops.Readout: _readout,
    ops.Scale: lambda op, x: _plain(x.times(_spread(op.factor, op))),
    ops.Offset: _offset,
    ops.Add: _add,
    ops.Mul: _mul,
    **dict.fromkeys((ops.Slice, ops.Take, ops.Concat, ops.Unpair, ops.Pair), _moved),
    ops.Advance: _advance,
    ops.Requant: _requant,
    ops.ShiftLeft: lambda op, x: _plain(x.times(1 << _spread(op.amount, op))),
    ops.Lut: _lut,
    ops.Normalize: _normalize,
}
