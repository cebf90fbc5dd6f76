"""Handlers: one table of records of how each torch module or function that the frontend takes becomes IR ops."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.frontend.axes import TIME, Axis, Refused, Signal, told
from qssmc.frontend.op_maker import mean_of
from qssmc.frontend.quantiser import table_of
from qssmc.ir.build import Builder
from qssmc.ir.ops import (
    Activation,
    Add,
    Decay,
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
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import Type
from qssmc.models.blocks import QGELU, ChannelBatchNorm, MeanPool
from qssmc.models.s4d import S4D

Where = Literal["last", "second", "dim", "any", "end"]
# (builder, module, stem of the names, operand, origin) -> value
BuildModule = Callable[[Builder, Any, str, str, str], str]


@dataclass(frozen=True)
class ModuleHandler:
    """A torch module that becomes ops: its class, where a user imports it from, who builds the ops, and what they are.

    build gets (builder, module, stem, operand, origin): it adds ops to the builder under fresh names that begin with
    the stem, each with the origin, and returns the name of the result. operand is the value of one step, a vector of
    the channels. It raises TypeFault, with what must be otherwise, for a module that it cannot take.
    ends_time: the result comes once, after the last sample, as the mean over time does.
    axis: where the channels must lie: "last"; "second", as in (batch, channels, time); "dim", at the module's dim;
    "any", wherever they lie, as the result does; "end", for what is left out at the end of a model.
    """

    module: type[nn.Module]
    home: str
    build: BuildModule
    becomes: str
    ends_time: bool = False
    axis: Where = "last"


@dataclass(frozen=True)
class FunctionHandler:
    """Functions of tensors, and methods of a tensor, that become one op. shown: its name in the table of support."""

    shown: str
    functions: tuple[Any, ...]
    methods: tuple[str, ...]
    op: Op
    becomes: str


def numbers(tensor: torch.Tensor) -> NDArray[np.float64]:
    """A parameter as float64."""
    return tensor.detach().cpu().double().numpy()


def _linear(b: Builder, module: nn.Linear, stem: str, x: str, origin: str) -> str:
    bias = np.zeros(module.out_features) if module.bias is None else numbers(module.bias)
    return b.add(Matvec(weight=table_of(module.weight), bias=Table.real(bias)), stem, x, origin=origin)


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


def mean_over_time(b: Builder, module: MeanPool | None, stem: str, x: str, origin: str) -> str:
    """The mean over time."""
    return mean_of(b, stem, x, origin)


def _batch_norm(b: Builder, module: nn.BatchNorm1d, stem: str, x: str, origin: str) -> str:
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
    return b.add(Glu(), stem, x, origin=origin)


def _conv(b: Builder, module: nn.Conv1d, stem: str, x: str, origin: str) -> str:
    """A convolution of one tap: a matrix product a step, in blocks where it has groups."""
    given = (module.kernel_size, module.stride, module.padding, module.dilation)
    if module.kernel_size != (1,) or module.stride != (1,) or module.padding not in ((0,), "valid", "same"):
        raise TypeFault(f"Conv1d of one tap must have stride 1 and no padding, not {given[1:3]}")
    taps = numbers(module.weight)[:, :, 0]
    weight = np.zeros((module.out_channels, module.in_channels))
    rows, columns = module.out_channels // module.groups, module.in_channels // module.groups
    for group in range(module.groups):
        at = slice(group * rows, (group + 1) * rows), slice(group * columns, (group + 1) * columns)
        weight[at] = taps[group * rows : (group + 1) * rows]
    bias = np.zeros(len(weight)) if module.bias is None else numbers(module.bias)
    taps_grid = table_of(module.weight).grid
    grid = None if taps_grid is None else Grid.of(taps_grid.scale.reshape(taps_grid.scale.shape[:2]), taps_grid.width)
    return b.add(Matvec(weight=Table.real(weight, grid), bias=Table.real(bias)), stem, x, origin=origin)


def axes_after(handler: ModuleHandler, module: nn.Module, x: Signal) -> tuple[Axis, ...]:
    """The axes of a module's result, its channels not yet counted; raises Refused where the operand lies otherwise."""
    name, count = type(module).__name__, len(x.axes)
    if handler.axis in ("any", "end"):
        return x.axes
    places = {"last": count - 1, "second": 1, "dim": int(getattr(module, "dim", -1)) % max(count, 1)}
    place = places[handler.axis]
    if x.channels != (place,):
        if handler.axis == "dim":
            raise TypeFault(f"{name} must split the channels (dim=-1), not dim={getattr(module, 'dim', None)}")
        where = "the last axis" if handler.axis == "last" else "axis 1"
        raise Refused(f"{name} of {told(x.axes)}; its channels must be {where}: write x.transpose(1, 2) before it")
    axes = tuple(axis for axis in x.axes if axis != TIME) if handler.ends_time else x.axes
    if handler.ends_time and axes == x.axes and not x.closed:
        raise Refused(f"{name} of {told(x.axes)}; there is no axis of time")
    return axes


def _activation(kind: str) -> BuildModule:
    def build(b: Builder, module: nn.Module, stem: str, x: str, origin: str) -> str:
        return b.add(Activation(kind=kind), stem, x, origin=origin)

    return build


def _gelu(b: Builder, module: nn.GELU, stem: str, x: str, origin: str) -> str:
    kind = "gelu_tanh" if module.approximate == "tanh" else "gelu"
    return b.add(Activation(kind=kind), stem, x, origin=origin)


def _softplus(b: Builder, module: nn.Softplus, stem: str, x: str, origin: str) -> str:
    """log(1 + e^(beta x)) / beta; beyond its threshold torch takes x itself, 2e-9 away where the threshold is 20."""
    if module.threshold < 20:
        raise TypeFault(f"Softplus must have a threshold of 20 or more, not {module.threshold:g}")
    if module.beta == 1:
        return b.add(Activation(kind="softplus"), stem, x, origin=origin)
    beta = float(module.beta)
    x = b.add(Scale(factor=Table.real(beta)), b.fresh(f"{stem}_beta"), x, origin=origin)
    y = b.add(Activation(kind="softplus"), b.fresh(f"{stem}_curve"), x, origin=origin)
    return b.add(Scale(factor=Table.real(1.0 / beta)), stem, y, origin=origin)


def _nothing(b: Builder, module: nn.Module, stem: str, x: str, origin: str) -> str:
    return x


_TABLES = "lookup tables, exact to the output LSB"
MODULE_HANDLERS: tuple[ModuleHandler, ...] = (
    ModuleHandler(S4D, "qssmc.models", _s4d, "diagonal SSM, ZOH or bilinear, complex states"),
    ModuleHandler(nn.Linear, "torch.nn", _linear, "encoder, mixing, decoder"),
    ModuleHandler(nn.GELU, "torch.nn", _gelu, _TABLES, axis="any"),
    ModuleHandler(nn.ReLU, "torch.nn", _activation("relu"), _TABLES, axis="any"),
    ModuleHandler(nn.SiLU, "torch.nn", _activation("silu"), _TABLES, axis="any"),
    ModuleHandler(nn.Sigmoid, "torch.nn", _activation("sigmoid"), _TABLES, axis="any"),
    ModuleHandler(nn.Tanh, "torch.nn", _activation("tanh"), _TABLES, axis="any"),
    ModuleHandler(nn.Softplus, "torch.nn", _softplus, _TABLES, axis="any"),
    ModuleHandler(QGELU, "qssmc.models.blocks", _activation("qgelu"), "lookup table", axis="any"),
    ModuleHandler(nn.GLU, "torch.nn", _glu, "over the channels", axis="dim"),
    ModuleHandler(nn.LayerNorm, "torch.nn", _layer_norm, "over the channels of one step"),
    ModuleHandler(nn.RMSNorm, "torch.nn", _rms_norm, "over the channels of one step"),
    ModuleHandler(ChannelBatchNorm, "qssmc.models.blocks", _batch_norm, "folded where a Linear is beside it"),
    ModuleHandler(MeanPool, "qssmc.models.blocks", mean_over_time, "before a final Linear", ends_time=True),
    ModuleHandler(nn.Identity, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.Dropout, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.Dropout1d, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.Dropout2d, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.Dropout3d, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.AlphaDropout, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.FeatureAlphaDropout, "torch.nn", _nothing, "removed", axis="any"),
    ModuleHandler(nn.Conv1d, "torch.nn", _conv, "over (batch, channels, time), of the past", axis="second"),
    ModuleHandler(
        nn.BatchNorm1d, "torch.nn", _batch_norm, "over (batch, channels, time); folded beside a Linear", axis="second"
    ),
    ModuleHandler(nn.Softmax, "torch.nn", _nothing, "left out at the end of a model", axis="end"),
    ModuleHandler(nn.LogSoftmax, "torch.nn", _nothing, "left out at the end of a model", axis="end"),
)
_SUM = "of two tensors of one shape"
FUNCTION_HANDLERS: tuple[FunctionHandler, ...] = (
    FunctionHandler("+", (operator.add, operator.iadd), (), Add(), _SUM),
    FunctionHandler("*", (operator.mul, operator.imul), (), Mul(), _SUM),
    FunctionHandler("torch.add", (torch.add,), ("add",), Add(), _SUM),
    FunctionHandler("torch.mul", (torch.mul,), ("mul",), Mul(), _SUM),
    FunctionHandler("torch.relu", (torch.relu,), ("relu",), Activation(kind="relu"), "lookup tables"),
    FunctionHandler("torch.sigmoid", (torch.sigmoid,), ("sigmoid",), Activation(kind="sigmoid"), "lookup tables"),
    FunctionHandler("torch.tanh", (torch.tanh,), ("tanh",), Activation(kind="tanh"), "lookup tables"),
    FunctionHandler("torch.exp", (torch.exp,), ("exp",), Activation(kind="exp"), "lookup tables"),
    FunctionHandler("torch.rsqrt", (torch.rsqrt,), ("rsqrt",), Activation(kind="rsqrt"), "lookup tables"),
    FunctionHandler("F.gelu", (nn.functional.gelu,), (), Activation(kind="gelu"), "lookup tables"),
    FunctionHandler("F.relu", (nn.functional.relu,), (), Activation(kind="relu"), "lookup tables"),
    FunctionHandler("F.silu", (nn.functional.silu,), (), Activation(kind="silu"), "lookup tables"),
    FunctionHandler("F.sigmoid", (nn.functional.sigmoid,), (), Activation(kind="sigmoid"), "lookup tables"),
    FunctionHandler("F.tanh", (nn.functional.tanh,), (), Activation(kind="tanh"), "lookup tables"),
    FunctionHandler("F.softplus", (nn.functional.softplus,), (), Activation(kind="softplus"), "lookup tables"),
)
MODULES: Mapping[type[nn.Module], ModuleHandler] = {handler.module: handler for handler in MODULE_HANDLERS}
FUNCTIONS: Mapping[Any, FunctionHandler] = {
    function: handler for handler in FUNCTION_HANDLERS for function in handler.functions
}
METHODS: Mapping[str, FunctionHandler] = {
    method: handler for handler in FUNCTION_HANDLERS for method in handler.methods
}


def one_op(target: Any, options: Mapping[str, Any]) -> Op | None:
    """The op, not yet placed in a graph, that a function, or a method by name, with keyword arguments stands for.

    >>> one_op(torch.relu, {}) == Activation(kind="relu")
    True
    >>> one_op("tanh", {}) == Activation(kind="tanh")
    True
    >>> one_op(torch.add, {"alpha": 2})
    """
    given = {name: value for name, value in options.items() if name != "inplace"}
    if target is nn.functional.gelu and given.pop("approximate", "none") == "tanh":
        return Activation(kind="gelu_tanh")
    handler = METHODS.get(target) if isinstance(target, str) else FUNCTIONS.get(target)
    return None if handler is None or given else handler.op


def _supported_modules() -> dict[str, str]:
    """The rows of the table of support: modules of one home that become the same share a row."""
    rows: dict[tuple[str, str], list[str]] = {}
    for handler in MODULE_HANDLERS:
        rows.setdefault((handler.home, handler.becomes), []).append(handler.module.__name__)
    ruled = {"torch.nn.LeakyReLU / PReLU / ReLU6 / Hardtanh / Hardsigmoid / Hardswish": "sums of ReLUs"}
    ruled |= {"torch.nn.ELU / SELU / CELU / Mish / LogSigmoid": "made of ReLU, exp, softplus and tanh"}
    ruled |= {"torch.nn.Flatten / Unflatten": "a change of layout alone", "torch.nn.AdaptiveAvgPool1d": "to 1 step"}
    ruled |= {"einops.layers.torch.Rearrange / Reduce": "a change of layout; a mean over time"}
    return {f"{home}.{' / '.join(names)}": becomes for (home, becomes), names in rows.items()} | ruled


RULED: Mapping[str, str] = {
    "x.mean(1), torch.mean(x, 1), x.sum(1) / x.shape[1]": "the mean over time, before the answer",
    "x[:, -1]": "the last step, before the answer",
    "transpose, permute, movedim, view, reshape, flatten, unflatten, squeeze, unsqueeze": "a change of layout alone",
    "einops.rearrange, einops.reduce": "a change of layout; a mean over time",
    "x[..., a:b], x[..., [2, 0, 1]], chunk, split, torch.cat, torch.stack": "of channels",
    "+, -, *, / with numbers and parameters, x ** 2": "folded where a Linear is beside them",
    "F.linear, x @ W, torch.einsum, F.conv1d": "with constant weights",
    "F.glu, F.layer_norm, F.rms_norm, F.batch_norm": "with constant weights",
    "F.leaky_relu, F.prelu, F.elu, F.hardswish, torch.clamp, torch.abs": "sums of ReLUs",
    "F.pad(x, (n, 0)), x[..., :-n] of a padded convolution": "zeros before the first sample, for what looks back",
    "softmax, log_softmax": "left out at the end of a model",
}


def _supported_functions() -> dict[str, str]:
    rows: dict[str, list[str]] = {}
    for handler in FUNCTION_HANDLERS:
        rows.setdefault(handler.becomes, []).append(handler.shown)
    named = {", ".join(names): becomes for becomes, names in rows.items()}
    return {**named, **RULED}


SUPPORTED_MODULES: Mapping[str, str] = _supported_modules()
SUPPORTED_FUNCTIONS: Mapping[str, str] = _supported_functions()
