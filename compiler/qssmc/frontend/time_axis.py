"""The axis of time: the calls that read all steps of a sequence at its end."""

from __future__ import annotations

import torch
from torch import fx

_TIME = (1, -2)  # of (batch, length, channels)
_LAST_STEP = ((slice(None), -1), (slice(None), -1, slice(None)), (slice(None), -1, Ellipsis))


def is_mean_over_time(call: fx.Node) -> bool:
    """Whether a call is x.mean(1) or torch.mean(x, 1), with no other option that changes it."""
    if not call.args or not isinstance(call.args[0], fx.Node):
        return False
    if not ((call.op == "call_method" and call.target == "mean") or call.target is torch.mean):
        return False
    given = {**dict(zip(("dim", "keepdim"), call.args[1:], strict=False)), **call.kwargs}
    axes = given.pop("dim", None)
    (axis,) = axes if isinstance(axes, (list, tuple)) and len(axes) == 1 else (axes,)
    return axis in _TIME and not given.pop("keepdim", False) and not given


def is_last_step(call: fx.Node) -> bool:
    """Whether a call is x[:, -1]."""
    is_part = call.op == "call_function" and getattr(call.target, "__name__", "") == "getitem"
    return is_part and call.args[1] in _LAST_STEP
