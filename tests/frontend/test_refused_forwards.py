"""What has no IR form is refused in one sentence that says where it stands and what to write instead."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qssmc.errors import UsageError
from qssmc.frontend import trace
from qssmc.models import ModelConfig
from qssmc.models.blocks import ChannelBatchNorm
from qssmc.models.s4d import S4D
from support.random_models import random_model
from support.traced import Calls, assert_same, refused


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
    assert message.startswith("Calls cannot be traced by torch.fx at test_refused_forwards.py, line ")
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
    assert "test_refused_forwards.py, line " in message


def test_the_line_is_the_one_that_calls() -> None:
    inner = Calls(lambda m, u: u.cumsum(1))
    line = REFUSED["cumsum"][0].__code__.co_firstlineno
    assert f"forward (test_refused_forwards.py, line {line}): cumsum" in refused(
        Calls(REFUSED["cumsum"][0], a=nn.Linear(2, 2))
    )
    assert "1 (test_refused_forwards.py, line " in refused(nn.Sequential(nn.Linear(2, 2), inner))


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
