"""Mixing rules: functions with constant weights that mix or choose channels: einsum, stack, index_select, conv1d."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from qssmc.frontend.axes import BATCH, ONE, TIME, Axis, Refused, Signal, position, told
from qssmc.frontend.choice_rules import cat, choose
from qssmc.frontend.layout_rules import flatten, unflatten
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.rules import offset, scaled, spread_constant


def einsum(m: OpMaker, equation: Any, *operands: Any) -> Signal:
    """einsum of one value of the input and constant weights: a matrix product over its channels."""
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    text = str(equation).replace(" ", "")
    signals = [i for i, operand in enumerate(operands) if isinstance(operand, Signal)]
    if "..." in text or "->" not in text or len(signals) != 1:
        raise Refused(f"einsum {equation!r}; of one value of the input and weights, with all letters and -> written")
    (at,) = signals
    left, _, out = text.partition("->")
    terms = left.split(",")
    x: Signal = operands[at]
    letters = terms[at]
    weights = [operand for operand in operands if isinstance(operand, torch.Tensor)]
    if len(terms) != len(operands) or len(letters) != len(x.axes) or len(weights) != len(operands) - 1:
        raise Refused(f"einsum {equation!r} of {told(x.axes)}; its letters do not fit")
    kept = [letter for letter, axis in zip(letters, x.axes, strict=True) if axis.kind != "channel"]
    others = [term for i, term in enumerate(terms) if i != at]
    if len(set(letters)) != len(letters) or any(k not in out or k in "".join(others) for k in kept):
        raise Refused(f"einsum {equation!r}; batch and time must stay as they are, and weights may not differ by step")
    channels = "".join(letter for letter in letters if letter not in kept)
    answer = "".join(letter for letter in out if letter not in kept)
    free = next(letter for letter in "ZYXWVU" if letter not in text)
    extents = [x.axes[i].extent for i in x.channels]
    unit = torch.eye(m.extent(x), dtype=torch.float64).reshape(-1, *extents)
    arrays = [w.detach().cpu().double() for w in weights]
    full = torch.einsum(f"{','.join([free + channels, *others])}->{free}{answer}", unit, *arrays)
    sizes = dict(zip(answer, full.shape[1:], strict=True))
    axes = [x.axes[letters.index(letter)] if letter in kept else Axis("channel", int(sizes[letter])) for letter in out]
    return m.matvec(x, full.reshape(len(unit), -1).T.numpy(), None, axes)


def stack(m: OpMaker, tensors: Sequence[Any], dim: int = 0) -> Signal:
    """Values beside each other on a new axis of channels."""
    parts = [part for part in tensors if isinstance(part, Signal)]
    if not parts or len(parts) != len(tensors):
        raise Refused("stack with a constant; put it into the bias of a torch.nn.Linear")
    count = len(parts[0].axes) + 1
    at = position(dim, count)
    if any(axis.kind in ("batch", "time", "steps") for axis in parts[0].axes[at:]) and at < 1:
        raise Refused("stack before the axis of batch; stack channels, dim=-1")
    wide = [part.with_axes((*part.axes[:at], Axis("channel", 1), *part.axes[at:])) for part in parts]
    return cat(m, wide, at)


def index_select(m: OpMaker, x: Signal, dim: int, index: Any) -> Signal:
    """x.index_select(dim, index) of channels."""
    at = position(dim, len(x.axes))
    keys: list[Any] = [slice(None)] * len(x.axes)
    keys[at] = index
    return choose(m, x, keys)


def conv1d(
    m: OpMaker,
    x: Signal,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Signal:
    """F.conv1d of one tap over (batch, channels, time)."""
    plain = all(value in (one, (one,), [one]) for value, one in ((stride, 1), (padding, 0), (dilation, 1)))
    if not isinstance(weight, torch.Tensor) or weight.shape[2:] != (1,) or not plain or groups != 1:
        raise Refused("conv1d of several taps, strides or groups; it mixes the steps of a sequence: use a recurrence")
    if len(x.axes) != 3 or x.channels != (1,):
        raise Refused(f"conv1d of {told(x.axes)}; its channels must be axis 1: write x.transpose(1, 2) before it")
    array = weight.detach().cpu().double().numpy()[:, :, 0]
    shift = None if bias is None else bias.detach().cpu().double().numpy()
    return m.matvec(x, array, shift, (x.axes[0], Axis("channel", len(array)), x.axes[2]))


def batch_norm(
    m: OpMaker,
    x: Signal,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Signal:
    """F.batch_norm with running statistics, over axis 1."""
    if training or running_mean is None or running_var is None:
        raise Refused("batch_norm of the batch at hand; a design sees one sequence: keep running statistics")
    factor = (1.0 if weight is None else weight.double()) / torch.sqrt(running_var.double() + eps)
    shift = (0.0 if bias is None else bias.double()) - running_mean.double() * factor
    shape = (-1, *(1,) * (len(x.axes) - 2))
    spread_constant(x, factor.reshape(shape))  # refuses what lies otherwise
    return offset(m, scaled(m, x, factor.reshape(shape)), shift.reshape(shape))


def mean_of_all_steps(m: OpMaker, module: nn.Module, x: Signal) -> Signal:
    """AdaptiveAvgPool1d(1): the mean over a last axis of time, which stays with extent 1."""
    size = getattr(module, "output_size", None)
    if size not in (1, (1,)) or len(x.axes) != 3 or x.axes[-1] != TIME or x.axes[0] != BATCH or x.closed:
        raise Refused(f"AdaptiveAvgPool1d({size}) of {told(x.axes)}; of (batch, channels, time), to 1 step")
    return Signal(m.mean(x), (*x.axes[:-1], ONE), closed=True)


MIXING: Mapping[str, Callable[..., Any]] = {
    "einsum": einsum,
    "stack": stack,
    "index_select": index_select,
    "conv1d": conv1d,
    "batch_norm": batch_norm,
}
LAYOUT_MODULES: Mapping[type[nn.Module], Callable[[OpMaker, Any, Signal], Signal]] = {
    nn.Flatten: lambda m, module, x: flatten(m, x, module.start_dim, module.end_dim),
    nn.Unflatten: lambda m, module, x: unflatten(m, x, module.dim, module.unflattened_size),
    nn.AdaptiveAvgPool1d: mean_of_all_steps,
}
