"""Elimination: what a removal costs is what a refit without the state really loses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.analysis.least_squares import Normal, ridged
from qssmc.passes.prune.eliminate import Elimination, eliminate


def head(states: int, seed: int, gain: float = 1.0, noise: float = 1e-4) -> tuple[Normal, NDArray[np.float64]]:
    """Equations of a head with random states; its ridge."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(60, 2 * states + 1)) * random.uniform(0.1, 3.0, 2 * states + 1)
    normal = Normal.empty(2 * states + 1, 1)
    normal.see(features, features @ random.normal(size=(2 * states + 1, 1)) + random.normal(size=(60, 1)))
    return normal, np.full(states, noise)


def least(normal: Normal, noise: NDArray[np.float64], alive: NDArray[np.bool_]) -> float:
    """The least of the ridged squared error with the states alive, solved from scratch."""
    extra = np.append(np.repeat(noise, 2), 0.0) * np.diag(normal.gram)
    gram = ridged(normal.gram, 1e-9) + np.diag(extra)
    on = np.append(np.repeat(alive, 2), True)
    moment = normal.moment[on, 0]
    return float(normal.energy[0] - moment @ np.linalg.solve(gram[np.ix_(on, on)], moment))


@settings(max_examples=25)
@given(states=st.integers(1, 5), seed=st.integers(0, 999), gain=st.sampled_from([1.0, 0.25]))
def test_costs_are_those_of_a_refit_from_scratch_all_the_way_down(states: int, seed: int, gain: float) -> None:
    normal, noise = head(states, seed)
    found = Elimination(normal, noise, gain)
    random = np.random.default_rng(seed)
    while found.alive.any():
        now = least(normal, noise, found.alive)
        for state in np.flatnonzero(found.alive):
            alive = found.alive.copy()
            alive[state] = False
            assert found.costs()[state] == pytest.approx(gain * (least(normal, noise, alive) - now), rel=1e-5)
        assert np.isinf(found.costs()[~found.alive]).all()
        found.remove(int(random.choice(np.flatnonzero(found.alive))))


@settings(max_examples=15)
@given(states=st.lists(st.integers(0, 4), min_size=1, max_size=4), seed=st.integers(0, 999), keep=st.integers(0, 6))
def test_each_step_takes_the_cheapest_of_all_heads(states: list[int], seed: int, keep: int) -> None:
    gains = np.random.default_rng(seed).uniform(0.1, 10.0, len(states))
    made = [head(count, seed + i) for i, count in enumerate(states)]
    heads = [Elimination(normal, noise, gain) for (normal, noise), gain in zip(made, gains, strict=True)]
    twins = [Elimination(normal, noise, gain) for (normal, noise), gain in zip(made, gains, strict=True)]
    spent = 0.0
    for total in eliminate(heads, keep, np.inf):
        at, cost = min(
            ((i, float(twin.costs().min(initial=np.inf))) for i, twin in enumerate(twins)), key=lambda item: item[1]
        )
        spent += cost
        assert total == pytest.approx(spent)
        twins[at].remove(int(np.argmin(twins[at].costs())))
    assert [h.alive.tolist() for h in heads] == [t.alive.tolist() for t in twins]
    assert sum(int(h.alive.sum()) for h in heads) == min(keep, sum(states))


def test_stops_before_the_cost_passes_the_most() -> None:
    history = eliminate([Elimination(*head(4, 1), 1.0)], 0, np.inf)
    assert len(history) == 4
    assert history == sorted(history)
    for most, wanted in ((0.0, 0), (history[1], 2), (history[2] * (1 - 1e-9), 2)):
        other = Elimination(*head(4, 1), 1.0)
        assert len(eliminate([other], 0, most)) == wanted
        assert int(other.alive.sum()) == 4 - wanted


def test_states_that_never_move_go_first_and_cost_nothing() -> None:
    normal, noise = head(3, 2)
    silent = [2, 3]
    normal.gram[silent] = normal.gram[:, silent] = normal.moment[silent] = 0.0
    found = Elimination(normal, noise, 1.0)
    assert eliminate([found], 2, np.inf) == [pytest.approx(0.0, abs=1e-12)]
    assert found.alive.tolist() == [True, False, True]


def test_a_head_that_never_fires() -> None:
    found = Elimination(Normal.empty(5, 1), np.ones(2), 1.0)
    assert eliminate([found], 1, 0.0) == [0.0]
