"""Padding rules: zeros before a sequence, which a convolution or a delay makes use of, and the cut to its length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import fx, nn

from qssmc.frontend.axes import TIME, Extent, Refused, Signal, told
from qssmc.frontend.op_maker import OpMaker
from qssmc.ir.causal import delayed

PADDING = "F.pad(x, (n, 0)) of zeros before it, or padding=n and [..., :-n] behind it, with n = (taps - 1) * dilation"


def pad(m: OpMaker, x: Signal, pads: Any, mode: str = "constant", value: Any = None) -> Signal:
    """F.pad with zeros before the first sample, for a convolution to look at, or for [..., :-n] to make a delay of."""
    numbers = list(pads) if isinstance(pads, (tuple, list)) else [pads, pads]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    if mode != "constant" or value not in (None, 0, 0.0) or not all(isinstance(n, int) for n in numbers):
        raise Refused("pad with anything but zeros; a sequence begins with zeros: use F.pad(x, (n, 0))")
    early = 0
    for axis, pair in zip(reversed(x.axes), pairs, strict=False):
        if pair != (0, 0) and (axis != TIME or pair[0] < 0 or pair[1] != 0):
            raise Refused(f"pad {tuple(numbers)} of {told(x.axes)}; pad the past alone: {PADDING}")
        early += pair[0]
    return replace(x, early=x.early + early)


def cut(m: OpMaker, x: Signal, keys: Sequence[Any]) -> tuple[Signal, list[Any]]:
    """x and keys of its axes, without a slice of time that takes off what padding has added, or takes all steps.

    Of a padded value, as many steps from the front are the value delayed by the padding.
    """
    found, axes = list(keys), iter(x.axes)
    for at, key in enumerate(keys):
        axis = None if key is None else next(axes)
        plain = isinstance(key, slice) and key.start in (None, 0) and key.step in (None, 1)
        if axis != TIME or not plain or key.stop is None:
            continue
        added = x.early + x.late
        if key.stop == Extent(TIME) or (added and not isinstance(key.stop, Extent) and key.stop == -added):
            found[at] = slice(None)
            if x.early:
                x = replace(x, name=delayed(m.b, m.stem("past"), x.name, x.early, m.origin)[-1])
            x = replace(x, early=0, late=0)
    if x.early or x.late:
        raise Refused(f"getitem of a padded sequence; cut it to its length, [..., :-{x.early + x.late}]")
    return x, found


def takes_padded(call: fx.Node, root: nn.Module) -> bool:
    """Whether a call may see a sequence with zeros before it or with steps behind it."""
    if call.op == "call_module":
        module = root.get_submodule(str(call.target))
        return type(module) in PAST_MODULES or (type(module) is nn.Conv1d and module.kernel_size != (1,))
    return getattr(call.target, "__name__", call.target) in ("pad", "conv1d", "getitem")


def check_whole(call: fx.Node, root: nn.Module, parts: Sequence[Any]) -> None:
    """Raise Refused where a call sees a padded sequence and is none that may."""
    if any(isinstance(part, Signal) and (part.early or part.late) for part in parts) and not takes_padded(call, root):
        raise Refused(f"{getattr(call.target, '__name__', call.target)} of a padded sequence; {PADDING}")


def _padded(m: OpMaker, module: Any, x: Signal) -> Signal:
    return pad(m, x, module.padding, "constant", getattr(module, "value", 0.0))


PAST_MODULES: Mapping[type[nn.Module], Callable[[OpMaker, Any, Signal], Signal]] = {
    nn.ZeroPad1d: _padded,
    nn.ConstantPad1d: _padded,
}
