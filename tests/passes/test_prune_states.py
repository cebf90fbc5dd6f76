"""Prune states: only as many go as asked for, and what stays makes up for them as well as it can."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.errors import UsageError
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.ops import Readout
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.prune import PruneStates
from qssmc_sim import run
from support.layers import discrete, layer, reals
from support.random_models import configs, mimo_graph, ragged_graph


def pruned(graph: Graph, mean: float | None = None, loss: float | None = None, seed: int = 0) -> Graph:
    """By calibration data of a seed, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return PruneStates(mean, loss, reals(graph, seed))(graph)


def states_of(graph: Graph) -> list[int]:
    return [graph[ssm.state].type.shape[0] for ssm in ssm_layers(graph)]


def test_by_hand_the_state_that_says_least_goes() -> None:
    """The second state of head 0 has next to no output weight."""
    before = layer(cx_c="1.0 0.5 0.001 0.0 2.0 1.0")
    after = pruned(before, 1.0)
    assert after.kept["x"].data.tolist() == [0, 2]
    readout = after["cx"]
    assert isinstance(readout, Readout)
    np.testing.assert_allclose(readout.c.data, [[1.0, 0.5], [2.0, 1.0]], atol=0.02)
    assert parse(print_graph(after)) == after


def test_mean_of_all_states_keeps_them_and_their_answers() -> None:
    before = layer()
    after = pruned(before, 1.5)
    assert states_of(after) == [3]
    assert not after.kept
    samples = reals(before, 1).samples
    wanted = run(before, samples).outputs["y"]
    np.testing.assert_allclose(run(after, samples).outputs["y"], wanted, atol=0.01 * np.abs(wanted).max())


@pytest.mark.parametrize("graph", [layer(), discretize(canonicalise(mimo_graph()))], ids=["no wish", "mimo"])
def test_changes_nothing(graph: Graph) -> None:
    assert pruned(graph, *((None, None) if ssm_layers(graph) else (1.0, None))) == graph


def test_more_states_than_there_are_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"--states 2 is more than the 1\.5 a head that x has; give fewer"):
        pruned(layer(), 2.0)


def test_a_loss_bounds_the_error_on_the_calibration_data() -> None:
    before = discrete(ModelConfig(d_model=4, d_state=6, output="step", d_output=2), 1)
    (ssm,) = ssm_layers(before)
    wanted, counts = values_of(before, ssm.result), []
    for loss in (0.0, 1e-6, 1e-3, 0.3):
        after = pruned(before, loss=loss)
        counts.append(states_of(after)[0])
        kept = after.kept[ssm.result].data if ssm.result in after.kept else slice(None)
        error = ((values_of(after, ssm.result) - wanted[..., kept]) ** 2).sum()
        assert error <= (30.0 * loss + 1e-3) * (wanted**2).sum()  # gains may differ from head to head
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def values_of(graph: Graph, name: str) -> NDArray[np.float64]:
    """A value of all steps of the calibration data."""
    return reals(graph).collect(graph, [name])[name]


@settings(max_examples=12)
@given(config=configs(), seed=st.integers(0, 99), mean=st.sampled_from([0.1, 0.5, 1.0]))
def test_random_models_keep_as_many_as_asked_for(config: ModelConfig, seed: int, mean: float) -> None:
    before = discrete(config, seed)
    after = pruned(before, mean, seed=seed)
    assert states_of(after) == [max(1, round(mean * config.d_model))] * config.n_layers
    assert np.isfinite(run(after, reals(before, seed + 1).samples).outputs["y"]).all()


@pytest.mark.parametrize("states", [[2, 0, 3], [1], [0, 4]])
def test_ragged_heads(states: list[int]) -> None:
    before = discretize(canonicalise(ragged_graph(states)))
    assert states_of(pruned(before, 1.0 / len(states))) == [1]


@pytest.mark.parametrize("table", [{"e_weight": "0.0 0.0", "e_bias": "0.0 0.0"}, {"bu_b_bar": "0 0 0 0 0 0"}])
@pytest.mark.parametrize("wish", [(0.5, None), (None, 0.0), (None, 0.5)])
def test_heads_that_never_fire_lose_their_states(
    table: dict[str, str], wish: tuple[float | None, float | None]
) -> None:
    before = layer(**table)
    after = pruned(before, *wish)
    samples = reals(before, 1).samples
    np.testing.assert_allclose(run(after, samples).outputs["y"], run(before, samples).outputs["y"], atol=1e-6)
    assert after["x"].type.shape[0] <= 1
