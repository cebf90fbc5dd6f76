"""Handlers: how each torch module or function that the frontend takes becomes IR ops."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.ir.build import Builder
from qssmc.ir.ops import (
    Activation,
    Add,
    Constant,
    Decay,
    Divide,
    Drive,
    Glu,
    LayerNorm,
    Matvec,
    Mul,
    Offset,
    Op,
    Readout,
    RMSNorm,
    Scale,
    TypeFault,
)
from qssmc.ir.table import Table
from qssmc.ir.types import Type
from qssmc.models.blocks import QGELU, ChannelBatchNorm, MeanPool
from qssmc.models.s4d import S4D

# (builder, module, stem of the names, operand, origin) -> value
ModuleHandler = Callable[[Builder, Any, str, str, str], str]


def numbers(tensor: torch.Tensor) -> NDArray[np.float64]:
    """A parameter as float64."""
    return tensor.detach().cpu().double().numpy()


def _linear(b: Builder, module: nn.Linear, stem: str, x: str, origin: str) -> str:
    bias = np.zeros(module.out_features) if module.bias is None else numbers(module.bias)
    return b.add(Matvec(weight=Table.real(numbers(module.weight)), bias=Table.real(bias)), stem, x, origin=origin)


def _s4d(b: Builder, module: S4D, stem: str, u: str, origin: str) -> str:
    """x <- decay(x) + drive(u); y = Re(c x) + d u, with the states of all heads in one vector, in head order."""
    heads = Table.integer(np.repeat(np.arange(module.d_model), module.d_state))
    count = module.d_model * module.d_state
    dt = Table.real(np.repeat(np.exp(numbers(module.log_dt)), module.d_state))
    a_real = -np.exp(numbers(module.log_a_real)).ravel()
    a = Table.real(np.stack([a_real, numbers(module.a_imag).ravel()], axis=-1))
    x = b.state(b.fresh(f"{stem}_x"), Type((count,), complex=True), origin)
    ax = b.add(Decay(a=a, dt=dt, method=module.discretization), b.fresh(f"{stem}_ax"), x, origin=origin)
    weights = Table.real(numbers(module.b).reshape(count, 2))
    drive = Drive(a=a, b=weights, dt=dt, method=module.discretization, heads=heads)
    bu = b.add(drive, b.fresh(f"{stem}_bu"), u, origin=origin)
    b.updates[x] = b.add(Add(), b.fresh(f"{stem}_xn"), ax, bu, origin=origin)
    c = Table.real(numbers(module.c).reshape(count, 2))
    cx = b.add(Readout(c=c, heads=heads, channels=module.d_model), b.fresh(f"{stem}_cx"), b.updates[x], origin=origin)
    du = b.add(Scale(factor=Table.real(numbers(module.d))), b.fresh(f"{stem}_du"), u, origin=origin)
    return b.add(Add(), b.fresh(f"{stem}_y"), cx, du, origin=origin)


def _mean_pool(b: Builder, module: MeanPool, stem: str, x: str, origin: str) -> str:
    """The mean over time: a running sum and a step count, divided after the last sample."""
    total = b.state(b.fresh(f"{stem}_total"), b.type(x), origin)
    b.updates[total] = b.add(Add(), b.fresh(f"{stem}_total_n"), total, x, origin=origin)
    count = b.state(b.fresh(f"{stem}_steps"), Type((1,)), origin)
    one = b.add(Constant(value=Table.real([1.0])), b.fresh(f"{stem}_one"), origin=origin)
    b.updates[count] = b.add(Add(), b.fresh(f"{stem}_steps_n"), count, one, origin=origin)
    return b.add(Divide(), stem, total, count, origin=origin)


def _batch_norm(b: Builder, module: ChannelBatchNorm, stem: str, x: str, origin: str) -> str:
    if module.running_mean is None or module.running_var is None:
        raise TypeFault("batch norm without running statistics cannot stream")
    width = b.type(x).shape[0]
    gamma = np.ones(width) if module.weight is None else numbers(module.weight)
    beta = np.zeros(width) if module.bias is None else numbers(module.bias)
    factor = gamma / np.sqrt(numbers(module.running_var) + module.eps)
    scaled = b.add(Scale(factor=Table.real(factor)), b.fresh(f"{stem}_scaled"), x, origin=origin)
    return b.add(Offset(value=Table.real(beta - numbers(module.running_mean) * factor)), stem, scaled, origin=origin)


def _layer_norm(b: Builder, module: nn.LayerNorm, stem: str, x: str, origin: str) -> str:
    width = b.type(x).shape[0]
    if tuple(module.normalized_shape) != (width,):
        raise TypeFault(f"layer norm must cover the {width} channels of one step, not {module.normalized_shape}")
    gamma = np.ones(width) if module.weight is None else numbers(module.weight)
    beta = np.zeros(width) if module.bias is None else numbers(module.bias)
    norm = LayerNorm(gamma=Table.real(gamma), beta=Table.real(beta), eps=float(module.eps))
    return b.add(norm, stem, x, origin=origin)


def _rms_norm(b: Builder, module: nn.RMSNorm, stem: str, x: str, origin: str) -> str:
    width = b.type(x).shape[0]
    if tuple(module.normalized_shape) != (width,):
        raise TypeFault(f"RMS norm must cover the {width} channels of one step, not {module.normalized_shape}")
    gamma = np.ones(width) if module.weight is None else numbers(module.weight)
    # Without an eps, torch takes that of the numbers at hand, which are float64 here as in every check of the trace.
    eps = torch.finfo(torch.float64).eps if module.eps is None else float(module.eps)
    return b.add(RMSNorm(gamma=Table.real(gamma), eps=eps), stem, x, origin=origin)


def _glu(b: Builder, module: nn.GLU, stem: str, x: str, origin: str) -> str:
    if module.dim not in (-1, 2):
        raise TypeFault(f"GLU must split the channels (dim=-1), not dim={module.dim}")
    return b.add(Glu(), stem, x, origin=origin)


def _activation(kind: str) -> ModuleHandler:
    def handler(b: Builder, module: nn.Module, stem: str, x: str, origin: str) -> str:
        return b.add(Activation(kind=kind), stem, x, origin=origin)

    return handler


def _gelu(b: Builder, module: nn.GELU, stem: str, x: str, origin: str) -> str:
    kind = "gelu_tanh" if module.approximate == "tanh" else "gelu"
    return b.add(Activation(kind=kind), stem, x, origin=origin)


def _nothing(b: Builder, module: nn.Module, stem: str, x: str, origin: str) -> str:
    return x


MODULES: dict[type[nn.Module], ModuleHandler] = {
    S4D: _s4d,
    nn.Linear: _linear,
    nn.GELU: _gelu,
    nn.ReLU: _activation("relu"),
    nn.SiLU: _activation("silu"),
    nn.Sigmoid: _activation("sigmoid"),
    nn.Tanh: _activation("tanh"),
    QGELU: _activation("qgelu"),
    nn.GLU: _glu,
    nn.LayerNorm: _layer_norm,
    nn.RMSNorm: _rms_norm,
    ChannelBatchNorm: _batch_norm,
    MeanPool: _mean_pool,
    nn.Identity: _nothing,
    nn.Dropout: _nothing,
}
# Functions of tensors alone, by the mnemonic and attributes of the op that they become.
FUNCTIONS: dict[Any, Op] = {
    operator.add: Add(),
    operator.iadd: Add(),
    torch.add: Add(),
    operator.mul: Mul(),
    operator.imul: Mul(),
    torch.mul: Mul(),
    torch.relu: Activation(kind="relu"),
    nn.functional.relu: Activation(kind="relu"),
    nn.functional.gelu: Activation(kind="gelu"),
    nn.functional.silu: Activation(kind="silu"),
    torch.sigmoid: Activation(kind="sigmoid"),
    torch.tanh: Activation(kind="tanh"),
    torch.exp: Activation(kind="exp"),
}


def function_op(function: Any, options: dict[str, Any]) -> Op | None:
    """The op that a function and its keyword arguments stand for, not yet placed in a graph, or None."""
    options = {name: value for name, value in options.items() if name != "inplace"}
    if function is nn.functional.gelu and options.pop("approximate", "none") == "tanh":
        return Activation(kind="gelu_tanh")
    return None if options else FUNCTIONS.get(function)


SUPPORTED_MODULES: dict[str, str] = {
    "qssmc.models.S4D": "diagonal SSM, ZOH or bilinear, complex states",
    "torch.nn.Linear": "encoder, mixing, decoder",
    "torch.nn.GELU / ReLU / SiLU / Sigmoid / Tanh": "lookup tables, exact to the output LSB",
    "qssmc.models.blocks.QGELU": "lookup table",
    "torch.nn.GLU": "over the channels",
    "torch.nn.LayerNorm / RMSNorm": "over the channels of one step",
    "qssmc.models.blocks.ChannelBatchNorm": "folded where a Linear is beside it",
    "qssmc.models.blocks.MeanPool": "before a final Linear",
    "torch.nn.Identity / Dropout": "removed",
}
SUPPORTED_FUNCTIONS: dict[str, str] = {
    "+, *, torch.add, torch.mul": "of two tensors of one shape",
    "torch.relu / sigmoid / tanh / exp, torch.nn.functional.gelu / relu / silu": "lookup tables",
}
