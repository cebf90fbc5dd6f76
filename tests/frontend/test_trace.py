"""Trace: every module and function that is supported, and one clear error for all that is not."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend import SUPPORTED_FUNCTIONS, SUPPORTED_MODULES, compare_with_module, trace
from qssmc.frontend.handlers import FUNCTIONS, METHODS, MODULES
from qssmc.ir import Graph, verify
from qssmc.models import ModelConfig
from qssmc.models.blocks import QGELU, ChannelBatchNorm, MeanPool
from qssmc.models.s4d import S4D
from qssmc_sim import run
from support.random_models import configs, random_model, sensor_samples, to_real


class Calls(nn.Module):
    """A module whose forward is a function of itself and its input."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.body = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, u: Tensor) -> Any:
        return self.body(self, u)


def assert_same(module: nn.Module, d_input: int, length: int = 20) -> Graph:
    """The traced graph is valid and answers as the module does, in float64."""
    graph = trace(module.eval(), d_input)
    assert verify(graph) is graph
    samples = to_real(sensor_samples(d_input, length=length)) * 4.0 - 2.0
    error = compare_with_module(graph, module, samples, lambda g, x: run(g, x).outputs)
    assert error < 1e-9
    return graph


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


# --- what has no IR form ---------------------------------------------------------------------------------------------


def refused(module: nn.Module, d_input: int = 2) -> str:
    with pytest.raises(UnsupportedModelError) as caught:
        trace(module, d_input)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_unsupported_parts_come_in_one_error_with_their_paths() -> None:
    inner = Calls(lambda m, u: torch.sin(torch.flip(m.conv(u), [1])), conv=nn.LSTM(2, 2))
    message = refused(nn.Sequential(nn.Linear(2, 2), nn.Softmax(-1), inner, nn.Hardshrink()))
    for part in (
        "1: Softmax; leave it out of the model",
        "torch.nn.modules.rnn.LSTM; its gates are no linear recurrence",
        "): flip; it reads samples that are still to come",
        "): sin; use GELU, SiLU, ReLU, Sigmoid or Tanh, or what is below",
        "3: torch.nn.modules.activation.Hardshrink; use GELU, SiLU, ReLU",
    ):
        assert part in message
    assert message.startswith("the model has parts without an IR form: ")
    assert "torch.nn.Linear" in message.split("Supported: ")[1]


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, u: m.a(u) * None, "arithmetic with NoneType"),
        (lambda m, u: m.a(u) / m.a(u), "a division by a value of the input; divide by constants"),
        (lambda m, u: m.a(u) / u.shape[1], "a division by a length that no design knows"),
        (lambda m, u: torch.add(input=m.a(u), other=u), "add with input, other; give tensors alone, by position"),
        (lambda m, u: m.a(input=u), "Linear is called with anything but one tensor; call it as module(x)"),
        (lambda m, u: m.a(u) + torch.ones(5, 2), "a constant of shape (5, 2) beside (batch, time, 2 channels)"),
        (lambda m, u: m.a(u) @ m.a(u), "mix channels by torch.nn.Linear"),
        (lambda m, u: m.a(u) ** 3, "of powers, x ** 2 alone has a form"),
        (lambda m, u: m.a(u).sum(1), "a sum over time grows without bound"),
        (lambda m, u: torch.cat([m.a(u), u], 1), "samples come one by one: join channels"),
        (lambda m, u: torch.cat([m.a(u), torch.ones(2)], -1), "cat with a constant; put it into the bias"),
        (lambda m, u: m.a(u).chunk(2, 1), "samples come one by one: split the channels"),
        (lambda m, u: F.glu(m.a(u), 1), "GLU must split the channels"),
        (lambda m, u: F.layer_norm(m.a(u), (5,)), "it must cover the channels of one step"),
        (lambda m, u: F.softmax(m.a(u), 1), "it must compare the answers"),
        (lambda m, u: m.a(u).view(u.shape[1], u.shape[0], 2), "keep the order of batch and time"),
        (lambda m, u: m.a(u).reshape(7, -1), "write the extents of batch and time as x.shape[0]"),
        (lambda m, u: m.a(u).transpose(1, 2).reshape(u.shape[0], -1), "keep batch, time and channels apart"),
        (lambda m, u: m.a(u.transpose(1, 2)), "its channels must be the last axis: write x.transpose(1, 2)"),
        (lambda m, u: m.a(u) + u.transpose(1, 2), "bring both into one layout"),
        (lambda m, u: m.a(u) * 1j, "arithmetic with complex"),
        (lambda m, u: u[:, 1:], "getitem; samples come one by one"),
        (lambda m, u: m.a(u).mean((1, 2)), "a mean must be over time, x.mean(1), with no other option"),
        (lambda m, u: m.a(u).mean(), "a mean must be over time"),
        (lambda m, u: m.a(u).mean(-1), "a mean must be over time"),
    ],
)
def test_calls_without_an_ir_form(forward: Callable[..., Any], words: str) -> None:
    assert words in refused(Calls(forward, a=nn.Linear(2, 2)))


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, u: m.a(u) if u.sum() > 0 else u,
        lambda m, u: next(m.a(u) for _ in range(u.shape[1])),
        lambda m, u: m.a(u) if u.shape[0] == 3 else u,
        lambda m, u: m.missing(u),
        lambda m, u: np.tanh(u),
    ],
    ids=["branch", "loop", "shape", "attribute", "numpy"],
)
def test_forwards_that_cannot_be_traced(forward: Callable[..., Any]) -> None:
    message = refused(Calls(forward, a=nn.Linear(2, 2)))
    assert message.startswith("Calls cannot be traced by torch.fx at test_trace.py, line ")
    assert "must not branch or loop on the values or shapes of tensors" in message


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(bad: float) -> None:
    model = random_model(ModelConfig(d_model=2, d_state=2, norm="batch"))
    with torch.no_grad():
        model.encoder.weight[0] = bad
        model.blocks[0].pre_norm.running_var[:] = bad  # type: ignore[union-attr,index,operator]
    message = refused(model, 1)
    assert "encoder.weight has 1 values that are NaN or infinite" in message
    assert "blocks.0.pre_norm.running_var has 2 values" in message


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(3, 2)), "do not fit together, 0: %0"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 2)), "weight is (2, 2), but the operand is f64[3]"),
        (nn.Sequential(nn.Linear(2, 3), nn.GLU()), "glu needs a real operand of even extent"),
        (nn.Sequential(nn.Linear(2, 3), S4D(2, 2)), "factor has shape (2,), but the operand is f64[3]"),
        (nn.Sequential(nn.Linear(2, 1), S4D(2, 2)), "heads must lie in 0..0"),
        (nn.Sequential(nn.LayerNorm(3)), "layer norm must cover the 2 channels of one step, not (3,)"),
        (nn.Sequential(nn.LayerNorm((5, 2))), "layer norm must cover the 2 channels of one step, not (5, 2)"),
        (nn.Sequential(nn.GLU(dim=1)), "GLU must split the channels (dim=-1), not dim=1"),
        (nn.Sequential(ChannelBatchNorm(2, track_running_stats=False)), "without running statistics cannot stream"),
        (Calls(lambda m, u: m.a(u) + u, a=nn.Linear(2, 3)), "): %add (add, from nowhere): operands disagree"),
    ],
)
def test_shapes_that_disagree(module: nn.Module, words: str) -> None:
    assert words.replace("%0", "%m0") in refused(module)


class TwoInputs(nn.Module):
    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        return u + v


def test_more_than_one_input_or_output() -> None:
    assert refused(TwoInputs()) == "the model must take one input, but it takes v too; give it a default"
    for forward in (lambda m, u: (u, (u, u)), lambda m, u: {"y": 3}, lambda m, u: None, lambda m, u: ()):
        assert refused(Calls(forward)).startswith("the model must return one tensor of its input, not ")


def test_several_answers_are_outputs_by_position_or_key() -> None:
    heads = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.Linear(2, 1)})
    for forward, names in (
        (lambda m, u: {name: m.heads[name](u).mean(1) for name in ("a", "b")}, ["a", "b"]),
        (lambda m, u: (m.heads["a"](u), m.heads["b"](u), None)[:2], ["y0", "y1"]),
        (lambda m, u: {"logits": m.heads["a"](u)}, ["logits"]),
        (lambda m, u: [m.heads["a"](u)], ["y"]),
    ):
        module = Calls(forward, heads=heads)
        assert_same(module, 2)
        assert [output.name for output in trace(module, 2).outputs] == names


def test_no_input_at_all() -> None:
    class Deaf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = nn.Parameter(torch.ones(2))

        def forward(self) -> Tensor:
            return torch.tanh(self.value)

    assert "the model must return one tensor of its input, not a Tensor of 2" in refused(Deaf())


def assign(m: nn.Module, u: Tensor) -> Tensor:
    u[:, 0] = 0.0
    return u


# Constructs that no design has, by what the message must say.
REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "control flow on values": (lambda m, u: m.a(u) if u.mean() > 0 else u, "must not branch or loop on the values"),
    "a loop over steps": (
        lambda m, u: [m.a(step) for step in u],
        "a loop over steps may stand in a registered layer alone",
    ),
    "length": (lambda m, u: m.a(u) if len(u) > 3 else u, "must not ask for the length of a tensor"),
    "assignment": (assign, "must not assign to elements of a tensor"),
    "unknown function": (lambda m, u: torch.erf(m.a(u)), "erf; use the modules and functions below"),
    "one step": (lambda m, u: m.a(u)[:, 0], "samples come one by one, and x[:, -1] and x.mean(1) read the time axis"),
    "cumsum": (lambda m, u: m.a(u).cumsum(1), "take the mean over time"),
    "flip": (lambda m, u: m.a(u) + m.a(u.flip(1)), "samples that are still to come"),
    "conv": (lambda m, u: F.conv1d(u, torch.ones(2, 2, 3)), "it takes (batch, channels, time)"),
    "dropout that is on": (lambda m, u: F.dropout(m.a(u), 0.1), "dropout must be off in evaluation"),
    "in place": (lambda m, u: m.a(u).mul_(2), "instead of changing a tensor in place"),
    "any in place": (lambda m, u: m.a(u).exp_(), "instead of changing a tensor in place"),
    "softmax": (lambda m, u: m.a(F.softmax(m.a(u), -1)), "the largest answer stays the largest without it"),
    "item": (lambda m, u: m.a(u).item(), "keep to tensors"),
    "random": (lambda m, u: m.a(u) + torch.randn_like(u), "draws no random numbers"),
    "shape": (lambda m, u: m.a(u) * u.shape[1], "a design knows no length"),
    "a second end of time": (
        lambda m, u: m.a(u).mean(1).mean(1),
        "the mean over time of a mean over time; take it once",
    ),
    "a step meets the mean": (lambda m, u: m.a(u) + m.a(u).mean(1), "a value of every step meets one that comes after"),
    "states after the end": (lambda m, u: m.s(m.a(u).mean(1)), "a layer with states stands after the end"),
    "own code fails": (lambda m, u: 1 / 0, "division by zero"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_design_has_is_refused_with_what_to_write_instead(case: str) -> None:
    forward, words = REFUSED[case]
    message = refused(Calls(forward, a=nn.Linear(2, 2), s=S4D(2, 2)))
    assert words in message
    assert "test_trace.py, line " in message


def test_the_line_is_the_one_that_calls() -> None:
    inner = Calls(lambda m, u: u.cumsum(1))
    line = REFUSED["cumsum"][0].__code__.co_firstlineno
    assert f"forward (test_trace.py, line {line}): cumsum" in refused(Calls(REFUSED["cumsum"][0], a=nn.Linear(2, 2)))
    assert "1 (test_trace.py, line " in refused(nn.Sequential(nn.Linear(2, 2), inner))


def test_what_is_no_module_or_has_no_numbers() -> None:
    with pytest.raises(UsageError, match=r"must be a torch.nn.Module, not dict"):
        trace({}, 2)  # type: ignore[arg-type]
    assert "has no numbers in weight, bias" in refused(nn.LazyLinear(3))
    assert "has no numbers in 0.weight" in refused(nn.Sequential(nn.Linear(2, 2, device="meta")))
    assert "is TorchScript" in refused(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 3, 2)))  # type: ignore[arg-type]


def test_hooks() -> None:
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].register_forward_hook(lambda part, given, answer: 2 * answer)
    assert refused(module).startswith("0 has forward hooks, which no design runs; remove them (handle.remove())")
    spectral = nn.utils.spectral_norm(nn.Linear(2, 3))
    assert_same(nn.Sequential(spectral), 2)


def test_a_module_that_cannot_be_copied() -> None:
    module = nn.Sequential(nn.Linear(2, 2))
    module.kept = threading.Lock()  # type: ignore[assignment]
    assert "cannot be copied (" in refused(module)


@pytest.mark.parametrize(
    ("forward", "layout"),
    [
        (lambda m, u: m.a(u).reshape(1, -1, 2), "(1, batch * time, 2 channels)"),
        (lambda m, u: m.a(u).transpose(1, 2), "(batch, 2 channels, time)"),
    ],
)
def test_answers_in_another_layout(forward: Callable[..., Any], layout: str) -> None:
    message = refused(Calls(forward, a=nn.Linear(2, 2)))
    assert f"the model answers with axes {layout}; it must answer with (batch, time, channels)" in message


def test_complex_weights_that_are_not_finite() -> None:
    module = nn.Sequential(nn.Linear(2, 2))
    module.register_buffer("poles", torch.full((3,), complex(0.0, float("nan"))))
    assert "poles has 3 values that are NaN or infinite" in refused(module)
