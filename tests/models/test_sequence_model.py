"""The sequence model: its size, and that streaming it equals running it over the whole sequence."""

from __future__ import annotations

import pytest
import torch

from qssmc.models import ModelConfig, SequenceModel
from qssmc.models.blocks import QGELU
from qssmc.models.config import ConfigError

VARIANTS = {
    "base": {},
    "bilinear": {"discretization": "bilinear"},
    "relu": {"activation": "relu"},
    "silu": {"activation": "silu"},
    "qgelu": {"activation": "qgelu"},
    "linear mixing": {"mixing": "linear"},
    "no residual": {"residual": False},
    "layer norm before": {"norm": "layer", "norm_position": "pre"},
    "layer norm after": {"norm": "layer", "norm_position": "post"},
    "batch norm before": {"norm": "batch", "norm_position": "pre"},
    "batch norm after": {"norm": "batch", "norm_position": "post"},
    "dropout": {"dropout": 0.5},
    "step": {"output": "step"},
    "three inputs": {"d_input": 3},
    "three layers": {"n_layers": 3},
    "all at once": {
        "d_input": 3,
        "n_layers": 3,
        "discretization": "bilinear",
        "activation": "silu",
        "mixing": "linear",
        "norm": "layer",
        "norm_position": "post",
        "output": "step",
    },
}


@pytest.mark.parametrize("heads", [16, 64])
def test_parameter_count_is_the_published_one(heads):
    model = SequenceModel(ModelConfig(d_model=heads, d_state=32))
    assert sum(p.numel() for p in model.parameters()) == 2 * heads**2 + 208 * heads + 10


@pytest.mark.parametrize("variant", VARIANTS)
def test_streaming_equals_the_whole_sequence(variant):
    config = ModelConfig(**{"d_model": 6, "d_state": 5, "d_output": 4, "n_layers": 2, **VARIANTS[variant]})
    model = SequenceModel(config)
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 2.0)  # statistics that a batch norm which ignored them would not have
    model.eval()
    u = torch.randn(3, 40, config.d_input)
    with torch.no_grad():
        whole = model(u)
        state, answers = model.initial_state(3), []
        for t in range(u.shape[1]):
            answer, state = model.step(u[:, t], state)
            answers.append(answer)
    streamed = torch.stack(answers, dim=1) if config.output == "step" else answers[-1]
    assert whole.shape == ((3, 40, 4) if config.output == "step" else (3, 4))
    assert float((streamed - whole).abs().max() / whole.abs().max()) <= 1e-5


def test_a_pooled_answer_midway_is_that_of_the_samples_so_far():
    model = SequenceModel(ModelConfig(d_model=4, d_state=3)).eval()
    u = torch.randn(2, 12, 1)
    with torch.no_grad():
        state = model.initial_state(2)
        for t in range(7):
            answer, state = model.step(u[:, t], state)
        torch.testing.assert_close(answer, model(u[:, :7]), rtol=1e-5, atol=1e-6)


def test_dropout_acts_in_training_alone():
    model = SequenceModel(ModelConfig(d_model=4, d_state=3, dropout=0.5))
    u = torch.randn(2, 12, 1)
    assert not torch.equal(model(u), model(u))
    model.eval()
    assert torch.equal(model(u), model(u))


def test_qgelu_is_the_published_parabola():
    x = torch.tensor([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    assert QGELU()(x).tolist() == [0.0, 0.0, -0.25, 0.0, 0.75, 2.0, 3.0]


def test_a_config_lists_every_fault_at_once():
    with pytest.raises(ConfigError) as error:
        ModelConfig(d_model=0, n_layers=True, activation="gelo", dropout=1.0, residual=1)
    for word in ("d_model", "n_layers", "activation", "gelu, relu, silu, qgelu", "dropout", "residual"):
        assert word in str(error.value)


def test_a_config_survives_the_round_trip_and_refuses_unknown_keys():
    config = ModelConfig(d_model=3, norm="batch", dropout=0.25)
    assert ModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="unknown keys: d_modell"):
        ModelConfig.from_dict({"d_modell": 3})
    with pytest.raises(ConfigError, match="must be a table"):
        ModelConfig.from_dict([1])
