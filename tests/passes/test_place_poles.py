"""Place poles: on the grid that the quantise pass rounds to, inside the unit circle, and never worse than nearest."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir import Graph
from qssmc.ir.ops import Diag
from qssmc.ir.table import Table
from qssmc.models import ModelConfig
from qssmc.passes.allocate import Allocate
from qssmc.passes.balance import balance
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.place_poles import PlacePoles
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.quantise.options import AForm
from qssmc.passes.rotate import rotate
from qssmc.passes.scale_states import ScaleStates
from support.layers import calibrated, discrete, layer, reals
from support.random_models import FORMAT, configs, mimo_graph, ragged_graph


def ready(graph: Graph, bits: float, seed: int = 0) -> Graph:
    """Filled, with bits for states and poles."""
    filled = ScaleStates(1)(balance(calibrated(rotate(graph), seed)))
    return Allocate(8.0, bits, "head", reals(graph, seed))(filled)


def placed(graph: Graph, form: AForm = "increment", seed: int = 0) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return PlacePoles(reals(graph, seed), form)(graph)


def poles(graph: Graph, name: str) -> Any:
    op = graph[name]
    assert isinstance(op, Diag)
    return op.lambda_bar.as_complex()


def assert_on_grid(after: Graph, form: AForm) -> None:
    """Inside the circle, and the quantise pass leaves every one where it is."""
    quantised = Quantise(QuantiseOptions("qssm", 8, 8, 8, 8, form), FORMAT)(after)
    for ssm in ssm_layers(after):
        found = poles(after, ssm.transition)
        assert (np.abs(found) < 1.0).all()
        made = {op.name: op for op in quantised.ops if isinstance(op, Diag)}
        name = ssm.transition if form == "cartesian" else f"{ssm.transition}_d"
        origin = 0.0 if form == "cartesian" else 1.0
        np.testing.assert_array_equal(origin + made[name].lambda_bar.as_complex(), found)


@pytest.mark.parametrize("form", ["increment", "cartesian"])
@settings(max_examples=10)
@given(config=configs(), seed=st.integers(0, 99), bits=st.sampled_from([3.0, 5.5, 8.0, 12.0]))
def test_random_models(form: AForm, config: ModelConfig, seed: int, bits: float) -> None:
    before = ready(discrete(config, seed), bits, seed)
    after = placed(before, form, seed)
    assert_on_grid(after, form)
    assert [op for op in after.ops if not isinstance(op, Diag)] == [op for op in before.ops if not isinstance(op, Diag)]
    assert (after.ranges, after.bits) == (before.ranges, before.bits)


def test_by_hand_poles_on_their_grid_stay() -> None:
    """Grids 2^-7, 2^-10 and 2^-6 of 8 bits for D = -0.5 + 0.25j, -0.0625 and -1 + 0.75j."""
    before = ready(layer(), 8.0)
    np.testing.assert_array_equal(poles(placed(before), "ax"), [0.5 + 0.25j, 0.9375, 0.75j])


@pytest.mark.parametrize("graph", [mimo_graph(), ragged_graph([0, 0])], ids=["mimo", "no states"])
def test_changes_nothing(graph: Graph) -> None:
    before = ready(discretize(canonicalise(graph)), 8.0)
    assert placed(before) == before


@pytest.mark.parametrize("bits", [3.0, 12.0])
@pytest.mark.parametrize(
    "table",
    [
        {"e_weight": "0.0 0.0", "e_bias": "0.0 0.0"},
        {"bu_b_bar": "0 0 0 0 0 0"},
        {"cx_c": "0 0 0 0 0 0"},
        {"ax_lambda_bar": "0.5 0.25 0.5 0.25 0.5 0.25"},
        {"ax_lambda_bar": "0.99999 0.001 0.99999 0.001 -0.99 0.0"},
    ],
    ids=["no input", "no input weights", "no output weights", "twins", "extreme"],
)
def test_odd_layers(table: dict[str, str], bits: float) -> None:
    assert_on_grid(placed(ready(layer(**table), bits)), "increment")


def test_one_state_and_ragged_heads() -> None:
    for states in ([1], [2, 0, 3]):
        assert_on_grid(placed(ready(discretize(canonicalise(ragged_graph(states))), 4.0)), "increment")


def test_with_c_as_it_is_placed_poles_answer_better_than_nearest_ones() -> None:
    graph = ready(discrete(ModelConfig(d_model=4, d_state=8, dt_min=1e-2)), 6.0)
    calibration = reals(graph, batch=4, length=1000)  # much longer than the poles remember
    kept = PlacePoles(calibration, solved=False)(graph)
    assert_on_grid(kept, "increment")
    nearest = Quantise(QuantiseOptions("qssm", 8, 8, 8, 8), FORMAT)(graph)
    rounded = dict(graph.by_name)
    for ssm in ssm_layers(graph):
        made = nearest[f"{ssm.transition}_d"]
        assert isinstance(made, Diag)
        rounded[ssm.transition] = Diag(
            name=ssm.transition,
            type=graph[ssm.transition].type,
            inputs=graph[ssm.transition].inputs,
            lambda_bar=Table.real(1.0 + made.lambda_bar.as_complex()),
        )
    plain = replace(graph, ops=tuple(rounded.values()))
    (ssm,) = ssm_layers(graph)
    wanted, ours, theirs = (calibration.collect(one, [ssm.result])[ssm.result] for one in (graph, kept, plain))
    assert ((ours - wanted) ** 2).sum() < ((theirs - wanted) ** 2).sum()
