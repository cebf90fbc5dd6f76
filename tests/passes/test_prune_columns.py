"""Prune columns: heads before a mixing matrix and channels before the decoder."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.errors import UsageError
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.ops import Matvec, Readout
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.prune import PruneChannels, PruneHeads
from qssmc_sim import run
from support.layers import LAYER, discrete, layer, reals
from support.random_models import configs, mimo_graph, ragged_graph


def heads(graph: Graph, keep: int, seed: int = 0) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return PruneHeads(keep, reals(graph, seed))(graph)


def channels(graph: Graph, keep: int, seed: int = 0) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return PruneChannels(keep, reals(graph, seed))(graph)


def test_by_hand_the_head_that_says_least_goes_with_its_states() -> None:
    before = layer(out_weight="1.0 0.001 0.25 0.001")
    after = heads(before, 1)
    assert after.kept["act"].data.tolist() == [0]
    assert after["x"].type.shape == (2,)
    assert isinstance(after["out"], Matvec)
    np.testing.assert_allclose(after["out"].weight.data, [[1.0], [0.25]], atol=0.02)
    assert channels(before, 1) == after  # in this model the mixing matrix is the decoder


def test_as_many_as_there_are_changes_nothing_but_by_the_refit() -> None:
    before = layer()
    for after in (heads(before, 2), channels(before, 2)):
        assert [op.type for op in after.ops] == [op.type for op in before.ops]
        for name in ("weight", "bias"):
            np.testing.assert_allclose(getattr(after["out"], name).data, getattr(before["out"], name).data, atol=1e-6)


@pytest.mark.parametrize(
    "graph",
    [
        discretize(canonicalise(mimo_graph())),
        parse(LAYER.replace("output y : step = %out", "output y : step = %y")),
        parse(LAYER.replace("output y", "output more : step = %act\noutput y")),
        parse(LAYER.replace("output y", "output more : step = %y\noutput y")),
    ],
    ids=["mimo", "y leaves", "activation leaves too", "y leaves too"],
)
def test_what_others_read_stays(graph: Graph) -> None:
    after = heads(graph, 1)
    assert {op.name for op in after.ops} <= {op.name for op in graph.ops}
    assert all(op.type == graph[op.name].type for op in after.ops)


def test_more_than_there_are_is_an_error() -> None:
    with pytest.raises(UsageError, match="--heads 3 is more than the 2 that the model has; give fewer"):
        heads(layer(), 3)
    with pytest.raises(UsageError, match="--channels 3 is more than the 2 that the model has; give fewer"):
        channels(layer(), 3)


@settings(max_examples=12)
@given(config=configs(), seed=st.integers(0, 99), keep=st.integers(1, 2))
def test_random_models(config: ModelConfig, seed: int, keep: int) -> None:
    before = discrete(config, seed)
    fewer, thin = heads(before, keep, seed), channels(before, keep, seed)
    for after in (fewer, thin):
        assert parse(print_graph(after)) == after
        assert np.isfinite(run(after, reals(before, seed + 1).samples).outputs["y"]).all()
    for ssm in ssm_layers(fewer):
        readout = fewer[ssm.readout]
        assert isinstance(readout, Readout)
        assert readout.channels == keep
    decoder = next(op for op in thin.ops if isinstance(op, Matvec) and op.origin == "decoder")
    assert decoder.weight.shape[1] == keep


@pytest.mark.parametrize("output", ["step", "last"])
@pytest.mark.parametrize("states", [[2, 0, 3], [0, 0], [1]])
def test_ragged_and_empty_heads(states: list[int], output: str) -> None:
    before = discretize(canonicalise(ragged_graph(states, output=output)))
    for after in (heads(before, 1), channels(before, 1)):
        assert np.isfinite(run(after, reals(before, 1).samples).outputs["y"]).all()


def test_data_that_says_nothing_leaves_finite_weights() -> None:
    before = layer(e_weight="0.0 0.0", e_bias="0.0 0.0")
    for after in (heads(before, 1), channels(before, 1)):
        samples = reals(before).samples
        np.testing.assert_allclose(run(after, samples).outputs["y"], run(before, samples).outputs["y"], atol=1e-6)
