"""Piecewise rules: activations that are made of others, as sums of ReLUs, and so need no table of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from qssmc.frontend.axes import Refused, Signal
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.rules import both, offset, scaled
from qssmc.ir.ops import Activation, Add, Mul


def relu(m: OpMaker, x: Signal) -> Signal:
    """max(x, 0)."""
    return replace(x, name=m.add(Activation(kind="relu"), "relu", x.name))


def _plus(m: OpMaker, x: Signal, y: Signal) -> Signal:
    return both(m, Add(), x, y)


def leaky_relu(m: OpMaker, x: Signal, negative_slope: Any = 0.01, inplace: bool = False) -> Signal:
    """s x + (1 - s) relu(x)."""
    slope = negative_slope
    return _plus(m, scaled(m, x, slope), scaled(m, relu(m, x), 1.0 - slope))


def prelu(m: OpMaker, x: Signal, weight: Any) -> Signal:
    """leaky_relu with one slope, or one a channel on the second axis."""
    if not isinstance(weight, torch.Tensor):
        raise Refused("prelu with a slope of the input; its slopes must be parameters")
    if weight.numel() == 1:
        return leaky_relu(m, x, float(weight.detach().double().reshape(())))
    shape = [1] * len(x.axes)
    shape[min(1, len(shape) - 1)] = weight.numel()
    return leaky_relu(m, x, weight.detach().double().reshape(shape))


def clamp(m: OpMaker, x: Signal, min: Any = None, max: Any = None) -> Signal:
    """low + relu(x - low) - relu(x - high)."""
    low, high = (None if bound is None else _number(bound) for bound in (min, max))
    if low is None and high is None:
        return x
    if low is None:
        assert high is not None
        negative = scaled(m, relu(m, scaled(m, offset(m, x, -high), -1.0)), -1.0)
        return offset(m, negative, high)
    above = relu(m, offset(m, x, -low))
    if high is not None:
        if high < low:
            raise Refused(f"clamp to {low}..{high}")
        above = _plus(m, above, scaled(m, relu(m, offset(m, x, -high)), -1.0))
    return offset(m, above, low)


def _number(bound: Any) -> float:
    if isinstance(bound, torch.Tensor) and bound.numel() == 1:
        return float(bound.detach().double().reshape(()))
    if isinstance(bound, (int, float)):
        return float(bound)
    raise Refused("clamp by tensors; its bounds must be numbers")


def hardtanh(m: OpMaker, x: Signal, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Signal:
    """clamp under another name."""
    return clamp(m, x, min_val, max_val)


def relu6(m: OpMaker, x: Signal, inplace: bool = False) -> Signal:
    """clamp to 0..6."""
    return clamp(m, x, 0.0, 6.0)


def hardsigmoid(m: OpMaker, x: Signal, inplace: bool = False) -> Signal:
    """clamp(x + 3, 0, 6) / 6."""
    return scaled(m, clamp(m, offset(m, x, 3.0), 0.0, 6.0), 1.0 / 6.0)


def hardswish(m: OpMaker, x: Signal, inplace: bool = False) -> Signal:
    """x hardsigmoid(x)."""
    return both(m, Mul(), x, hardsigmoid(m, x))


def absolute(m: OpMaker, x: Signal) -> Signal:
    """|x| = 2 relu(x) - x."""
    return _plus(m, scaled(m, relu(m, x), 2.0), scaled(m, x, -1.0))


def elu(m: OpMaker, x: Signal, alpha: float = 1.0, inplace: bool = False) -> Signal:
    """relu(x) + alpha (exp(-relu(-x)) - 1)."""
    below = scaled(m, relu(m, scaled(m, x, -1.0)), -1.0)
    curve = replace(below, name=m.add(Activation(kind="exp"), "exp", below.name))
    return offset(m, _plus(m, relu(m, x), scaled(m, curve, alpha)), -alpha)


def selu(m: OpMaker, x: Signal, inplace: bool = False) -> Signal:
    """ELU with the constants of Klambauer et al. (arXiv 1706.02515)."""
    return scaled(m, elu(m, x, 1.6732632423543772), 1.0507009873554805)


def celu(m: OpMaker, x: Signal, alpha: float = 1.0, inplace: bool = False) -> Signal:
    """alpha elu(x / alpha)."""
    return scaled(m, elu(m, scaled(m, x, 1.0 / alpha)), alpha)


def mish(m: OpMaker, x: Signal, inplace: bool = False) -> Signal:
    """x tanh(softplus(x))."""
    curve = m.add(Activation(kind="softplus"), "softplus", x.name)
    return both(m, Mul(), x, replace(x, name=m.add(Activation(kind="tanh"), "tanh", curve)))


def log_sigmoid(m: OpMaker, x: Signal) -> Signal:
    """-softplus(-x)."""
    below = scaled(m, x, -1.0)
    return scaled(m, replace(x, name=m.add(Activation(kind="softplus"), "softplus", below.name)), -1.0)


PIECEWISE: Mapping[str, Callable[..., Any]] = {
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    **dict.fromkeys(("clamp", "clip"), clamp),
    "clamp_min": clamp,
    "clamp_max": lambda m, x, max: clamp(m, x, None, max),
    "hardtanh": hardtanh,
    "relu6": relu6,
    "hardsigmoid": hardsigmoid,
    "hardswish": hardswish,
    **dict.fromkeys(("abs", "absolute"), absolute),
    "elu": elu,
    "selu": selu,
    "celu": celu,
    "mish": mish,
    **dict.fromkeys(("logsigmoid", "log_sigmoid"), log_sigmoid),
}
# Modules that are one of these with the module's own numbers.
PIECEWISE_MODULES: Mapping[type[nn.Module], Callable[[OpMaker, Any, Signal], Signal]] = {
    nn.LeakyReLU: lambda m, module, x: leaky_relu(m, x, module.negative_slope),
    nn.PReLU: lambda m, module, x: prelu(m, x, module.weight),
    nn.ReLU6: lambda m, module, x: relu6(m, x),
    nn.Hardtanh: lambda m, module, x: clamp(m, x, module.min_val, module.max_val),
    nn.Hardsigmoid: lambda m, module, x: hardsigmoid(m, x),
    nn.Hardswish: lambda m, module, x: hardswish(m, x),
    nn.ELU: lambda m, module, x: elu(m, x, module.alpha),
    nn.SELU: lambda m, module, x: selu(m, x),
    nn.CELU: lambda m, module, x: celu(m, x, module.alpha),
    nn.Mish: lambda m, module, x: mish(m, x),
    nn.LogSigmoid: lambda m, module, x: log_sigmoid(m, x),
}
