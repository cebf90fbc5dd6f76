"""Refit: never further from the float model than before, and every table stays on its grid."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.least_squares import Normal, ridged, solve
from qssmc.ir import Graph, parse, print_graph
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.refit import Refit
from qssmc.passes.refit.fits import HeadFit, MatrixFit, fits
from support.layers import calibrated, layer, reals
from support.random_models import FORMAT, ragged_graph

OPTIONS = QuantiseOptions("qssm", 4, 6, 8, 8)


def quantised(graph: Graph, seed: int = 0, options: QuantiseOptions = OPTIONS) -> Graph:
    return Quantise(options, FORMAT)(calibrated(graph, seed))


def refitted(teacher: Graph, student: Graph, seed: int = 0) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Refit(teacher, reals(teacher, seed))(student)


def test_fits_by_hand() -> None:
    assert fits(quantised(layer())) == (
        MatrixFit("e", ("e",), False),
        HeadFit("y", "cx", "du"),
        MatrixFit("out", ("out",), False),
    )


def test_a_mean_has_one_fit_of_weights_and_bias_together() -> None:
    graph = quantised(discretize(canonicalise(ragged_graph([2, 1], output="last"))))
    found = fits(graph)[-1]
    assert isinstance(found, MatrixFit)
    assert (len(found.matvecs), found.last) == (2, True)


def test_only_what_reads_a_grid_that_is_not_the_sensors_is_changed() -> None:
    before = quantised(layer())
    after = refitted(layer(), before)
    changed = {op.name for op in before.ops if op != after[op.name]}
    assert changed <= {"cx", "du", "out"}
    assert "cx" in changed
    assert [op.name for op in after.ops] == [op.name for op in before.ops]
    assert parse(print_graph(after)) == after


def test_a_model_that_the_teacher_does_not_know_is_left_alone() -> None:
    before = quantised(layer())
    stranger = parse("graph t : discrete\n%u : f64[1] = input\noutput z : step = %u\n")
    assert Refit(stranger, reals(stranger))(before) == before


def test_silent_heads_keep_their_weights() -> None:
    teacher = layer(e_weight="1.0 0.0")
    before = quantised(teacher)
    after = refitted(teacher, before)
    for name, attribute in (("cx", "c"), ("du", "factor")):
        old, new = getattr(before[name], attribute).data, getattr(after[name], attribute).data
        np.testing.assert_array_equal(new[-1], old[-1])
        assert not np.array_equal(new, old) or name == "du"


@settings(max_examples=15)
@given(states=st.integers(0, 4), rows=st.integers(1, 80), seed=st.integers(0, 999))
def test_unrounded_weights_of_a_head_lose_no_more_than_those_before(states: int, rows: int, seed: int) -> None:
    """What the ridge allows: its share of the weights' own energy."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 2 * states + 1))
    target = random.normal(size=(rows, 1))
    normal = Normal.empty(2 * states + 1, 1)
    normal.see(features, target)
    found = solve(ridged(normal.gram, 1e-6), normal.moment)
    for _ in range(5):
        start = random.normal(size=found.shape)
        slack = 1e-5 * float((np.diag(normal.gram)[:, None] * start**2).sum()) + 1e-9
        assert normal.error(found)[0] <= normal.error(start)[0] + slack
    assert normal.error(found)[0] == pytest.approx(((features @ found - target) ** 2).sum(), rel=1e-6, abs=1e-8)
