"""QDQ: the operators of the quantised stage in float32, with QuantizeLinear and DequantizeLinear where it rounds.

To look at and to compare with other quantisers, not bit for bit: sums of more than 24 bits do not fit float32, and
neither do all bits of a phase. A range that no ONNX type of 8 or 16 bits holds is rounded and clipped in float.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.onnx.exact import Rule
from qssmc.backends.onnx.nodes import Nodes, parts
from qssmc.backends.onnx.real import REAL
from qssmc.ir.ops import Cast, Op
from qssmc.ir.table import Table

OPSET, IR_VERSION = 21, 10  # the first with QuantizeLinear to 16 bits
_TIES_UP = 2.0**-12  # of a step
_TYPES = (np.int8, np.uint8, np.int16, np.uint16)


class QdqNodes(Nodes):
    """Nodes in float32 whose tables on a grid of one scale, or of one an axis, are integers with a DequantizeLinear."""

    def __init__(self) -> None:
        super().__init__(np.float32)
        self.scales: dict[str, NDArray[np.float64]] = {}

    def begin(self, op: Op) -> None:
        """The scales of its tables are found by writing the op with them in the place of the tables' numbers."""
        super().begin(op)
        self.scales = {}
        gridded = {name: t for name, t in vars(op).items() if isinstance(t, Table) and t.grid is not None}
        if gridded:
            spread: dict[str, Any] = {
                n: Table.real(np.broadcast_to(t.grid.scale, t.shape)) for n, t in gridded.items() if t.grid
            }
            shadow = _Recorder()
            shadow.begin(op)
            REAL[type(op)](shadow, replace(op, **spread))
            self.scales = {name: values for name, values in shadow.seen.items() if name.split(".")[0] in gridded}

    def constant(self, name: str, values: Any, dtype: Any = None) -> str:
        scale = self.scales.get(name)
        if scale is None or dtype is not None:
            return super().constant(name, values, dtype)
        integers = np.rint(np.asarray(values) / scale)
        axis = _axis(scale)
        kind = next((kind for kind in _TYPES if _fits(integers, integers, kind)), None)
        if axis is None or kind is None:
            return super().constant(name, values)
        given = super().constant(f"{name}.q", integers, kind)
        along = [slice(None) if at == axis else 0 for at in range(scale.ndim)]
        line = super().constant(f"{name}.scale", scale[tuple(along)] if axis >= 0 else scale.flat[0])
        attributes: dict[str, Any] = {"axis": axis} if axis >= 0 else {}
        return self.add("DequantizeLinear", given, line, **attributes)


class _Recorder(Nodes):
    """Takes note of every constant that a rule asks for."""

    def __init__(self) -> None:
        super().__init__(np.float64)
        self.seen: dict[str, NDArray[np.float64]] = {}

    def constant(self, name: str, values: Any, dtype: Any = None) -> str:
        self.seen[name] = np.asarray(values)
        return super().constant(name, values, dtype)


def _axis(scale: NDArray[np.float64]) -> int | None:
    """The axis along which a scale changes; -1 where it nowhere does, None where it does along several."""
    changes = [at for at in range(scale.ndim) if (scale != scale.take([0], axis=at)).any()]
    if len(changes) > 1:
        return None
    return changes[0] if changes else -1


def _fits(low: NDArray[Any], high: NDArray[Any], kind: Any) -> bool:
    """Whether an integer type holds a range."""
    return bool(low.min() >= np.iinfo(kind).min and high.max() <= np.iinfo(kind).max)


def _cast(n: QdqNodes, op: Cast) -> None:
    """Clip, quantise and dequantise. A phase moves the value by what it is more than one half; without one, it is moved
    by so little that only ties end elsewhere, which the design rounds up where it does not round them to even."""
    extent = op.type.shape[0]
    scale, low, high = (np.broadcast_to(t.data.ravel(), (extent,)) for t in (op.scale, op.low, op.high))
    chosen = _chosen(low, high)
    lowest, highest = (n.constant(what, n.columns(end * scale)) for what, end in (("low", low), ("high", high)))
    step = n.constant("scale", scale)
    if len(op.inputs) == 2:
        more = n.add("Sub", op.inputs[1], n.constant("half", [[0.5]]))
        moved = n.add("Mul", more, n.constant("row", [scale]))
    else:
        even = np.zeros(extent) if op.even is None else np.broadcast_to(op.even.data.ravel(), (extent,))
        moved = n.constant("ties_up", n.columns(scale * _TIES_UP * (1.0 - even)))
    for part in parts(op):
        value = n.add("Add", op.inputs[0] + part, moved)
        if chosen is None:
            row = n.constant("row", [scale])
            value = n.add("Min", n.add("Max", value, lowest), highest)
            n.add("Mul", n.add("Round", n.add("Div", value, row)), row, to=op.name + part)
            continue
        kind, zero = chosen
        if (low + zero != np.iinfo(kind).min).any():  # else the type itself ends there
            value = n.add("Max", value, lowest)
        if (high + zero != np.iinfo(kind).max).any():
            value = n.add("Min", value, highest)
        origin = n.constant("zero_point", zero, kind)
        quantised = n.add("QuantizeLinear", value, step, origin, axis=1)
        n.add("DequantizeLinear", quantised, step, origin, to=op.name + part, axis=1)


def _chosen(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[Any, NDArray[np.int64]] | None:
    """The narrowest type for a range, about 0 or, unsigned, from its low end; None where there is none."""
    for kind in _TYPES:
        zero = -low if np.iinfo(kind).min == 0 else np.zeros_like(low)
        if _fits(low + zero, high + zero, kind) and _fits(zero, zero, kind):
            return kind, zero
    return None


QDQ: dict[type[Op], Rule | Any] = {**REAL, Cast: _cast}
