"""Choice rules: what indexing, chunk, split and cat of a traced value mean in IR ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qssmc.frontend.axes import (
    ONE,
    TIME,
    Axis,
    Extent,
    Refused,
    Signal,
    position,
    told,
)
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.padding_rules import cut
from qssmc.ir.ops import Add


def getitem(m: OpMaker, x: Any, key: Any) -> Any:
    """x[key] of a value of the input, of its shape, or of what a layer returns."""
    if not isinstance(x, Signal):
        if isinstance(x, torch.Tensor) and any(isinstance(part, Extent) for part in _ends(key)):
            raise Refused(
                "a table with a row for each step, cut to the length; a design counts no steps: leave position "
                "embeddings out, the recurrence knows the order"
            )
        try:
            return x[key]
        except (IndexError, TypeError, KeyError) as error:
            raise Refused(f"getitem {key}: {error}") from error
    keys = list(key) if isinstance(key, tuple) else [key]
    if sum(part is Ellipsis for part in keys) > 1:
        raise Refused("getitem with two ellipses")
    taken = sum(part is not None and part is not Ellipsis for part in keys)
    if taken > len(x.axes):
        raise Refused(f"getitem of {taken} axes where there are {len(x.axes)}")
    gap = [slice(None)] * (len(x.axes) - taken)
    at = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    keys[at : at + (1 if Ellipsis in keys else 0)] = gap
    return choose(m, *cut(m, x, keys))


def _ends(key: Any) -> list[Any]:
    """The ends of slices in a key, and its other parts."""
    parts = list(key) if isinstance(key, tuple) else [key]
    return [end for part in parts for end in ((part.start, part.stop) if isinstance(part, slice) else (part,))]


def choose(m: OpMaker, x: Signal, keys: Sequence[Any]) -> Signal:
    """x[keys] with a key an axis: any of the channels, all of batch and time, or the last step."""
    axes: list[Axis] = []
    grid = np.arange(m.extent(x)).reshape([x.axes[i].extent for i in x.channels])
    choice: list[Any] = []
    last = False
    old = iter(x.axes)
    for key in keys:
        if key is None:
            axes.append(ONE)
            continue
        axis = next(old)
        if axis.kind == "channel":
            chosen_key, extent = _of_channels(axis.extent, key)
            choice.append(chosen_key)
            if extent is not None:
                axes.append(Axis("channel", extent))
        elif key == slice(None):
            axes.append(axis)
        elif axis == ONE and key in (0, -1):
            continue
        elif axis == TIME and key == -1:
            last = True
        elif axis == TIME and key == slice(-1, None):
            last = True
            axes.append(ONE)
        else:
            raise Refused(
                f"getitem; samples come one by one, and x[:, -1] and x.mean(1) read the {axis.kind} axis at the end"
            )
    if sum(isinstance(key, np.ndarray) for key in choice) > 1:
        raise Refused("getitem of channels by two lists; choose along one axis at a time")
    indices = np.asarray(grid[tuple(choice)]).ravel() if choice else grid.ravel()
    if not indices.size:
        raise Refused("getitem leaves no channel")
    chosen = m.take(x, indices, axes)
    return Signal(m.held(chosen), tuple(axes), closed=True) if last else chosen


def _of_channels(count: int, key: Any) -> tuple[Any, int | None]:
    """A key of channels, and how many it leaves; None where it leaves no axis."""
    if isinstance(key, (list, tuple, torch.Tensor)):
        key = _chosen_numbers(key)
    elif not isinstance(key, (int, slice)) or isinstance(key, bool):
        raise Refused(f"getitem of channels by {type(key).__name__}; give a number or a slice of numbers")
    try:
        kept = np.arange(count)[key]
    except (IndexError, TypeError, ValueError) as error:
        raise Refused(f"getitem {key} of {count} channels") from error
    return key, None if kept.ndim == 0 else len(kept)


def _chosen_numbers(key: Any) -> NDArray[np.int64]:
    """Channels by their numbers: a list, or a constant tensor of integers."""
    given = key.detach().cpu().numpy() if isinstance(key, torch.Tensor) else np.asarray(key)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise Refused(f"getitem of channels by {type(key).__name__} of {given.dtype}; give a list of whole numbers")
    return given.astype(np.int64)


def chunk(m: OpMaker, x: Signal, chunks: int, dim: int = 0) -> tuple[Signal, ...]:
    """Channels in so many equal parts, the last one smaller where they do not divide."""
    at = position(dim, len(x.axes))
    size = -(-x.axes[at].extent // chunks)
    return split(m, x, size, dim)


def split(m: OpMaker, x: Signal, size: Any, dim: int = 0) -> tuple[Signal, ...]:
    """Channels in parts of one size, or of the sizes of a list."""
    at = position(dim, len(x.axes))
    if x.axes[at].kind != "channel":
        raise Refused(f"split of {x.axes[at].kind}; samples come one by one: split the channels")
    extent = x.axes[at].extent
    sizes = list(size) if isinstance(size, (list, tuple)) else [min(size, extent - i) for i in range(0, extent, size)]
    ends = np.cumsum(sizes)
    keys = [[slice(None)] * at + [slice(int(end - n), int(end))] for n, end in zip(sizes, ends, strict=True)]
    return tuple(choose(m, x, [*key, *[slice(None)] * (len(x.axes) - at - 1)]) for key in keys)


def cat(m: OpMaker, tensors: Sequence[Any], dim: int = 0) -> Signal:
    """Channels one after another: each part times the columns of an identity that it fills."""
    parts = [part for part in tensors if isinstance(part, Signal)]
    if len(parts) != len(tensors):
        raise Refused("cat with a constant; put it into the bias of a torch.nn.Linear")
    first = parts[0]
    at = position(dim, len(first.axes))
    if first.axes[at].kind != "channel":
        raise Refused(f"cat along {first.axes[at].kind}; samples come one by one: join channels")
    rest = [(*part.axes[:at], *part.axes[at + 1 :]) for part in parts]
    if any(other != rest[0] or part.axes[at].kind != "channel" for other, part in zip(rest, parts, strict=True)):
        raise Refused(f"cat of {' and '.join(told(part.axes) for part in parts)}")
    total = sum(part.axes[at].extent for part in parts)
    axes = (*first.axes[:at], Axis("channel", total), *first.axes[at + 1 :])
    shape = [axis.extent for axis in axes if axis.kind == "channel"]
    grid = np.arange(int(np.prod(shape))).reshape(shape)
    places = np.split(grid, np.cumsum([part.axes[at].extent for part in parts])[:-1], first.channels.index(at))
    pieces = []
    for part, rows in zip(parts, places, strict=True):
        weight = np.zeros((grid.size, m.extent(part)))
        weight[rows.ravel(), np.arange(m.extent(part))] = 1.0
        pieces.append(m.matvec(part, weight, None, axes).name)
    value = pieces[0] if len(pieces) == 1 else m.add(Add(), "cat", *pieces)
    return Signal(value, axes, together(parts))


def together(parts: Sequence[Signal]) -> bool:
    """Whether values come after the last step; they must not meet values of every step."""
    closed = {part.closed for part in parts}
    if len(closed) > 1:
        raise Refused(
            "a value of every step meets one that comes after the last step; take the mean over time of their sum "
            "instead"
        )
    return closed.pop()
