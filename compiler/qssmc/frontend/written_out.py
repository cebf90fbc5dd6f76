"""Written out: fake quantisation in plain arithmetic, round((x / s).clamp(..)) * s, as the one call that it stands for.

Straight-through forms, x + (q - x).detach(), are taken as q first; gradients are no part of a design.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx, nn

_ADD = (torch.add, operator.add, operator.iadd, "add")
_SUB = (torch.sub, operator.sub, operator.isub, "sub")
_MUL = (torch.mul, operator.mul, operator.imul, "mul")
_DIV = (torch.div, operator.truediv, operator.itruediv, "div")
_ROUND = (torch.round, round, "round")
_CLAMP = (torch.clamp, torch.clip, "clamp", "clip")
_DETACH = (torch.detach, "detach")
_NEAR = 1e-6


def joined(calls: fx.Graph, root: nn.Module) -> None:
    """Change the calls of a forward in place: what is a fake quantiser, written out, becomes a call of torch's."""
    for call in [call for call in calls.nodes if _is(call, _ADD) or _is(call, _SUB)]:
        through = _straight_through(call)
        if through is not None:
            call.replace_all_uses_with(through)
            _erase(call)
    constant = _Constants(root)
    for call in [call for call in calls.nodes if _is(call, _ROUND)]:
        if len(call.args) == 1 and not call.kwargs:
            _join(calls, call, constant)


def _erase(call: fx.Node) -> None:
    """Take a call that nothing reads any more out, and what only it has read."""
    if call.users or call.op not in ("call_function", "call_method", "get_attr"):
        return
    read = call.all_input_nodes
    call.graph.erase_node(call)
    for other in read:
        _erase(other)


def _is(call: Any, targets: tuple[Any, ...]) -> bool:
    return isinstance(call, fx.Node) and call.op in ("call_function", "call_method") and call.target in targets


def _straight_through(call: fx.Node) -> fx.Node | None:
    """q of x + (q - x).detach(), in either order, and of x - (x - q).detach()."""
    if len(call.args) != 2 or call.kwargs or not (_is(call, _ADD) or _is(call, _SUB)):
        return None
    pairs = (call.args, call.args[::-1]) if _is(call, _ADD) else (call.args,)
    for x, change in pairs:
        if not _is(change, _DETACH):
            continue
        inner: Any = change.args[0]  # type: ignore[union-attr]
        if not _is(inner, _SUB) or len(inner.args) != 2 or inner.kwargs:
            continue
        q, base = inner.args if _is(call, _ADD) else inner.args[::-1]
        if base is x and isinstance(q, fx.Node):
            return q
    return None


class _Constants:
    """Numbers that a forward computes with: written there, or kept by the module as tensors of one element."""

    def __init__(self, root: nn.Module) -> None:
        self.root = root

    def __call__(self, value: Any) -> float | None:
        """The number, None of what is none or of several."""
        if isinstance(value, fx.Node) and value.op == "get_attr":
            found: Any = self.root
            for name in str(value.target).split("."):
                found = getattr(found, name)
            value = found
        if isinstance(value, torch.Tensor) and value.numel() == 1 and not value.is_complex():
            return float(value.detach())
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _join(calls: fx.Graph, rounding: fx.Node, constant: _Constants) -> None:
    """Replace the calls around a rounding: the way to steps before it, clamps on either side, and the way back."""
    before = _before(rounding, constant)
    if before is None:
        return
    x, scale, zero, low, high = before
    moved, last = zero, rounding
    for user in _alone(rounding):
        found = _with_constant(user, constant)
        if found is None or found[1] is not last:
            return
        (what, _, number), last = found, user
        if what == "clamp":
            low, high = max(low, number[0] - moved + zero), min(high, number[1] - moved + zero)
        elif what == "plus":
            moved += number[0]
        else:
            back = number[0] if what == "times" else 1.0 / number[0]
            whole = all(math.isfinite(end) and end == int(end) for end in (zero, low, high))
            if whole and low < high and abs(moved) < _NEAR and abs(back - scale) <= _NEAR * scale:
                with calls.inserting_after(last):
                    args = (x, scale, int(zero), int(low), int(high))
                    made = calls.call_function(torch.fake_quantize_per_tensor_affine, args)
                made.meta = dict(last.meta)
                last.replace_all_uses_with(made)
                _erase(last)
            return


def _before(rounding: fx.Node, constant: _Constants) -> tuple[fx.Node, float, float, float, float] | None:
    """What is rounded, its scale, its zero point, and clamps, in the steps that are rounded."""
    zero, low, high, x = 0.0, -math.inf, math.inf, rounding.args[0]
    while (found := _with_constant(x, constant)) is not None:
        what, x, number = found
        if what == "clamp":
            low, high = max(low, number[0] + zero), min(high, number[1] + zero)
        elif what == "plus":
            zero += number[0]
        else:
            scale = number[0] if what == "by" else 1.0 / number[0]
            return (x, scale, zero, low, high) if scale > 0.0 else None
    return None


def _alone(call: fx.Node) -> Iterator[fx.Node]:
    """What follows a call as long as there is one user."""
    while len(call.users) == 1:
        (call,) = call.users
        yield call


def _with_constant(call: Any, constant: Callable[[Any], float | None]) -> tuple[str, fx.Node, tuple[float, ...]] | None:
    """A call as what it does with a number: plus, times, by, or clamp with both ends; None of every other call."""
    if not isinstance(call, fx.Node):
        return None
    if _is(call, _CLAMP):
        low, high = (
            call.args[at] if len(call.args) > at else call.kwargs.get(key) for at, key in ((1, "min"), (2, "max"))
        )
        least = float("-inf") if low is None else constant(low)
        most = float("inf") if high is None else constant(high)
        inner = call.args[0] if call.args else None
        return ("clamp", inner, (least, most)) if isinstance(inner, fx.Node) and None not in (least, most) else None  # type: ignore[return-value]
    if len(call.args) != 2 or call.kwargs:
        return None
    a, b = call.args
    for what, targets, sign in (("plus", _ADD, 1.0), ("plus", _SUB, -1.0), ("times", _MUL, 1.0), ("by", _DIV, 1.0)):
        if _is(call, targets):
            swapped = ((b, a),) if targets in (_ADD, _MUL) else ()
            for inner, other in ((a, b), *swapped):
                number = constant(other)
                if isinstance(inner, fx.Node) and constant(inner) is None and number:
                    return what, inner, (sign * number,)
    return None
