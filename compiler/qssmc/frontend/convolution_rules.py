"""Convolution rules: convolutions over the past, with constant weights, become shift registers and products."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from qssmc.frontend import mixing_rules
from qssmc.frontend.axes import TIME, Axis, Refused, Signal, told
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.padding_rules import PADDING
from qssmc.ir.causal import causal_convolution


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
    """F.conv1d with constant weights: a matrix of one tap, or a convolution over the past."""
    if isinstance(weight, torch.Tensor) and weight.shape[2:] == (1,) and not (x.early or x.late):
        return mixing_rules.conv1d(m, x, weight, bias, stride, padding, dilation, groups)
    if not isinstance(weight, torch.Tensor) or _one(stride) != 1:
        raise Refused("conv1d with weights of the input or a stride; give constant weights and stride 1")
    before = 0 if padding == "valid" else padding if padding == "same" else _one(padding)
    return _convolved(m, x, weight, bias, before, _one(dilation), groups)


def convolution(m: OpMaker, module: nn.Conv1d, x: Signal) -> Signal:
    """Conv1d of several taps."""
    if module.padding_mode != "zeros":
        raise Refused(f"Conv1d with {module.padding_mode} padding; a sequence begins with zeros: padding_mode='zeros'")
    given = (module.weight, module.bias, module.stride, module.padding, module.dilation, module.groups)
    return conv1d(m, x, *given)


def _convolved(m: OpMaker, x: Signal, weight: Any, bias: Any, before: Any, dilation: int, groups: int) -> Signal:
    if len(x.axes) != 3 or x.channels != (1,) or x.axes[2] != TIME or x.late or x.closed:
        raise Refused(f"Conv1d of {told(x.axes)}; it takes (batch, channels, time): write x.transpose(1, 2) before it")
    reach = (weight.shape[2] - 1) * dilation
    past = x.early + (reach // 2 if before == "same" else before)
    if past != reach:
        where = f"looks {reach - past} steps ahead of" if past < reach else f"stays {past - reach} steps behind"
        raise Refused(f"Conv1d of {weight.shape[2]} taps {where} the sample at hand; write {PADDING}")
    array = weight.detach().cpu().double().numpy()
    shift = np.zeros(len(array)) if bias is None else bias.detach().cpu().double().numpy()
    value = causal_convolution(
        m.b, m.stem("conv"), x.name, array, shift, m.origin, groups=groups, dilation=dilation
    )  # fmt: skip
    axes = (x.axes[0], Axis("channel", len(array)), TIME)
    return replace(x, name=value, axes=axes, early=0, late=0 if before == "same" else before)


def _one(value: Any) -> int:
    """A number that may stand in a tuple of one."""
    found = value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value
    if not isinstance(found, int):
        raise Refused(f"conv1d with {value!r}; give whole numbers for stride, padding and dilation")
    return found
