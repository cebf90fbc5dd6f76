"""Align: the quantised graph in integers; every sum on one binary point, by shifts where possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat
from qssmc.errors import UnsupportedModelError
from qssmc.ir.activation import apply_activation
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import (
    Activation,
    Add,
    Cast,
    Constant,
    Diag,
    Inject,
    Input,
    LayerNorm,
    Matvec,
    Mul,
    Offset,
    Op,
    Readout,
    Scale,
    Slice,
    State,
)
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import Type
from qssmc.ir.verify import IRError, verify
from qssmc.passes.fixedpoint import MULTIPLIER_BITS, as_factor
from qssmc.passes.scales import grid_scale, is_power_of_two, result_scale

Scales = NDArray[np.float64]
_EXACT_TERM = 1 << (MULTIPLIER_BITS - 2)  # the least multiplier that stands for a ratio of scales precisely enough
_NO_CLAMP = (1 << 40) - 1  # beyond what a requantised term of a sum can be
_NORM_FRAC = 20  # of the reciprocal square root in a layer norm
_LONGEST_TABLE = 1 << 12


@dataclass(frozen=True)
class Align:
    """Quantised graph to integer graph, value for value on the same grids; cast becomes requant, activations tables.

    Where all scales are powers of two the integers equal the quantised graph exactly. The notes `scales` of the
    result say what one unit of each value means. Widths are left at 64 bits for the range proof to set.
    """

    input_format: InputFormat

    def __call__(self, graph: Graph) -> Graph:
        return _Alignment(graph, self.input_format).graph()


class _Alignment:
    """names: the integer value that stands for a quantised op; scales: the unit of each integer value."""

    def __init__(self, graph: Graph, input_format: InputFormat) -> None:
        self.source, self.format = graph, input_format
        self.b = Builder(graph.name, "integer")
        self.names: dict[str, str] = {}
        self.scales: dict[str, Scales] = {}

    def graph(self) -> Graph:
        """The integer graph."""
        for op in self.source.ops:
            self.names[op.name] = _STEPS[type(op)](self, op)
        self.b.updates = {state: self.names[value] for state, value in self.source.updates.items()}
        self.b.outputs = [replace(o, value=self.common(self.names[o.value])) for o in self.source.outputs]
        self.b.scales = {name: Table.real(scale) for name, scale in self.scales.items()}
        return verify(self.b.graph()).without_dead_ops()

    def put(self, mnemonic: str, name: str, *inputs: str, scale: Scales, origin: str, **attributes: Any) -> str:
        """Append an op whose unit is known."""
        value = self.b.add(mnemonic, self.b.fresh(name), *inputs, origin=origin, **attributes)
        self.scales[value] = np.ascontiguousarray(np.broadcast_to(scale, self.b.type(value).shape))
        return value

    def exact(self, op: Op, mnemonic: str, **attributes: Any) -> str:
        """An op that stays what it was, on integer tables."""
        operands = [self.names[name] for name in op.inputs]
        scale = result_scale(op, tuple(self.scales[name] for name in operands))
        assert scale is not None
        return self.put(mnemonic, op.name, *operands, scale=scale, origin=op.origin, **attributes)

    # --- sources -----------------------------------------------------------------------------------------------------

    def input(self, op: Input) -> str:
        """The sensor's integers."""
        self.scales[op.name] = np.full(op.type.shape, 2.0**-self.format.frac)
        return self.b.source(
            "input", op.name, Type(op.type.shape, self.format.width, self.format.signed), op.origin
        )

    def state(self, op: State) -> str:
        """A state lies on the grid of the cast that it becomes."""
        update = self.source[self.source.updates[op.name]]
        if not isinstance(update, Cast):
            raise IRError(f"state %{op.name} does not end in a cast but in {update.mnemonic}")
        self.scales[op.name] = np.broadcast_to(update.scale.data, op.type.shape)
        return self.b.source("state", op.name, replace(op.type, width=64), op.origin)

    def constant(self, op: Constant) -> str:
        """Already integers."""
        value = Table.integer(np.rint(op.value.data).astype(np.int64))
        return self.put("constant", op.name, scale=np.ones(1), origin=op.origin, value=value)

    # --- exact ops ---------------------------------------------------------------------------------------------------

    def matvec(self, op: Matvec) -> str:
        """Integer weights; the bias on the accumulator's grid."""
        return self.exact(op, "matvec", weight=_integers(op.weight), bias=_integers(op.bias))

    def diag(self, op: Diag) -> str:
        """Integer poles."""
        return self.exact(op, "diag", lambda_bar=_integers(op.lambda_bar))

    def inject(self, op: Inject) -> str:
        """Integer input weights."""
        return self.exact(op, "inject", b_bar=_integers(op.b_bar), heads=op.heads)

    def readout(self, op: Readout) -> str:
        """Integer output weights."""
        return self.exact(op, "readout", c=_integers(op.c), heads=op.heads, channels=op.channels)

    def scale_op(self, op: Scale) -> str:
        """Integer factors."""
        return self.exact(op, "scale", factor=_integers(op.factor))

    def offset(self, op: Offset) -> str:
        """A bias on the operand's grid."""
        return self.exact(op, "offset", value=_integers(op.value))

    def mul(self, op: Mul) -> str:
        """A product."""
        return self.exact(op, "mul")

    def slice(self, op: Slice) -> str:
        """A view."""
        return self.exact(op, "slice", start=op.start, stop=op.stop)

    def add(self, op: Add) -> str:
        """Terms are brought to the finest scale among them by shifts; unrelated real scales need multipliers."""
        terms = [self.names[name] for name in op.inputs]
        scales = np.stack([self.scales[name] for name in terms])
        if is_power_of_two(scales / scales[0]):
            target = scales.min(axis=0)
            aligned = [self.shifted(term, target, op.origin) for term in terms]
        else:
            target = scales.max(axis=0) * 2.0**-MULTIPLIER_BITS
            aligned = [self.multiplied(term, target, op.origin) for term in terms]
        return self.put("add", op.name, *aligned, scale=target, origin=op.origin)

    def shifted(self, value: str, target: Scales, origin: str) -> str:
        """The value in units of a finer power-of-two target."""
        amount = np.frexp(self.scales[value] / target)[1].astype(np.int64) - 1
        if not amount.any():
            return value
        return self.put(
            "shift_left", f"{value}_aligned", value, scale=target, origin=origin, amount=_compact(amount)
        )

    def multiplied(self, value: str, target: Scales, origin: str) -> str:
        """The value in units of any target: an exact multiple where that is precise enough, else a requant."""
        ratio = self.scales[value] / target
        if ratio.min(initial=np.inf) < _EXACT_TERM:
            return self.requant(f"{value}_aligned", value, target, -_NO_CLAMP, _NO_CLAMP, origin)
        factor = np.rint(ratio).astype(np.int64)
        table = Table.integer(factor, Grid.of(1.0, int(factor.max(initial=1)).bit_length() + 1))
        return self.put("scale", f"{value}_aligned", value, scale=target, origin=origin, factor=table)

    def common(self, value: str) -> str:
        """An output with one unit for all its elements, so that they can be compared."""
        scale = self.scales[value]
        if bool((scale == scale.flat[0]).all()) or not is_power_of_two(scale / scale.flat[0]):
            return value
        return self.shifted(value, np.full(scale.shape, scale.min()), self.b.ops[value].origin)

    # --- rounding ----------------------------------------------------------------------------------------------------

    def cast(self, op: Cast) -> str:
        """A requant, or the table of the activation in front of it."""
        source = self.source[op.inputs[0]]
        if isinstance(source, Activation):
            return self.table(op, source)
        target = np.broadcast_to(op.scale.data, op.type.shape)
        return self.requant(op.name, self.names[op.inputs[0]], target, op.low, op.high, op.origin)

    def requant(
        self, name: str, value: str, target: Scales, low: Table | int, high: Table | int, origin: str
    ) -> str:
        """The value rounded to units of the target; where that is finer than its own, shifted up first."""
        factor = as_factor(self.scales[value] / target)
        if factor.left.any():
            scale = self.scales[value] * np.exp2(-factor.left.astype(np.float64))
            value = self.put(
                "shift_left", f"{value}_up", value, scale=scale, origin=origin, amount=_compact(factor.left)
            )
        return self.put(
            "requant",
            name,
            value,
            scale=target,
            origin=origin,
            multiplier=_compact(factor.multiplier),
            shift=_compact(factor.shift),
            low=low if isinstance(low, Table) else Table.integer(low),
            high=high if isinstance(high, Table) else Table.integer(high),
        )

    def table(self, op: Cast, activation: Activation) -> str:
        """entries[q - low] = the cast of f(scale q), exact to the last bit, for every q that the operand can be."""
        x = self.source[activation.inputs[0]]
        if not isinstance(x, Cast):
            raise IRError(f"%{activation.name}: the operand of an activation must be a cast, not {x.mnemonic}")
        scales, lows, highs = (np.unique(table.data) for table in (x.scale, x.low, x.high))
        if len(scales) != 1 or len(lows) != 1 or len(highs) != 1:
            raise IRError(f"%{activation.name}: the channels of an activation must share one grid")
        low, high = int(lows[0]), int(highs[0])
        if high - low >= _LONGEST_TABLE:
            raise UnsupportedModelError(
                f"the table of {activation.origin} would have {high - low + 1} entries; "
                f"use at most 12 activation bits"
            )
        y = apply_activation(activation.kind, np.arange(low, high + 1) * scales[0])
        scale = float(op.scale.data)
        q = np.clip(np.floor(y / scale + 0.5), op.low.data, op.high.data).astype(np.int64)
        width = max(1, int(op.high.data - op.low.data).bit_length())
        entries = Table.integer(q, Grid.of(1.0, width))
        return self.put(
            "lut",
            op.name,
            self.names[x.name],
            scale=op.scale.data,
            origin=activation.origin,
            entries=entries,
            first=Table.integer(low),
        )

    def activation(self, op: Activation) -> str:
        """Nothing by itself: the cast behind it makes the table."""
        return self.names[op.inputs[0]]

    def layernorm(self, op: LayerNorm) -> str:
        """(n x - s) / sqrt(v) by the integer reciprocal, then gamma and beta."""
        x, origin = self.names[op.inputs[0]], op.origin
        unit = float(self.scales[x].flat[0])
        eps = round(op.eps * op.type.shape[0] ** 2 / unit**2)
        norm = self.put(
            "normalize", f"{op.name}_norm", x, scale=np.exp2(-float(_NORM_FRAC)) * np.ones(1), origin=origin,
            eps=eps, frac=_NORM_FRAC,
        )
        gamma = np.broadcast_to(grid_scale(op.gamma, op), op.type.shape)
        scaled = self.put(
            "scale", f"{op.name}_scaled", norm, scale=gamma * self.scales[norm], origin=origin,
            factor=_integers(op.gamma),
        )
        beta = np.rint(op.beta.data / self.scales[scaled]).astype(np.int64)
        value = Table.integer(beta, Grid.of(1.0, int(np.abs(beta).max(initial=0)).bit_length() + 1))
        return self.put("offset", op.name, scaled, scale=self.scales[scaled], origin=origin, value=value)


def _integers(table: Table) -> Table:
    """The integers of a gridded table; the grid keeps their stored width."""
    assert table.grid is not None
    return Table.integer(table.on_grid(), Grid.of(1.0, table.grid.width))


def _compact(values: NDArray[np.int64]) -> Table:
    """A scalar where all elements are the same, else one an element."""
    if values.size and bool((values == values.flat[0]).all()):
        return Table.integer(values.flat[0])
    return Table.integer(values)


_STEPS: dict[type[Op], Callable[[_Alignment, Any], str]] = {
    Input: _Alignment.input,
    State: _Alignment.state,
    Constant: _Alignment.constant,
    Matvec: _Alignment.matvec,
    Diag: _Alignment.diag,
    Inject: _Alignment.inject,
    Readout: _Alignment.readout,
    Scale: _Alignment.scale_op,
    Offset: _Alignment.offset,
    Add: _Alignment.add,
    Mul: _Alignment.mul,
    Slice: _Alignment.slice,
    Activation: _Alignment.activation,
    LayerNorm: _Alignment.layernorm,
    Cast: _Alignment.cast,
}
