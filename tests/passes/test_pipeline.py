"""The whole pipeline: any model either ends in a proven graph or in one clear error, and never in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.bounds import bounds
from qssmc.analysis.calibration import Calibration
from qssmc.frontend import trace
from qssmc.ir import Graph, print_graph
from qssmc.models import ModelConfig
from qssmc.models.blocks import ChannelBatchNorm
from qssmc.passes.pipeline import pipeline
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from support.random_models import (
    FORMAT,
    assert_sound,
    compile_stages,
    compiled,
    configs,
    mimo_graph,
    outputs_of,
    ragged_graph,
    random_model,
    sensor_samples,
)

PASSES = ["canonicalise", "discretize", "calibrate", "balance", "quantise", "align", "prove"]
BITS = [(2, 2, 4, 3), (4, 6, 8, 8), (16, 12, 16, 16)]


def test_the_passes_stand_in_one_visible_tuple() -> None:
    graph = ragged_graph([2, 1])
    plan = PassPlan(graph, QuantiseOptions(), FORMAT, Calibration(sensor_samples(1), run))
    assert [row.name for row in pipeline(plan)] == PASSES


@settings(max_examples=15)
@given(
    config=configs(),
    seed=st.integers(0, 99),
    scheme=st.sampled_from(["qssm", "zhao"]),
    bits=st.sampled_from(BITS),
)
def test_random_models(config: ModelConfig, seed: int, scheme: Any, bits: tuple[int, ...]) -> None:
    samples = sensor_samples(config.d_input, seed)
    stages = compile_stages(trace(random_model(config, seed), config.d_input), QuantiseOptions(scheme, *bits), samples)
    assert list(stages) == ["float", *PASSES]
    assert_sound(stages, sensor_samples(config.d_input, seed + 1))


@pytest.mark.parametrize("scheme", ["qssm", "zhao"])
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(
    "graph",
    [
        ragged_graph([3, 1, 2]),
        ragged_graph([2, 0, 1], output="last"),
        ragged_graph([0, 0, 2, 0]),
        ragged_graph([0, 0]),
        ragged_graph([1]),
        mimo_graph(),
        mimo_graph(1, 3),
    ],
    ids=["ragged", "empty_inside", "empty_outside", "all_empty", "one_state", "mimo", "mimo_one_state"],
)
def test_ragged_empty_and_mimo(graph: Graph, bits: tuple[int, ...], scheme: Any) -> None:
    d_input = graph.inputs[0].type.shape[0]
    stages = compile_stages(graph, QuantiseOptions(scheme, *bits), sensor_samples(d_input))
    assert_sound(stages, sensor_samples(d_input, 1))
    if bits == BITS[-1]:
        samples = sensor_samples(d_input)
        wanted, found = outputs_of(graph, samples)["y"], outputs_of(stages["prove"], samples)["y"]
        divisor = samples.shape[1] if stages["prove"].outputs[0].mean else 1
        assert np.abs(found / divisor - wanted).max() <= 0.03 * np.abs(wanted).max()


def test_twice_the_same_bytes() -> None:
    config = ModelConfig(d_model=3, d_state=2, n_layers=2, norm="layer")
    texts = []
    for _ in range(2):
        stages = compile_stages(trace(random_model(config), 1), QuantiseOptions(), sensor_samples(1))
        texts.append([print_graph(graph) for graph in stages.values()])
    assert texts[0] == texts[1]


def test_text_of_a_whole_model(golden: Callable[[str, str], None]) -> None:
    """The ops alone: the tables depend on the last bit of exp."""
    config = ModelConfig(d_model=2, d_state=2, d_output=3, n_layers=1)
    stages = compile_stages(trace(random_model(config), 1), QuantiseOptions(), sensor_samples(1))
    lines = []
    for name in ("float", "canonicalise", "quantise", "align"):
        graph = stages[name]
        lines += [f"--- {name}"]
        lines += [f"%{op.name} = {op.mnemonic} {' '.join(op.inputs)} from {op.origin}" for op in graph.ops]
        lines += [f"output {o.name} : {o.when} mean={o.mean} %{o.value}" for o in graph.outputs]
    golden("pipeline.txt", "\n".join(lines) + "\n")


def test_accumulators_of_the_usual_bits_fit_32_bits_but_for_the_pool() -> None:
    """W8A8 with 16-bit states: what makes the emitted loops fast."""
    model = random_model(ModelConfig(d_model=4, d_state=3, d_output=2), 1)
    graph = compiled(model, "qssm", (8, 8, 16, 16), sensor_samples(1))["prove"]
    for name, bound in bounds(graph).items():
        if not name.startswith(("decoder", "pool")):
            assert bound.inner_width <= 32, name


def test_a_mean_that_is_the_answer_and_a_norm_before_the_decoder() -> None:
    class Pooled(torch.nn.Module):
        def __init__(self, late: bool) -> None:
            super().__init__()
            self.body = random_model(ModelConfig(d_model=3, d_state=2, output="pooled"))
            self.norm = ChannelBatchNorm(3).eval()
            self.late = late

        def forward(self, u: torch.Tensor) -> torch.Tensor:
            x = self.body.pool(self.body.blocks[0](self.body.encoder(u)))
            return self.body.decoder(self.norm(x)) if self.late else x

    for late in (False, True):
        module = Pooled(late).eval()
        with torch.no_grad():
            module.norm.running_mean.copy_(torch.tensor([1.0, -2.0, 0.5]))  # type: ignore[union-attr]
        samples = sensor_samples(1)
        stages = compile_stages(trace(module, 1), QuantiseOptions("qssm", 16, 12, 16, 16), samples)
        assert stages["prove"].outputs[0].mean
        wanted = module(torch.from_numpy(FORMAT.to_real(samples))).detach().numpy()
        found = outputs_of(stages["prove"], samples)["y"] / samples.shape[1]
        assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


@settings(max_examples=10)
@given(seed=st.integers(0, 999))
def test_module_names_that_look_like_derived_ones(seed: int) -> None:
    """Names such as l_q and l_q_aligned belong to the user first."""

    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l, self.l_q, self.l_up = (torch.nn.Linear(2, 2) for _ in range(3))
            self.l_q_aligned, self.l_aligned = torch.nn.Linear(2, 4), torch.nn.GLU()
            self.l_aligned_gate, self.add_2 = torch.nn.Tanh(), torch.nn.Linear(2, 2)

        def forward(self, u: torch.Tensor) -> torch.Tensor:
            x = self.l(u)
            y = self.l_q(x) + self.l_up(x)
            z = self.l_aligned_gate(self.l_aligned(self.l_q_aligned(y)))
            return self.add_2(z) + x

    torch.manual_seed(seed)
    module, samples = Odd().eval(), sensor_samples(2, seed)
    for scheme in ("qssm", "zhao"):
        stages = compile_stages(trace(module, 2), QuantiseOptions(scheme, 16, 12, 16, 16), samples)  # type: ignore[arg-type]
        wanted = module(torch.from_numpy(FORMAT.to_real(samples))).detach().numpy()
        assert np.abs(outputs_of(stages["prove"], samples)["y"] - wanted).max() <= 0.02 * np.abs(wanted).max()
