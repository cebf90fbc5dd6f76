"""Traced: modules made of one function, traced and compared, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend import compare_with_module, trace
from qssmc.ir import Graph, verify
from qssmc_sim import run
from support.random_models import sensor_samples, to_real


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


def refused(module: nn.Module, d_input: int = 2) -> str:
    with pytest.raises(UnsupportedModelError) as caught:
        trace(module, d_input)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)
