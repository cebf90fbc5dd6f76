"""Trace: every module and function that is supported, and one clear error for all that is not."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from qssmc.frontend import SUPPORTED_FUNCTIONS, SUPPORTED_MODULES, trace
from qssmc.frontend.handlers import FUNCTIONS, METHODS, MODULES
from qssmc.models import ModelConfig
from qssmc.models.blocks import QGELU, ChannelBatchNorm, MeanPool
from qssmc.models.s4d import S4D
from support.random_models import configs, random_model
from support.traced import Calls, assert_same


@settings(max_examples=20)
@given(config=configs(), seed=st.integers(0, 99))
def test_recurrent_ir_equals_the_convolution(config: ModelConfig, seed: int) -> None:
    assert_same(random_model(config, seed), config.d_input)


def batch_norm(**options: Any) -> ChannelBatchNorm:
    norm = ChannelBatchNorm(3, **options)
    if norm.running_mean is not None and norm.running_var is not None:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return norm


def with_statistics(norm: nn.BatchNorm1d) -> nn.BatchNorm1d:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2.0)
    return norm


def with_shape(x: Tensor) -> Tensor:
    batch, length, channels = x.shape
    return x.reshape(batch * length, channels).view(batch, length, channels)


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


def gated(x: Tensor) -> Tensor:
    value, gate = x.chunk(2, dim=-1)
    return value * torch.sigmoid(gate)


MODULE_CASES: dict[str, Callable[[], nn.Module]] = {
    "S4D zoh": lambda: S4D(3, 2, "zoh"),
    "S4D bilinear": lambda: S4D(3, 4, "bilinear"),
    "Linear": lambda: nn.Linear(3, 5),
    "Linear without bias": lambda: nn.Linear(3, 2, bias=False),
    "GELU": nn.GELU,
    "GELU tanh": lambda: nn.GELU(approximate="tanh"),
    "ReLU": nn.ReLU,
    "SiLU": nn.SiLU,
    "Sigmoid": nn.Sigmoid,
    "Tanh": nn.Tanh,
    "Softplus": nn.Softplus,
    "Softplus beta": lambda: nn.Softplus(beta=3.0),
    "QGELU": QGELU,
    "GLU": lambda: nn.Sequential(nn.Linear(3, 4), nn.GLU()),
    "GLU dim 2": lambda: nn.Sequential(nn.Linear(3, 4), nn.GLU(dim=2)),
    "LayerNorm": lambda: nn.LayerNorm(3),
    "LayerNorm plain": lambda: nn.LayerNorm(3, eps=0.1, elementwise_affine=False),
    "LayerNorm without bias": lambda: nn.LayerNorm(3, bias=False),
    "RMSNorm": lambda: nn.RMSNorm(3, eps=0.1),
    "RMSNorm plain": lambda: nn.RMSNorm(3, elementwise_affine=False),
    "ChannelBatchNorm": batch_norm,
    "ChannelBatchNorm plain": lambda: batch_norm(affine=False),
    "MeanPool": MeanPool,
    "Identity": nn.Identity,
    "Dropout": lambda: nn.Dropout(0.5),
    "Dropout1d": lambda: nn.Dropout1d(0.5),
    "Dropout2d": lambda: Calls(lambda m, x: m.d(x.mT).mT, d=nn.Dropout2d(0.5)),
    "Dropout3d": lambda: Calls(lambda m, x: m.d(x[..., None, None])[..., 0, 0], d=nn.Dropout3d(0.5)),
    "FeatureAlphaDropout": lambda: nn.FeatureAlphaDropout(0.5),
    "AlphaDropout": lambda: nn.AlphaDropout(0.5),
    "Conv1d": lambda: Calls(lambda m, x: m.c(x.mT).mT, c=nn.Conv1d(3, 5, 1)),
    "Conv1d of groups": lambda: Calls(lambda m, x: m.c(x.mT).mT, c=nn.Conv1d(3, 6, 1, groups=3, bias=False)),
    "GLU of transposed": lambda: Calls(lambda m, x: m.g(m.c(x.mT)).mT, c=nn.Conv1d(3, 6, 1), g=nn.GLU(dim=-2)),
    "BatchNorm1d": lambda: Calls(lambda m, x: m.n(x.transpose(-1, -2)).mT, n=with_statistics(nn.BatchNorm1d(3))),
    "BatchNorm1d plain": lambda: Calls(lambda m, x: m.n(x.mean(1)), n=with_statistics(nn.BatchNorm1d(3, affine=False))),
    "Softmax": lambda: nn.Softmax(-1),
    "LogSoftmax": lambda: nn.LogSoftmax(dim=2),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)),
    "older weight norm": lambda: nn.utils.weight_norm(nn.Linear(3, 2)),
    "orthogonal": lambda: nn.utils.parametrizations.orthogonal(nn.Linear(3, 3)),
    "bfloat16": lambda: nn.Linear(3, 2).bfloat16(),
}


@pytest.mark.parametrize("case", MODULE_CASES)
def test_every_module(case: str) -> None:
    assert_same(nn.Sequential(nn.Linear(2, 3), MODULE_CASES[case]()), 2)


def test_every_module_with_a_handler_is_tested_and_told_of() -> None:
    made = {type(part) for make in MODULE_CASES.values() for part in make().modules()}
    assert set(MODULES) <= made
    told = " ".join(SUPPORTED_MODULES)
    assert all(module.__name__ in told for module in MODULES)


@pytest.mark.parametrize("case", ["S4D zoh", "Linear", "Tanh", "MeanPool"])
def test_a_supported_module_alone(case: str) -> None:
    graph = assert_same(MODULE_CASES[case](), 3)
    assert {op.origin for op in graph.ops} <= {"input", "0"}


FUNCTION_CASES: dict[str, tuple[Any, Callable[[Tensor, Tensor], Tensor]]] = {
    "+": (operator.add, lambda x, y: x + y),
    "torch.add": (torch.add, torch.add),
    "*": (operator.mul, lambda x, y: x * y),
    "torch.mul": (torch.mul, torch.mul),
    "torch.relu": (torch.relu, lambda x, y: torch.relu(x)),
    "relu": (F.relu, lambda x, y: F.relu(x)),
    "relu inplace": (F.relu, lambda x, y: F.relu(x + y, inplace=True)),
    "gelu": (F.gelu, lambda x, y: F.gelu(x)),
    "gelu none": (F.gelu, lambda x, y: F.gelu(x, approximate="none")),
    "gelu tanh": (F.gelu, lambda x, y: F.gelu(x, approximate="tanh")),
    "silu": (F.silu, lambda x, y: F.silu(x)),
    "torch.sigmoid": (torch.sigmoid, lambda x, y: torch.sigmoid(x)),
    "torch.tanh": (torch.tanh, lambda x, y: torch.tanh(x)),
    "torch.exp": (torch.exp, lambda x, y: torch.exp(x)),
    "torch.rsqrt": (torch.rsqrt, lambda x, y: torch.rsqrt(torch.exp(x))),
    "F.softplus": (F.softplus, lambda x, y: F.softplus(x)),
    "F.sigmoid": (F.sigmoid, lambda x, y: F.sigmoid(x)),
    "F.tanh": (F.tanh, lambda x, y: F.tanh(x)),
}


def in_place(x: Tensor, y: Tensor) -> Tensor:
    z = torch.tanh(x)
    z += y
    z *= x
    return z


@pytest.mark.parametrize("case", [*FUNCTION_CASES, "in place"])
def test_every_function(case: str) -> None:
    function = in_place if case == "in place" else FUNCTION_CASES[case][1]
    module = Calls(lambda m, u: function(m.a(u), m.b(u)), a=nn.Linear(2, 3), b=nn.Linear(2, 3))
    assert_same(module, 2)


def test_every_function_with_an_op_is_tested() -> None:
    named = {function for function, _ in FUNCTION_CASES.values()}
    assert set(FUNCTIONS) == named | {operator.iadd, operator.imul}  # which in_place calls
    assert SUPPORTED_FUNCTIONS


METHOD_CASES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda x, y: x.add(y),
    "mul": lambda x, y: x.mul(y),
    "relu": lambda x, y: x.relu(),
    "exp": lambda x, y: x.exp(),
    "rsqrt": lambda x, y: x.exp().rsqrt(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "tanh": lambda x, y: x.tanh(),
    "contiguous": lambda x, y: x.contiguous() + y,
    "clone": lambda x, y: torch.clone(x.clone()),
    "detach": lambda x, y: x.detach(),
    "dropout off": lambda x, y: F.dropout(x, 0.5, training=False) + F.dropout(y, 0.5, False),
    "mean(1)": lambda x, y: x.mean(1),
    "mean(dim=1)": lambda x, y: (x + y).mean(dim=1),
    "mean(-2)": lambda x, y: torch.tanh(x.mean(-2)),
    "torch.mean": lambda x, y: torch.mean(x, [1]),
    "torch.mean dim": lambda x, y: torch.mean(x, dim=(1,), keepdim=False),
    "last step": lambda x, y: x[:, -1],
    "last step of all channels": lambda x, y: torch.tanh((x + y)[:, -1, :]),
    "last step kept": lambda x, y: x[:, -1:].squeeze(1) * 2,
    "sum over length": lambda x, y: x.sum(1) / x.shape[1],
    "sum over size": lambda x, y: x.sum(dim=1, keepdim=True) / x.size(1),
    "mean kept": lambda x, y: x.mean(1, keepdim=True),
    "transposed mean": lambda x, y: x.transpose(1, 2).mean(-1),
    "transpose": lambda x, y: torch.tanh(x.transpose(1, 2).contiguous()).mT + y,
    "permute": lambda x, y: x.permute(1, 2, 0).permute(2, 0, 1) * y,
    "movedim": lambda x, y: x.movedim(-1, 1).movedim(1, 2),
    "view": lambda x, y: x.view(x.shape[0], x.size(1), -1).reshape(-1, 3).reshape(y.shape),
    "view of channels": lambda x, y: torch.cat([x, y], -1).view(x.shape[0], -1, 2, 3).transpose(2, 3).flatten(2),
    "unflatten": lambda x, y: torch.cat([x, y], 2).unflatten(2, (2, 3)).flatten(-2, -1),
    "unpacked shape": lambda x, y: with_shape(x),
    "unsqueeze": lambda x, y: x.unsqueeze(0).squeeze(0)[None].squeeze(0),
    "slice of channels": lambda x, y: x[..., 1:] - y[:, :, :2],
    "one channel": lambda x, y: x[..., 0],
    "split": lambda x, y: torch.split(x, [1, 2], -1)[1] + y.split(2, dim=-1)[0],
    "chunk": lambda x, y: gated(torch.cat((x, y, x, x), dim=-1)),
    "cat": lambda x, y: torch.tanh(torch.cat([x, y, x], dim=2)),
    "cat of transposed": lambda x, y: torch.cat([x.mT, y.mT], 1).mT,
    "numbers": lambda x, y: -(2 * x - 1.5) / 3 + (1 - y) * 0.5 - 1,
    "rsub": lambda x, y: torch.rsub(x, 2.0) - torch.neg(y),
    "constants": lambda x, y: x * torch.arange(3.0) + torch.exp(torch.ones(1, 1, 3)) - x.transpose(1, 2).mT,
    "constants of transposed": lambda x, y: (x.mT * torch.arange(3.0)[:, None] + torch.ones(3, 1)).mT,
    "square": lambda x, y: x**2 - torch.square(y),
    "broadcast channel": lambda x, y: x * y[..., :1],
    "glu": lambda x, y: F.glu(torch.cat([x, y], -1), -1),
    "glu of transposed": lambda x, y: F.glu(torch.cat([x, y], -1).mT, dim=1).mT,
    "layer norm": lambda x, y: F.layer_norm(x, (3,)) + F.layer_norm(y, [3], ones(3), ones(3), 0.1),
    "rms norm": lambda x, y: F.rms_norm(x, (3,), eps=0.1) + F.rms_norm(y, (3,), ones(3), 0.1),
    "linear": lambda x, y: F.linear(x, ones(2, 3), ones(2)) + y @ ones(3, 2),
    "softmax at the end": lambda x, y: F.softmax(x.mean(1), dim=-1),
    "log softmax at the end": lambda x, y: torch.log_softmax(x, -1),
    "numbers of another kind": lambda x, y: x.double() + y.to(torch.float64).type_as(x),
    "dimensions": lambda x, y: x.flatten(x.dim() - 1).unsqueeze(x.ndim).squeeze(-1),
    "answer and state": lambda x, y: (x + y, None),  # type: ignore[dict-item,return-value]
}


@pytest.mark.parametrize("case", METHOD_CASES)
def test_every_method_and_every_reading_of_time(case: str) -> None:
    module = Calls(lambda m, u: METHOD_CASES[case](m.a(u), m.b(u)), a=nn.Linear(2, 3), b=nn.Linear(2, 3))
    assert_same(module, 2)


def test_every_method_with_an_op_is_tested() -> None:
    assert set(METHODS) <= set(METHOD_CASES)


class Defaults(nn.Module):
    """A forward with arguments that a compiled design leaves at their defaults."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 3)

    def forward(self, u: Tensor, state: Tensor | None = None, rate: float = 1.0, *, name: str = "x") -> Any:
        x = self.a(u)
        if state is not None and rate != 1.0:
            x = x * state
        return x if name == "x" else torch.flip(x, [1])


def test_arguments_with_defaults_take_them() -> None:
    assert_same(Defaults(), 2)


def test_wrappers_and_kinds_of_numbers() -> None:
    model = nn.Sequential(nn.Linear(2, 3), S4D(3, 2), nn.LayerNorm(3))
    plain = trace(model, 2)
    assert trace(nn.DataParallel(model), 2) == plain
    assert trace(torch.compile(model), 2) == plain  # type: ignore[arg-type]
    assert model.training, "the module of the user stays as it is"
    half = trace(nn.Sequential(nn.Linear(2, 3)).half(), 2)
    assert half.ops[1].tables()["weight"].data.dtype == np.float64


def test_origins_are_the_torch_paths() -> None:
    config = ModelConfig(d_model=3, d_state=2, n_layers=2, norm="layer")
    graph = trace(random_model(config), 1)
    modules = dict(random_model(config).named_modules())
    assert {op.origin for op in graph.ops} <= {"input", *modules}
    assert graph["encoder"].origin == "encoder"
    assert graph["blocks_1_ssm_ax"].origin == "blocks.1.ssm"
    assert graph["blocks_0_add"].origin == "blocks.0"
    assert graph["pool"].origin == "pool"


def test_the_same_module_twice_has_two_states() -> None:
    module = Calls(lambda m, u: m.s(torch.tanh(m.s(u))), s=S4D(2, 3))
    graph = assert_same(module, 2)
    assert [state.name for state in graph.states] == ["s_x", "s_x_2"]


def test_module_names_that_look_like_derived_ones() -> None:
    module = Calls(lambda m, u: m.s(m.s_x(u)) + m.s_y(u), s_x=nn.Linear(2, 2), s=S4D(2, 2), s_y=nn.Linear(2, 2))
    assert_same(module, 2)


def test_names_that_no_identifier_can_have() -> None:
    module = nn.Sequential()
    module.add_module("0", nn.Linear(2, 2))
    module.add_module("größe", nn.Linear(2, 2))
    assert_same(nn.Sequential(module), 2)


def test_the_input_itself_may_be_the_answer() -> None:
    assert_same(nn.Sequential(nn.Identity()), 2)
