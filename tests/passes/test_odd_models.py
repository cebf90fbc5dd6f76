"""Weights that have died, exploded or never mattered, and data that says nothing: a graph, or one clear error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from qssmc.analysis.bounds import bounds
from qssmc.errors import UnsupportedModelError
from qssmc.ir import Graph
from qssmc.models import ModelConfig, SequenceModel
from qssmc.models.blocks import ChannelBatchNorm
from support.random_models import assert_sound, compiled, outputs_of, random_model, sensor_samples

BITS = [(2, 2, 4, 3), (4, 6, 8, 8), (16, 12, 16, 16)]
Edit = Callable[[SequenceModel], Any]


def first(path: str, value: float) -> Edit:
    """Set the first row of a parameter."""
    return lambda model: model.get_parameter(path)[0].fill_(value)


def times(path: str, factor: float) -> Edit:
    return lambda model: model.get_parameter(path).mul_(factor)


def norms(gamma: float, beta: float) -> Edit:
    def edit(model: SequenceModel) -> None:
        for module in model.modules():
            if isinstance(module, (torch.nn.LayerNorm, ChannelBatchNorm)):
                module.weight[0] = gamma
                module.bias.fill_(beta)

    return edit


SSM = "blocks.0.ssm"
EDITS: dict[str, Edit] = {
    "one head without input": first(f"{SSM}.b", 0.0),
    "no head has input": times(f"{SSM}.b", 0.0),
    "one head without output": first(f"{SSM}.c", 0.0),
    "no head has output": times(f"{SSM}.c", 0.0),
    "one channel without feedthrough": first(f"{SSM}.d", 0.0),
    "no feedthrough": times(f"{SSM}.d", 0.0),
    "tiny feedthrough": times(f"{SSM}.d", 1e-12),
    "one tiny output weight": first(f"{SSM}.c", 1e-12),
    "one tiny input weight": first(f"{SSM}.b", 1e-12),
    "dead row of the mixing": first("blocks.0.mixing.weight", 0.0),
    "tiny row of the mixing": first("blocks.0.mixing.weight", 1e-12),
    "dead mixing": times("blocks.0.mixing.weight", 0.0),
    "a channel that never fires": lambda m: (m.encoder.weight[0].fill_(0.0), m.encoder.bias[0].fill_(0.0)),
    "deaf encoder": times("encoder.weight", 0.0),
    "dead row of the decoder": first("decoder.weight", 0.0),
    "dead decoder": times("decoder.weight", 0.0),
    "decoder without bias": times("decoder.bias", 0.0),
    "huge output weights": times(f"{SSM}.c", 1e6),
    "huge encoder": times("encoder.weight", 1e5),
    "slow pole": first(f"{SSM}.log_a_real", -12.0),
    "fast pole": first(f"{SSM}.log_a_real", 6.0),
    "dead gamma": norms(0.0, 1.0),
    "tiny gamma": norms(1e-12, 1.0),
}
DATA: dict[str, Callable[[NDArray[np.int64]], NDArray[np.int64]]] = {
    "zeros": lambda x: x * 0,
    "a constant": lambda x: x * 0 + 77,
    "the largest": lambda x: x * 0 + 255,
    "one step": lambda x: x[:, :1],
    "one sequence": lambda x: x[:1],
}


# What the published scheme cannot hold in 64 bits, because it does not balance its states.
TOO_FAR_APART = {("one tiny input weight", BITS[2])}


def widest(graph: Graph) -> int:
    return max(bound.inner_width for bound in bounds(graph).values())


@pytest.mark.parametrize(
    ("norm", "bits"), [("none", BITS[0]), ("none", BITS[1]), ("none", BITS[2]), ("layer", BITS[2]), ("batch", BITS[2])]
)
@pytest.mark.parametrize("edit", EDITS)
def test_odd_weights_with_qssm(edit: str, norm: Any, bits: tuple[int, ...]) -> None:
    """Always a graph, always sound, and no weight that has died blows the accumulators up."""
    model = random_model(ModelConfig(d_model=3, d_state=2, d_output=2, norm=norm), 3)
    samples = sensor_samples(1, batch=2, length=16)
    usual = widest(compiled(model, "qssm", bits, samples)["prove"])
    with torch.no_grad():
        EDITS[edit](model)
    stages = compiled(model, "qssm", bits, samples)
    assert_sound(stages, sensor_samples(1, 1, batch=1, length=12))
    assert widest(stages["prove"]) <= max(usual, 48)
    if bits == BITS[-1] and edit != "huge output weights":  # whose gates are steps, so that one bit decides
        wanted = outputs_of(stages["balance"], samples)["y"]
        assert np.abs(outputs_of(stages["prove"], samples)["y"] - wanted).max() <= 0.03 * np.abs(wanted).max() + 1e-6


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("edit", EDITS)
def test_odd_weights_with_zhao(edit: str, bits: tuple[int, ...]) -> None:
    """The published scheme has no balancing: ranges that lie too far apart end in an error with its exit code."""
    model = random_model(ModelConfig(d_model=3, d_state=2, d_output=2), 3)
    with torch.no_grad():
        EDITS[edit](model)
    if (edit, bits) in TOO_FAR_APART:
        with pytest.raises(UnsupportedModelError, match=r"from blocks\.0\.ssm\).*(too small beside|use fewer bits)"):
            compiled(model, "zhao", bits, sensor_samples(1))
    else:
        assert_sound(compiled(model, "zhao", bits, sensor_samples(1)), sensor_samples(1, 1, batch=1, length=12))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("scheme", ["qssm", "zhao"])
@pytest.mark.parametrize("bits", BITS)
def test_odd_calibration_data(data: str, scheme: Any, bits: tuple[int, ...]) -> None:
    model = random_model(ModelConfig(d_model=3, d_state=2, d_output=2), 3)
    samples = DATA[data](sensor_samples(1))
    assert_sound(compiled(model, scheme, bits, samples), sensor_samples(1, 1))
