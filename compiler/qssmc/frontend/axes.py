"""Axes: which axis of a value is batch, time or channels, so that changes of layout only change this note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError

if TYPE_CHECKING:
    import torch


class Refused(Exception):
    """A call that has no IR form: what it is and what to write instead, in one clause."""


@dataclass(frozen=True)
class Axis:
    """An axis of a tensor. "steps" is batch and time in one, "one" has extent 1; extent counts for channels alone."""

    kind: Literal["batch", "time", "steps", "one", "channel"]
    extent: int = 1


BATCH, TIME, STEPS, ONE = Axis("batch"), Axis("time"), Axis("steps"), Axis("one")


@dataclass(frozen=True)
class Signal:
    """A value of the IR with the axes that torch sees.

    The channel axes, in their order, are the elements of the value in row-major order. closed: it comes once, after
    the last sample; early: so many zeros stand before its first step; late: so many steps behind its last one
    are to be cut.
    """

    name: str
    axes: tuple[Axis, ...]
    closed: bool = False
    early: int = 0
    late: int = 0

    @property
    def channels(self) -> tuple[int, ...]:
        """Positions of the channel axes."""
        return tuple(i for i, axis in enumerate(self.axes) if axis.kind == "channel")

    def with_axes(self, axes: Sequence[Axis]) -> Signal:
        """The same value in another layout."""
        return replace(self, axes=tuple(axes))


@dataclass(frozen=True)
class Extent:
    """The extent of an axis that no design knows: batch, time, or both in one."""

    axis: Axis


@dataclass(frozen=True)
class TimeSum:
    """A sum over all steps, which becomes a mean when it is divided by their number."""

    signal: Signal
    axes: tuple[Axis, ...]


@dataclass(frozen=True)
class Unknown:
    """A value that comes of a refused call, or that a design keeps to itself; why is None for the former."""

    why: str | None = None


def position(axis: Any, count: int) -> int:
    """The position of an axis that may count from the end."""
    if not isinstance(axis, int) or not -count <= axis < count:
        raise Refused(f"there is no axis {axis} among {count}")
    return axis % count


def told(axes: Sequence[Axis]) -> str:
    """A layout in words.

    >>> told((BATCH, TIME, Axis("channel", 3)))
    '(batch, time, 3 channels)'
    """
    words = {"one": "1", "steps": "batch * time"}
    parts = [f"{axis.extent} channels" if axis.kind == "channel" else words.get(axis.kind, axis.kind) for axis in axes]
    return f"({', '.join(parts)})"


def reshaped(axes: tuple[Axis, ...], wanted: Sequence[Any]) -> tuple[Axis, ...]:
    """The axes after view or reshape to extents, of which one may be -1; raises Refused if it mixes kinds of axes."""
    left, right = list(axes), []
    front: list[Axis] = []
    targets = list(wanted)
    if sum(target == -1 for target in targets if isinstance(target, int)) > 1:
        raise Refused("only one extent can be -1")
    while targets and targets[0] != -1:
        front.append(_taken(left, targets.pop(0), front=True))
    while targets and targets[-1] != -1:
        right.append(_taken(left, targets.pop(), front=False))
    if targets:
        middle = [axis for axis in left if axis != ONE]
        left = []
        kinds = [axis.kind for axis in middle]
        if not middle:
            front.append(ONE)
        elif set(kinds) == {"channel"}:
            front.append(Axis("channel", int(np.prod([axis.extent for axis in middle]))))
        elif kinds == ["batch", "time"]:
            front.append(STEPS)
        elif kinds == ["steps"] or len(middle) == 1:
            front.append(middle[0])
        else:
            raise Refused(
                f"view or reshape mixes the axes {told(middle)} into one; keep batch, time and channels apart"
            )
    if any(axis != ONE for axis in left):
        raise Refused(f"view or reshape leaves {told(left)} out; its extents do not fit {told(axes)}")
    return (*front, *reversed(right))


def _taken(left: list[Axis], target: Any, *, front: bool) -> Axis:
    """Take the axes off one end that make up one extent."""
    end = 0 if front else -1
    while left and left[end] == ONE and target != 1:
        left.pop(end)
    if isinstance(target, Extent):
        return _taken_length(left, target.axis, end)
    if not isinstance(target, int):
        raise Refused(f"view or reshape to {target}; give extents of the input, numbers of channels, or -1")
    if target == 1:
        if left and left[end] == ONE:
            left.pop(end)
        return ONE
    extent, taken = 1, 0
    while extent < target and left and left[end].kind in ("channel", "one"):
        axis = left.pop(end)
        taken += 1
        if axis.kind == "channel" and extent * axis.extent > target and target % extent == 0:
            part = target // extent
            if axis.extent % part:
                break
            left.insert(0 if front else len(left), Axis("channel", axis.extent // part))
            extent = target
        else:
            extent *= axis.extent
    if extent != target:
        raise Refused(
            f"view or reshape to {target} splits {told(left) if left else 'what is not there'}; "
            "write the extents of batch and time as x.shape[0] and x.shape[1], or -1"
        )
    return Axis("channel", target)


def _taken_length(left: list[Axis], axis: Axis, end: int) -> Axis:
    if left and left[end] == axis:
        return left.pop(end)
    if axis in (BATCH, TIME) and left and left[end] == STEPS and (axis == BATCH) == (end == 0):
        left[end] = TIME if axis == BATCH else BATCH
        return axis
    if axis == STEPS and tuple(left[:2] if end == 0 else left[-2:]) == (BATCH, TIME):
        left.pop(end)
        left.pop(end)
        return STEPS
    raise Refused(f"view or reshape puts {axis.kind} where {told(left)} is left; keep the order of batch and time")


def to_channels_last(answer: torch.Tensor, axes: tuple[Axis, ...], where: str) -> NDArray[np.float64]:
    """A layer's answer as (batch, time, channels), if it lies as the layer's operand lies."""
    if answer.ndim != len(axes):
        raise UnsupportedModelError(
            f"{where}: the layer answers with {answer.ndim} axes to an operand of {len(axes)}; it must keep the layout"
        )
    kinds = [axis.kind for axis in axes]
    order = [kinds.index("batch"), kinds.index("time"), *(i for i, k in enumerate(kinds) if k in ("channel", "one"))]
    lying = answer.permute(order)
    return np.asarray(lying.reshape(*lying.shape[:2], -1).numpy())


def answer_axes(axes: tuple[Axis, ...], shape: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of a layer's answer with a number of channels in all, where its operand has some."""
    (total,) = shape
    channels = [i for i, axis in enumerate(axes) if axis.kind == "channel"]
    if int(np.prod([axes[i].extent for i in channels], dtype=int)) == total:
        return axes
    if len(channels) != 1:
        raise Refused("a layer that changes the number of channels must see them on one axis")
    return tuple(Axis("channel", total) if i in channels else axis for i, axis in enumerate(axes))
