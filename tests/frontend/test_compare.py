"""Compare: a trace that is wrong stops the compilation, and so does a module that has no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.errors import UnsupportedModelError, VerificationError
from qssmc.frontend import compare_with_module, trace
from qssmc.ir import Graph, Table
from qssmc.ir.ops import Matvec
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc_sim import run
from support.random_models import random_model, sensor_samples, to_real

CONFIG = ModelConfig(d_model=3, d_state=2)


def outputs(graph: Graph, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return run(graph, samples).outputs


def compared(graph: Graph, module: nn.Module, seed: int = 0) -> float:
    return compare_with_module(graph, module, to_real(sensor_samples(1, seed)), outputs)


def with_weight(graph: Graph, name: str, change: float) -> Graph:
    """The graph with one weight of a matvec moved."""
    op = graph[name]
    assert isinstance(op, Matvec)
    weight = op.weight.data.copy()
    weight[0, 0] += change
    wrong = replace(op, weight=Table.real(weight))
    return graph.with_ops(wrong if other.name == name else other for other in graph.ops)


def test_a_right_trace_is_right_to_float64() -> None:
    model = random_model(CONFIG)
    assert compared(trace(model, 1), model) < 1e-12


def test_a_summed_mean_is_divided() -> None:
    model = random_model(CONFIG)
    graph = canonicalise(trace(model, 1))
    assert graph.outputs[0].mean
    assert compared(graph, model) < 1e-12


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_a_wrong_weight_is_caught(name: str) -> None:
    model = random_model(CONFIG)
    with pytest.raises(VerificationError, match=r"differs from the torch module by .* relative") as caught:
        compared(with_weight(trace(model, 1), name, 0.05), model)
    assert caught.value.exit_code == 1


def test_a_wrong_wire_is_caught() -> None:
    model = random_model(replace(CONFIG, residual=True))
    graph = trace(model, 1)
    wrong = [
        replace(op, inputs=("blocks_0_gate", "blocks_0_gate")) if op.name == "blocks_0_add" else op for op in graph.ops
    ]
    with pytest.raises(VerificationError, match="the trace of this model is wrong"):
        compared(graph.with_ops(wrong), model)


def test_a_wrong_method_of_discretisation_is_caught() -> None:
    model = random_model(CONFIG)
    with torch.no_grad():
        model.blocks[0].ssm.log_dt.fill_(-1.0)  # type: ignore[union-attr,operator]
    other = random_model(replace(CONFIG, discretization="bilinear"))
    other.load_state_dict(model.state_dict())
    with pytest.raises(VerificationError):
        compared(trace(other, 1), model)


def test_a_wrong_shape_is_told() -> None:
    model = random_model(CONFIG)
    stepping = random_model(replace(CONFIG, output="step"))
    with pytest.raises(VerificationError, match=r"shape \(3, 10\), the float IR with \(3, 24, 10\)"):
        compared(trace(stepping, 1), model)


def test_slow_poles_are_compared_in_float64() -> None:
    model = random_model(CONFIG)
    with torch.no_grad():
        model.blocks[0].ssm.log_a_real[:, 0] = -12.0  # type: ignore[union-attr,index,operator]
    assert compared(trace(model, 1), model) < 1e-6


def test_the_module_itself_is_left_alone() -> None:
    model = random_model(CONFIG).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    graph = trace(random_model(CONFIG), 1)
    compared(graph, model)
    assert model.training
    assert next(model.parameters()).dtype == torch.float32
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("log_a_real", [-1000.0, 50.0])
def test_a_module_without_an_answer(log_a_real: float) -> None:
    """Poles of zero divide by zero in the module; poles that decay at once have no logarithm."""
    model = random_model(CONFIG)
    with torch.no_grad():
        model.blocks[0].ssm.log_a_real.fill_(log_a_real)  # type: ignore[union-attr,operator]
    with np.errstate(all="ignore"), pytest.raises(UnsupportedModelError, match="NaN or infinite values"):
        compared(trace(model, 1), model)


def test_a_module_that_fails_on_sequences() -> None:
    class Short(nn.Module):
        """Traced as the identity, it takes no sequences."""

        def forward(self, u: torch.Tensor, most: int = 3) -> torch.Tensor:
            return torch.tanh(u) if isinstance(u, torch.fx.Proxy) else torch.empty(most).index_select(0, u)

    module = Short()
    with pytest.raises(UnsupportedModelError, match=r"the torch module fails on sequences of shape \(3, 24, 1\)"):
        compare_with_module(trace(module, 1), module, to_real(sensor_samples(1)), outputs)
