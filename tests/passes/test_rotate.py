"""Rotate: input weights become real and positive, and no answer changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir import Graph
from qssmc.ir.ops import Inject, Readout
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.rotate import rotate
from qssmc_sim import run
from support.layers import discrete, layer, reals
from support.random_models import configs, mimo_graph, ragged_graph


def test_by_hand() -> None:
    after = rotate(layer())
    assert isinstance(after["bu"], Inject)
    assert isinstance(after["cx"], Readout)
    # By 1, by i, by -1: (-0.5 + 1j) i = -1 - 0.5j.
    assert after["bu"].b_bar.data.tolist() == [[0.5, 0.0], [0.25, 0.0], [0.25, 0.0]]
    assert after["cx"].c.data.tolist() == [[1.0, 0.5], [-1.0, -0.5], [-2.0, -1.0]]


def test_a_state_without_input_keeps_its_output_weight() -> None:
    before = layer(bu_b_bar="0.5 0.0 0.0 0.0 -0.25 0.0")
    after = rotate(before)
    assert isinstance(before["cx"], Readout)
    assert isinstance(after["cx"], Readout)
    assert after["cx"].c.data[1].tolist() == before["cx"].c.data[1].tolist()


@pytest.mark.parametrize(
    "graph",
    [layer(bu_b_bar="0.5 0.0 0.25 0.0 0.25 0.0"), discretize(canonicalise(mimo_graph()))],
    ids=["real already", "mimo"],
)
def test_nothing_to_turn(graph: Graph) -> None:
    assert rotate(graph) == graph


@settings(max_examples=15)
@given(config=configs(), seed=st.integers(0, 99))
def test_no_answer_changes_and_all_input_weights_are_real(config: ModelConfig, seed: int) -> None:
    before = discrete(config, seed)
    after = rotate(before)
    for ssm in ssm_layers(after):
        drive = after[ssm.drive]
        assert isinstance(drive, Inject)
        assert (drive.b_bar.data[:, 0] > 0.0).all()
        assert not drive.b_bar.data[:, 1].any()
    samples = reals(before, seed).samples
    wanted = run(before, samples).outputs["y"]
    np.testing.assert_allclose(run(after, samples).outputs["y"], wanted, rtol=1e-9, atol=1e-12)
    assert rotate(after) == after


@pytest.mark.parametrize("states", [[2, 0, 3], [0, 0], [1]])
def test_ragged_and_empty_heads(states: list[int]) -> None:
    before = discretize(canonicalise(ragged_graph(states)))
    samples = reals(before).samples
    np.testing.assert_allclose(run(rotate(before), samples).outputs["y"], run(before, samples).outputs["y"], rtol=1e-9)
