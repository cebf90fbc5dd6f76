"""Layout rules: functions and methods of tensors that move, merge or split axes, and change no number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from qssmc.frontend.axes import (
    ONE,
    Extent,
    Refused,
    Signal,
    position,
    reshaped,
    told,
)
from qssmc.frontend.op_maker import OpMaker


def permuted(m: OpMaker, x: Signal, order: Sequence[int]) -> Signal:
    """Axes in another order; channel axes that change places move the elements."""
    count = len(x.axes)
    places = [position(axis, count) for axis in order]
    if sorted(places) != list(range(count)):
        raise Refused(f"permute to {tuple(order)} of {told(x.axes)}")
    axes = [x.axes[i] for i in places]
    channels = [x.channels.index(i) for i in places if i in x.channels]
    if channels == sorted(channels):
        return x.with_axes(axes)
    grid = np.arange(m.extent(x)).reshape([x.axes[i].extent for i in x.channels])
    return m.take(x, grid.transpose(channels).ravel(), axes)


def transpose(m: OpMaker, x: Signal, a: int, b: int) -> Signal:
    """x.transpose(a, b)."""
    order = list(range(len(x.axes)))
    i, j = position(a, len(order)), position(b, len(order))
    order[i], order[j] = order[j], order[i]
    return permuted(m, x, order)


def permute(m: OpMaker, x: Signal, *dims: Any) -> Signal:
    """x.permute(*dims)."""
    return permuted(m, x, dims[0] if len(dims) == 1 and isinstance(dims[0], (list, tuple)) else dims)


def movedim(m: OpMaker, x: Signal, source: int, destination: int) -> Signal:
    """x.movedim(source, destination)."""
    order = list(range(len(x.axes)))
    moved = order.pop(position(source, len(order)))
    order.insert(position(destination, len(order) + 1), moved)
    return permuted(m, x, order)


def matrix_transposed(m: OpMaker, x: Signal) -> Signal:
    """x.mT: the last two axes change places."""
    if len(x.axes) < 2:
        raise Refused("mT of a value of one axis; write x.transpose(1, 2)")
    return transpose(m, x, -1, -2)


def view(m: OpMaker, x: Signal, *shape: Any) -> Signal:
    """x.view(*shape) and x.reshape(*shape): axes of channels merged or split."""
    wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], (list, tuple)) else shape
    if any(isinstance(extent, torch.dtype) for extent in wanted):
        raise Refused("view as another kind of number; a design has its own")
    return x.with_axes(reshaped(x.axes, wanted))


def flatten(m: OpMaker, x: Signal, start_dim: int = 0, end_dim: int = -1) -> Signal:
    """x.flatten(start_dim, end_dim)."""
    first, last = position(start_dim, len(x.axes)), position(end_dim, len(x.axes))
    merged = reshaped(x.axes[first : last + 1], (-1,))
    return x.with_axes((*x.axes[:first], *merged, *x.axes[last + 1 :]))


def unflatten(m: OpMaker, x: Signal, dim: int, sizes: Sequence[Any]) -> Signal:
    """x.unflatten(dim, sizes)."""
    at = position(dim, len(x.axes))
    return x.with_axes((*x.axes[:at], *reshaped(x.axes[at : at + 1], tuple(sizes)), *x.axes[at + 1 :]))


def unsqueeze(m: OpMaker, x: Signal, dim: int) -> Signal:
    """x.unsqueeze(dim)."""
    at = position(dim, len(x.axes) + 1)
    return x.with_axes((*x.axes[:at], ONE, *x.axes[at:]))


def squeeze(m: OpMaker, x: Signal, dim: Any = None) -> Signal:
    """x.squeeze(dim): axes of one element go."""
    count = len(x.axes)
    dims = dim if isinstance(dim, (list, tuple)) else range(count) if dim is None else (dim,)
    places = {position(axis, count) for axis in dims}
    if dim is None and any(axis.kind == "channel" and axis.extent == 1 for axis in x.axes):
        places |= set(x.channels)
    gone = {i for i in places if x.axes[i] == ONE or (x.axes[i].kind == "channel" and x.axes[i].extent == 1)}
    return x.with_axes([axis for i, axis in enumerate(x.axes) if i not in gone])


def unchanged(m: OpMaker, x: Any, *args: Any, **options: Any) -> Any:
    """What changes neither numbers nor axes, such as contiguous and clone."""
    return x


def dropout(m: OpMaker, x: Signal, p: float = 0.5, training: bool = True, inplace: bool = False) -> Signal:
    """F.dropout outside of training."""
    if training:
        raise Refused(
            "dropout that is on; dropout must be off in evaluation; write F.dropout(x, p, self.training) or use "
            "torch.nn.Dropout"
        )
    return x


def size_of(m: OpMaker, x: Signal, dim: Any = None) -> Any:
    """x.size(dim) and x.shape."""
    extents = tuple(1 if axis == ONE else axis.extent if axis.kind == "channel" else Extent(axis) for axis in x.axes)
    return extents if dim is None else extents[position(dim, len(extents))]
