"""Rounding with compensation: always onto the levels, and never worse than rounding each weight by itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.passes.refit.rounding import Levels, cost, round_all, round_group

Real = NDArray[np.float64]


def problem(size: int, seed: int, spread: float = 0.1) -> tuple[Real, Real]:
    """A Gram matrix of features that have much in common, and weights."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(50, 1)) + spread * random.normal(size=(50, size))
    return features.T @ features + 1e-6 * np.eye(size), random.normal(size=size)


def levels(size: int, unit: float, top: int) -> Levels:
    return Levels(np.full(size, unit), np.full(size, -float(top)), np.full(size, top - 1.0))


def test_by_hand() -> None:
    """Two features that are the same: what the first rounds away, the second makes up for."""
    gram = np.array([[1.0, 1.0], [1.0, 1.0]]) + 1e-9 * np.eye(2)
    found = round_all(gram, np.array([0.4, 0.4]), levels(2, 1.0, 4))
    assert sorted(found) == [0.0, 1.0]
    assert round_all(np.eye(2), np.array([0.4, 0.6]), levels(2, 1.0, 4)).tolist() == [0.0, 1.0]


def test_weights_on_their_levels_stay() -> None:
    gram, _ = problem(5, 0)
    weight = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    assert round_all(gram, weight, levels(5, 0.5, 8)).tolist() == weight.tolist()


def test_what_lies_beyond_the_levels_is_clipped() -> None:
    assert round_all(np.eye(2), np.array([9.0, -9.0]), levels(2, 1.0, 4)).tolist() == [3.0, -4.0]


@settings(max_examples=60)
@given(
    size=st.integers(1, 12),
    seed=st.integers(0, 9999),
    unit=st.sampled_from([0.25, 1.0]),
    spread=st.sampled_from([0.03, 0.3, 3.0]),
)
def test_never_worse_than_plain_rounding_in_the_norm_of_the_gram_matrix(
    size: int, seed: int, unit: float, spread: float
) -> None:
    gram, weight = problem(size, seed, spread)
    grid = levels(size, unit, 8)
    found = round_all(gram, weight, grid)
    assert (found == grid.round(found)).all()
    assert cost(gram, weight, found) <= cost(gram, weight, grid.round(weight)) * (1 + 1e-9)


def test_comes_near_the_best_of_all() -> None:
    """On average over small problems, where all choices of up and down can be tried."""
    ours, best = 0.0, 0.0
    for seed in range(20):
        gram, weight = problem(6, seed, 0.5)
        ours += cost(gram, weight, round_all(gram, weight, levels(6, 1.0, 8)))
        corners = itertools.product(*((np.floor(w), np.ceil(w)) for w in weight))
        best += min(cost(gram, weight, np.array(corner)) for corner in corners)
    assert ours <= 2.0 * best


@settings(max_examples=25)
@given(size=st.integers(1, 6), seed=st.integers(0, 999), bits=st.integers(2, 8))
def test_a_group_has_one_unit_and_the_rest_keep_theirs(size: int, seed: int, bits: int) -> None:
    gram, weight = problem(size + 1, seed)
    group = np.arange(size + 1) < size
    found, unit = round_group(gram, weight, bits, group, levels(size + 1, 0.125, 64))
    assert np.log2(unit) == int(np.log2(unit))
    steps = found[:size] / unit
    assert (steps == np.rint(steps)).all()
    assert (steps >= -(2 ** (bits - 1))).all()
    assert (steps < 2 ** (bits - 1)).all()
    assert found[size] / 0.125 == round(found[size] / 0.125)


@pytest.mark.parametrize("gram", [np.zeros((3, 3)) + 1e-300 * np.eye(3), np.eye(3)])
def test_weights_of_zero_stay_zero(gram: Real) -> None:
    found, unit = round_group(gram, np.zeros(3), 4, np.array([True, True, False]), levels(3, 1.0, 8))
    assert (found.tolist(), unit) == ([0.0, 0.0, 0.0], 1.0)
