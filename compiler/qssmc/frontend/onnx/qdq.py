"""QDQ: QuantizeLinear, Clip and DequantizeLinear as casts, and weights behind DequantizeLinear as tables on grids.

Quantised training exports such graphs: ONNX Runtime's tools, torch, and Brevitas, whose QCDQ has a Clip of the integers
between the two for fewer than 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.onnx.layout import random
from qssmc.frontend.onnx.model import Model
from qssmc.ir.ops import Cast
from qssmc.ir.table import Grid, Table

_LAYOUT = ("Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten")
_BETWEEN = ("Identity", "Clip", "Cast")
Grids = Mapping[str, Grid]
Array = NDArray[Any]


@dataclass(frozen=True)
class QdqPair:
    """What a pair of QuantizeLinear and DequantizeLinear does to a tensor. scale, zero: (), or one a channel."""

    source: str
    scale: NDArray[np.float64]
    zero: NDArray[np.int64]
    low: int
    high: int

    def cast(self) -> Cast:
        """The cast: the integers of the IR are those of ONNX without the zero point; half-way goes to the even one."""
        low, high = Table.integer(np.asarray(self.low - self.zero)), Table.integer(np.asarray(self.high - self.zero))
        return Cast(scale=Table.real(self.scale), low=low, high=high, even=Table.integer(1))


def fold_weights(model: Model) -> Grids:
    """What nodes make of constants alone becomes constants of the model; the grids of those behind DequantizeLinear.

    Grids are by tensor, and kept where only the layout changes. Raises UnsupportedModelError for scales that are
    no scales.
    """
    grids: dict[str, Grid] = {}
    model.constants.update(model.layout.fixed)
    for node in model.graph.node:
        source, name = (*node.input, "")[0], node.output[0]
        if source not in model.constants:
            _fold(model, node)
            continue
        values = model.constants[source]
        if node.op_type == "QuantizeLinear":
            scale, zero = _parameters(model, node, values.ndim)
            low, high = _ends(_kind(model, node))
            model.constants[name] = np.clip(np.rint(values / scale) + zero, low, high).astype(np.int64)
        elif node.op_type == "Clip" and values.dtype.kind in "iu":
            low, high = _clipped(model, node, -(1 << 31), (1 << 31) - 1)
            model.constants[name] = np.clip(values.astype(np.int64), low, high)
        elif node.op_type == "DequantizeLinear":
            scale, zero = _parameters(model, node, values.ndim)
            integers = values.astype(np.int64) - zero
            reach = int(np.abs(integers + 0.5).max(initial=0.5) - 0.5)
            model.constants[name] = integers * scale
            grids[name] = Grid.of(scale, reach.bit_length() + 1)
        elif node.op_type in _LAYOUT and source in grids:
            (model.constants[name],) = model.evaluate({source: values}, [name])
            (scale,) = model.evaluate({source: np.broadcast_to(grids[source].scale, values.shape)}, [name])
            grids[name] = Grid.of(_slim(scale), grids[source].width)
        else:
            _fold(model, node)
    return grids


def _fold(model: Model, node: Any) -> None:
    """The outputs of a node that reads constants alone become constants."""
    known = all(name in model.constants for name in node.input if name) and not random(node)
    names = [name for name in node.output if name and name not in model.constants]
    if known and names:
        with np.errstate(all="ignore"):
            for name, value in zip(names, model.evaluate({}, names), strict=True):
                model.constants[name] = value
                model.folded.add(name)


def table_of(model: Model, grids: Grids, name: str, *, transposed: bool = False) -> Table:
    """A constant as a table, on its grid if it has one."""
    values, grid = model.constants[name].astype(np.float64), grids.get(name)
    if grid is not None and transposed:
        grid = Grid.of(grid.scale.T, grid.width)
    return Table.real(values.T if transposed else values, grid)


def rounding_of(model: Model, name: str) -> QdqPair:
    """The rounding whose DequantizeLinear makes a tensor.

    Raises UnsupportedModelError where it is not one pair with the same scale and zero point, of fixed numbers.
    """
    where = f"{model.path.name}: DequantizeLinear (tensor {name})"
    back = model.maker[name]
    clips, tensor = [], back.input[0]
    while tensor in model.maker and model.maker[tensor].op_type in _BETWEEN:
        clips.append(model.maker[tensor])
        tensor = model.maker[tensor].input[0]
    node = model.maker.get(tensor)
    if node is None or node.op_type != "QuantizeLinear":
        raise UnsupportedModelError(
            f"{where} must follow a QuantizeLinear, not {node.op_type if node is not None else 'an input'}; export the "
            "model with pairs of the two (QDQ, QCDQ), not with integer operators"
        )
    (scale, zero), (other, other_zero) = (_parameters(model, one, 2) for one in (node, back))
    if not np.array_equal(scale, other) or not np.array_equal(zero, other_zero):
        raise UnsupportedModelError(f"{where} has another scale or zero point than the QuantizeLinear before it")
    low, high = _ends(_kind(model, node))
    for clip in clips:
        low, high = _clipped(model, clip, low, high) if clip.op_type == "Clip" else (low, high)
    zero = np.broadcast_to(zero, scale.shape)
    slim = (scale.reshape(()), zero.reshape(())) if scale.size == 1 else (scale.ravel(), zero.ravel())
    return QdqPair(node.input[0], slim[0], slim[1].astype(np.int64), low, high)


def _parameters(model: Model, node: Any, axes: int) -> tuple[Array, Array]:
    """Scale and zero point as they lie beside a tensor of so many axes."""
    where = f"{model.path.name}: {node.op_type} (tensor {node.output[0]})"
    given = [model.constants.get(name) for name in node.input[1:]]
    if not given or any(value is None for value in given):
        raise UnsupportedModelError(f"{where} has a scale that follows the data; a design has fixed ones: export those")
    scale = np.asarray(given[0], np.float64)
    zero = np.zeros(scale.shape) if len(given) < 2 else np.asarray(given[1], np.float64)
    if not (np.isfinite(scale) & (scale > 0.0)).all():
        raise UnsupportedModelError(f"{where} has a scale that is 0, negative or not a number")
    if model.attribute(node, "block_size", 0):
        raise UnsupportedModelError(f"{where} has a scale a block; give one a tensor or one a channel")
    if scale.size == 1:
        return scale.reshape([1] * axes), zero.reshape([1] * axes).astype(np.int64)
    shape = [1] * axes
    shape[model.attribute(node, "axis", 1)] = scale.size
    return scale.reshape(shape), zero.reshape(shape).astype(np.int64)


def _kind(model: Model, node: Any) -> np.dtype[Any]:
    """The integers that a QuantizeLinear gives: those of its zero point, unsigned bytes without one."""
    zero = model.constants.get(node.input[2]) if len(node.input) > 2 else None
    kind = np.dtype(np.uint8) if zero is None else zero.dtype
    if kind.kind not in "iu":
        raise UnsupportedModelError(
            f"{model.path.name}: QuantizeLinear (tensor {node.output[0]}) gives {kind}; a design has integers alone"
        )
    return kind


def _ends(kind: np.dtype[Any]) -> tuple[int, int]:
    return int(np.iinfo(kind).min), int(np.iinfo(kind).max)


def _clipped(model: Model, node: Any, low: int, high: int) -> tuple[int, int]:
    """The ends that a Clip of integers leaves."""
    least, most = ((model.constants.get(name) if name else None) for name in (*node.input[1:], "", "")[:2])
    return (
        low if least is None else max(low, int(least)),
        high if most is None else min(high, int(most)),
    )


def _slim(scale: Array) -> Array:
    """A full array with 1 in place of every axis along which it does not change."""
    for axis in range(scale.ndim):
        first = scale.take([0], axis=axis)
        scale = first if (scale == first).all() else scale
    return scale
