"""Identify: layers that a user declares linear and time-invariant, and those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import qssmc
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend import compare_with_module, trace
from qssmc.frontend.layers import Declared
from qssmc.ir import Graph
from qssmc_sim import run
from support import state_spaces as spaces
from support.random_models import sensor_samples, to_real
from tests.frontend.layers.test_registry import Around


def outputs(graph: Graph, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return run(graph, samples).outputs


class Resonator(nn.Module):
    """y[n] = u[n] + 1.6 g y[n - 1] - 0.75 y[n - 2], scaled and shifted, channel by channel."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.tensor([0.9, 0.95, 1.0]))

    def forward(self, u: Tensor) -> Tensor:
        one, two, steps = torch.zeros_like(u[:, 0]), torch.zeros_like(u[:, 0]), []
        for step in u.unbind(1):
            one, two = step + 1.6 * self.g * one - 0.75 * two, one
            steps.append(0.3 * one + 0.1)
        return torch.stack(steps, 1)


class Hidden(spaces.DenseSSM):
    """A dense state space under a name that no handler knows, with all its channels mixed."""


class Function(nn.Module):
    """A layer of one function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, u: Tensor) -> Tensor:
        return torch.as_tensor(self.function(u))


@pytest.mark.parametrize(("layer", "poles"), [(Resonator, 3), (lambda: Hidden(3, 3), 3)])
def test_a_declared_layer_becomes_its_poles(layer: Any, poles: int) -> None:
    torch.manual_seed(0)
    module, said = Around(layer(), "last", 3, 3), list[str]()
    name = type(module.layer).__name__
    graph = trace(module, 1, run=outputs, say=said.append, declared=Declared((name,)))
    (sentence,) = said
    assert sentence.startswith(f"layer: {name} is identified: ")
    assert "off by at most " in sentence
    assert int(sentence.split("identified: ")[1].split()[0]) >= poles
    samples = to_real(sensor_samples(1, length=40))
    assert compare_with_module(graph, module, samples, outputs) < 1e-9
    by_path = trace(module, 1, run=outputs, declared=Declared(("layer",)))
    assert by_path == graph


def test_an_identified_design_is_verified_and_saved(tmp_path: Path) -> None:
    module = Around(Resonator(), "last", 3, 3).eval()
    samples = np.random.default_rng(0).random((6, 30, 1))
    design = qssmc.compile(module, calibration=samples, lti="Resonator", output_dir=tmp_path / "out")
    assert qssmc.verify(tmp_path / "out", sequences=2).sequences == 2
    path = qssmc.save(module, tmp_path / "m.qssm", calibration=samples, lti="Resonator", lti_error=0.01)
    assert design.model is not None
    assert path.read_bytes() == design.model.content
    with pytest.raises(UsageError, match="--lti names layers of a live module"):
        qssmc.compile(path, lti="Resonator")


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (torch.tanh, "it is not linear: the answer to 2 a - 3 b differs"),
        (lambda u: u.flip(1), "it answers before the sample comes"),
        (lambda u: u * torch.arange(u.shape[1])[:, None], "a later sample is answered otherwise"),
        (lambda u: u + torch.arange(u.shape[1])[:, None], "its answer to zeros changes with time"),
        (lambda u: u.cumsum(1), "its impulse response does not decay"),
        (lambda u: nn.functional.pad(u, (0, 0, 7, 0))[:, :-7], "a delay or a convolution of few taps"),
    ],
)
def test_layers_that_are_declared_and_are_not(function: Any, sentence: str) -> None:
    module = Around(Function(function), "last", 3, 3)
    with pytest.raises(UnsupportedModelError) as caught:
        trace(module, 1, run=outputs, declared=Declared(("Function",)))
    assert "Function is declared linear and time-invariant (--lti), but " in str(caught.value)
    assert sentence in str(caught.value)


def test_an_error_above_the_limit_is_told() -> None:
    """A kernel that falls as 1 / n, as no sum of few exponentials does."""
    kernel = 1.0 / torch.arange(1, 513).double()

    def slow(u: Tensor) -> Tensor:
        n = 2 * u.shape[1]
        spectrum = torch.fft.rfft(kernel[: u.shape[1]].to(u.dtype), n=n)[:, None]
        return torch.fft.irfft(torch.fft.rfft(u, n=n, dim=1) * spectrum, n=n, dim=1)[:, : u.shape[1]]

    module = Around(Function(slow), "last", 2, 2)
    with pytest.raises(
        UnsupportedModelError, match=r"poles, the best .* relative over 512 steps \(allowed: 1e-12, --l"
    ):
        trace(module, 1, run=outputs, declared=Declared(("Function",), 1e-12))
    with pytest.raises(UsageError, match="--lti-error must lie between 0 and 1, not 2"):
        Declared((), 2.0)


def test_a_name_that_no_layer_has() -> None:
    with pytest.raises(UsageError, match=r"--lti names Nobody, but .*; its classes are Resonator"):
        trace(Around(Resonator(), "last", 3, 3), 1, run=outputs, declared=Declared(("Nobody",)))
