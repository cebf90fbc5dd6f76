"""Einops: rearrange and reduce as changes of axes, by their patterns."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import nn

from qssmc.frontend.axes import BATCH, ONE, TIME, Axis, Refused, Signal, told
from qssmc.frontend.layout_rules import permuted
from qssmc.frontend.op_maker import OpMaker

_GROUP = re.compile(r"\(([^()]*)\)|(\S+)")


def functions() -> tuple[Callable[..., Any], ...]:
    """The functions of einops that a forward may call, if einops is there; torch.fx must not look into them."""
    try:
        einops = importlib.import_module("einops")
    except ImportError:
        return ()
    return tuple(getattr(einops, name) for name in ("rearrange", "reduce", "repeat") if hasattr(einops, name))


def is_einops(module: nn.Module) -> bool:
    """Whether a module is a layer of einops."""
    return type(module).__module__.partition(".")[0] == "einops"


def apply_module(m: OpMaker, module: Any, x: Any) -> Any:
    """Rearrange and Reduce as modules."""
    rule = EINOPS.get(type(module).__name__.lower())
    if rule is None or not isinstance(x, Signal):
        raise Refused(f"einops {type(module).__name__}; use Rearrange, or torch.nn.Linear")
    extra = (module.reduction,) if rule is reduce else ()
    return rule(m, x, module.pattern, *extra, **dict(module.axes_lengths))


def rearrange(m: OpMaker, x: Signal, pattern: str, **lengths: Any) -> Signal:
    """rearrange(x, "b (h d) n -> b n (d h)", h=4): axes in another order, channels merged or split."""
    left, right = _sides(pattern)
    names: dict[str, Axis] = {}
    for group, axis in zip(_left(left, len(x.axes), pattern), x.axes, strict=True):
        names |= _parts(group, axis, lengths, pattern)
    order = list(names)
    wanted = _right(right, [name for name in order if name.startswith("...")])
    flat = [name for group in wanted for name in group]
    if sorted(flat) != sorted(order):
        raise Refused(f"rearrange {pattern!r}; the same axes must stand on both sides")
    y = permuted(m, x.with_axes(list(names.values())), [order.index(name) for name in flat])
    return y.with_axes([_merged([names[name] for name in group], pattern) for group in wanted])


def reduce(m: OpMaker, x: Signal, pattern: str, reduction: Any, **lengths: Any) -> Signal:
    """reduce(x, "b l d -> b d", "mean"): the mean over time."""
    left, right = _sides(pattern)
    before = _left(left, len(x.axes), pattern)
    right = _right(right, [name for group in before for name in group if name.startswith("...")])
    gone = [i for i, group in enumerate(before) if group not in right and x.axes[i] == TIME]
    kept = [group for i, group in enumerate(before) if i not in gone]
    if reduction != "mean" or len(gone) != 1 or x.closed or [g for g in right if g] != kept:
        raise Refused(f"reduce {pattern!r} by {reduction}; reduce time alone, by 'mean', or write x.mean(1)")
    axes = [axis for i, axis in enumerate(x.axes) if i not in gone]
    for place, group in enumerate(right):
        if not group:
            axes.insert(place, ONE)
    return Signal(m.mean(x), tuple(axes), closed=True)


def repeat(m: OpMaker, x: Signal, pattern: str, **lengths: Any) -> Signal:
    """repeat makes copies, which a Linear makes as well."""
    raise Refused(
        f"repeat {pattern!r} of a value of the input; repeat the weights of the torch.nn.Linear that reads it"
    )


EINOPS: Mapping[str, Callable[..., Any]] = {"rearrange": rearrange, "reduce": reduce, "repeat": repeat}


def _sides(pattern: Any) -> tuple[list[list[str]], list[list[str]]]:
    sides = str(pattern).split("->")
    if len(sides) != 2:
        raise Refused(f"rearrange {pattern!r}; a pattern is 'axes -> axes'")
    left, right = ([(g.split() if w == "" else [w]) for g, w in _GROUP.findall(side)] for side in sides)
    return left, right


def _left(groups: list[list[str]], count: int, pattern: str) -> list[list[str]]:
    """A group for each axis that there is: `...` stands for as many as are missing."""
    missing = count - sum(group != ["..."] for group in groups)
    if missing < 0 or (missing and ["..."] not in groups):
        raise Refused(f"rearrange {pattern!r} of {count} axes; its left side names {len(groups)}")
    found: list[list[str]] = []
    for group in groups:
        found += [[f"...{i}"] for i in range(missing)] if group == ["..."] else [group]
    return found


def _right(groups: list[list[str]], rest: list[str]) -> list[list[str]]:
    """The groups of the right side: `...` written out, and no name for an axis of 1."""
    found: list[list[str]] = []
    for group in groups:
        found += [[name] for name in rest] if group == ["..."] else [[]] if group == ["1"] else [group]
    return found


def _parts(group: list[str], axis: Axis, lengths: Mapping[str, Any], pattern: str) -> dict[str, Axis]:
    """The axes that a group of the left side splits one axis into, by their names; an axis of 1 has none."""
    if group in ([], ["1"]):
        if axis != ONE and not (axis.kind == "channel" and axis.extent == 1):
            raise Refused(f"rearrange {pattern!r}: {told((axis,))} is no axis of 1")
        return {}
    if len(group) == 1:
        return {group[0]: axis}
    if axis.kind != "channel":
        raise Refused(f"rearrange {pattern!r} splits {told((axis,))}; keep batch and time whole")
    known = {name: int(lengths[name]) for name in group if isinstance(lengths.get(name), int)}
    known |= {name: 1 for name in group if name == "1"}
    open_ = [name for name in group if name not in known]
    product = int(np.prod(list(known.values()), dtype=int))
    if len(open_) > 1 or product < 1 or axis.extent % product or (not open_ and product != axis.extent):
        raise Refused(f"rearrange {pattern!r} splits {axis.extent} channels; give the lengths of all axes but one")
    known |= dict.fromkeys(open_, axis.extent // product)
    return {name: Axis("channel", known[name]) for name in group if name != "1"}


def _merged(parts: list[Axis], pattern: str) -> Axis:
    """The axis that a group of the right side merges."""
    if len(parts) == 1:
        return parts[0]
    wide = [axis for axis in parts if axis != ONE]
    if not wide:
        return ONE
    if all(axis.kind == "channel" for axis in wide):
        return Axis("channel", int(np.prod([axis.extent for axis in wide])))
    if len(wide) == 1:
        return wide[0]
    if wide == [BATCH, TIME]:
        return Axis("steps")
    raise Refused(f"rearrange {pattern!r} mixes {told(wide)} into one axis; keep batch, time and channels apart")
