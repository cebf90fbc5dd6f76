"""Allocate: bits within the budget, where they save most."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import heads_of, ssm_layers
from qssmc.errors import UsageError
from qssmc.ir import Graph, parse, print_graph
from qssmc.models import ModelConfig
from qssmc.passes.allocate import POLE_BITS, STATE_BITS, Allocate, spread, water_fill
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.methods import Granularity
from support.layers import calibrated, discrete, layer, reals
from support.random_models import configs, mimo_graph, ragged_graph


def allocated(graph: Graph, state: float, pole: float, by: Granularity, seed: int = 0) -> Graph:
    return Allocate(state, pole, by, reals(graph, seed))(calibrated(graph, seed))


def test_water_fill_by_hand() -> None:
    """4^2 times the cost is worth two bits more."""
    assert water_fill(np.array([16.0, 1.0]), np.array([1, 1]), 5.0, (2, 16)).tolist() == [6, 4]
    assert water_fill(np.array([0.0, 0.0]), np.array([1, 1]), 2.0, (2, 16)).tolist() == [2, 2]
    assert water_fill(np.array([]), np.array([], np.int64), 5.0, (2, 16)).tolist() == []


def cost_of(cost: NDArray[np.float64], bits: NDArray[np.int64]) -> float:
    return float((cost * 4.0**-bits).sum())


@settings(max_examples=40)
@given(
    cost=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=4),
    mean=st.floats(2.0, 6.0),
)
def test_water_fill_is_the_best_of_all_where_sizes_are_one(cost: list[float], mean: float) -> None:
    costs, size, limits = np.array(cost), np.ones(len(cost), np.int64), (2, 6)
    found = water_fill(costs, size, mean, limits)
    assert found.sum() <= mean * len(cost) + 1e-6
    within = (
        np.array(bits)
        for bits in itertools.product(range(2, 7), repeat=len(cost))
        if sum(bits) <= mean * len(cost) + 1e-9
    )
    assert cost_of(costs, found) <= min(cost_of(costs, bits) for bits in within) * (1 + 1e-9)


@settings(max_examples=40)
@given(seed=st.integers(0, 9999), mean=st.floats(2.0, 16.0))
def test_water_fill_stays_in_the_budget_and_beats_all_alike(seed: int, mean: float) -> None:
    random = np.random.default_rng(seed)
    size = random.integers(1, 6, 5)
    cost = size * np.exp(random.normal(scale=4.0, size=5))
    found = water_fill(cost, size, mean, (2, 16))
    assert (found * size).sum() <= mean * size.sum() + 1e-6
    assert ((found >= 2) & (found <= 16)).all()
    assert cost_of(cost, found) <= cost_of(cost, np.full(5, int(mean))) * (1 + 1e-9)
    # Whatever is left does not pay for one bit more anywhere.
    assert (size[found < 16] > mean * size.sum() + 1e-6 - (found * size).sum()).all()


def test_spread_gives_a_group_one_number_and_skips_heads_that_are_gone() -> None:
    found = spread(np.array([1.0, 15.0, 1.0]), np.array([0, 0, 3]), 4.0, STATE_BITS)
    assert found.tolist() == [4, 4, 4] or found[0] == found[1]
    assert found.sum() <= 12
    assert spread(np.array([]), np.array([], np.int64), 4.0, STATE_BITS).tolist() == []


def test_a_mean_above_the_usual_limit_raises_it() -> None:
    assert spread(np.array([1.0, 9.0]), np.array([0, 1]), 16.0, POLE_BITS).tolist() == [16, 16]
    with pytest.raises(UsageError, match="mean bits must be at least 3, not 2"):
        spread(np.ones(2), np.array([0, 1]), 2.0, POLE_BITS)


def test_by_hand_the_sensitive_state_gets_the_bits() -> None:
    """Of two states of the same head, the one that the readout weighs 16 times as much gets about four bits more."""
    before = layer(ax_lambda_bar="0.5 0.25 0.5 0.25 0.5 0.25", cx_c="1.0 0.0 16.0 0.0 1.0 0.0")
    bits = allocated(before, 8.0, 8.0, "mixed").bits
    assert bits["xn"].data[1] - bits["xn"].data[0] in (3, 4)  # as the budget divides
    assert bits["ax.lambda_bar"].data[0] == bits["ax.lambda_bar"].data[1]


@pytest.mark.parametrize("by", ["layer", "head", "mixed", "state"])
@settings(max_examples=8)
@given(config=configs(), seed=st.integers(0, 99), state=st.sampled_from([4.0, 6.5, 16.0]))
def test_random_models_meet_their_means(by: Granularity, config: ModelConfig, seed: int, state: float) -> None:
    before = discrete(config, seed)
    after = allocated(before, state, 7.25, by, seed)
    assert (after.ops, after.outputs, after.updates) == (before.ops, before.outputs, before.updates)
    assert parse(print_graph(after)) == after
    for ssm in ssm_layers(after):
        heads = heads_of(after, ssm)
        for name, mean in ((ssm.total, state), (f"{ssm.transition}.lambda_bar", 7.25)):
            bits = after.bits[name].data
            assert bits.mean() <= mean
            finest = heads if by == "mixed" and name != ssm.total else np.arange(len(heads))
            group = {"layer": np.zeros_like(heads), "head": heads}.get(by, finest)
            for at in np.unique(group):
                assert not np.ptp(bits[group == at])


@pytest.mark.parametrize(
    "graph", [mimo_graph(), ragged_graph([2, 0, 1]), ragged_graph([0, 0])], ids=["mimo", "ragged", "empty"]
)
def test_mimo_ragged_and_empty(graph: Graph) -> None:
    before = discretize(canonicalise(graph))
    after = allocated(before, 8.0, 8.0, "state")
    assert len(after.bits) == 2 * len(ssm_layers(before))


@pytest.mark.parametrize("table", [{"e_weight": "0.0 0.0", "e_bias": "0.0 0.0"}, {"bu_b_bar": "0 0 0 0 0 0"}])
def test_heads_that_never_fire(table: dict[str, str]) -> None:
    bits = allocated(layer(**table), 8.0, 8.0, "head").bits
    assert bits["xn"].data.sum() <= 24
    assert (bits["ax.lambda_bar"].data >= 3).all()


def test_a_pole_and_its_conjugate_need_the_same_bits() -> None:
    """A real input has no sign of frequency; whichever of the two a model holds, it is as sensitive."""
    graph = layer()
    mirrored = layer(ax_lambda_bar="0.5 -0.25 0.9375 0.0 0.0 -0.75")
    found = []
    for whole in (graph, mirrored):  # as a class, for values count in units of their deviation, which is another
        one = replace(whole, outputs=tuple(replace(output, kind="class") for output in whole.outputs))
        (ssm,) = ssm_layers(one)
        found.append(Allocate(8.0, 8.0, "state", reals(one, 0)).sensitivities(one, ssm))
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12)
