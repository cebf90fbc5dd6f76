"""Balance: powers of two that fill the range of every state, and change no answer by a single bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.calibration import Calibration
from qssmc.frontend import trace
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.graph import RANGE_ROWS
from qssmc.ir.ops import Inject, Readout, State
from qssmc.models import ModelConfig
from qssmc.passes.balance import balance
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc_sim import run
from support.random_models import (
    configs,
    mimo_graph,
    ragged_graph,
    random_model,
    sensor_samples,
    to_real,
)

BEFORE = """
graph t : discrete
%u : f64[1] = input
%x : cf64[3] = state from "ssm"
%ax : cf64[3] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
%bu : cf64[3] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
%xn : cf64[3] = add %ax %bu from "ssm"
%y : f64[1] = readout %xn c=@y.c heads=@bu.heads channels=1 from "ssm"
next %x = %xn
output y : step = %y
table @ax.lambda_bar : real[3,2]
  0.5 0.0 0.75 0.25 0.0 0.5
table @bu.b_bar : real[3,2]
  6.0 0.0 0.0 0.125 0.0 0.0
table @bu.heads : int[3]
  0 0 0
table @y.c : real[3,2]
  1.0 0.5 -2.0 1.0 3.0 3.0
"""


def calibrated(graph: Graph, d_input: int, seed: int = 0) -> Graph:
    """The graph as balance wants it: canonical, discrete, with ranges."""
    return Calibrate(Calibration(to_real(sensor_samples(d_input, seed)), run))(discretize(canonicalise(graph)))


def by_hand(samples: list[float]) -> Graph:
    return Calibrate(Calibration(np.array(samples).reshape(1, -1, 1), run))(parse(BEFORE))


def test_text_before_and_after(golden: Callable[[str, str], None]) -> None:
    after = balance(by_hand([1.0, 0.0, -1.0, 1.0]))
    golden("balance.ir", print_graph(after.with_ops(after.ops)).split("range ")[0])


def test_factors_are_powers_of_two_and_dead_states_keep_one() -> None:
    before = by_hand([1.0, 0.0, -1.0, 1.0])
    after = balance(before)
    assert isinstance(before["bu"], Inject)
    assert isinstance(after["bu"], Inject)
    assert isinstance(before["y"], Readout)
    assert isinstance(after["y"], Readout)
    # The first state reaches 6, so it is divided by 8; the second is 1/8 at most; the third never moves.
    wanted = np.array([[8.0], [0.125], [1.0]])
    np.testing.assert_array_equal(before["bu"].b_bar.data, after["bu"].b_bar.data * wanted)
    np.testing.assert_array_equal(after["y"].c.data, before["y"].c.data * wanted)


def test_ranges_move_with_the_states() -> None:
    before = by_hand([1.0, 0.0, -1.0, 1.0])
    after = balance(before)
    again = Calibrate(Calibration(np.array([1.0, 0.0, -1.0, 1.0]).reshape(1, -1, 1), run))(after)
    for name in ("ax", "bu", "xn"):
        exact = [RANGE_ROWS.index(row) for row in ("min", "max")]
        np.testing.assert_array_equal(after.ranges[name].data[exact], again.ranges[name].data[exact])
    assert after.ranges["y"] == before.ranges["y"]


def assert_balanced(graph: Graph) -> None:
    """Every state that moves reaches between a half and one, by the 99.9 % range."""
    low, high = RANGE_ROWS.index("low_999"), RANGE_ROWS.index("high_999")
    for state in graph.states:
        if state.type.complex:
            rows = graph.ranges[graph.updates[state.name]].data
            reach = np.maximum(-rows[low], rows[high]).max(axis=-1)
            assert ((reach == 0.0) | ((reach > 0.5) & (reach <= 1.0))).all()


@settings(max_examples=15)
@given(config=configs(), seed=st.integers(0, 99))
def test_answers_stay_to_the_last_bit_and_twice_is_once(config: ModelConfig, seed: int) -> None:
    before = calibrated(trace(random_model(config, seed), config.d_input), config.d_input, seed)
    after = balance(before)
    samples = to_real(sensor_samples(config.d_input, seed + 1))
    np.testing.assert_array_equal(run(after, samples).outputs["y"], run(before, samples).outputs["y"])
    assert_balanced(after)
    assert balance(after) == after


@pytest.mark.parametrize(
    "graph", [mimo_graph(), mimo_graph(5, 3, 1), ragged_graph([2, 0, 3]), ragged_graph([0, 0])], ids=lambda g: g.name
)
def test_mimo_ragged_and_empty(graph: Graph) -> None:
    d_input = graph.inputs[0].type.shape[0]
    before = calibrated(graph, d_input)
    after = balance(before)
    samples = to_real(sensor_samples(d_input, 5))
    np.testing.assert_array_equal(run(after, samples).outputs["y"], run(before, samples).outputs["y"])
    assert_balanced(after)


@pytest.mark.parametrize(
    "seen",
    [
        "%seen : f64[6] = unpair %xn",
        "%twice : cf64[3] = scale %xn factor=2.0\n%seen : f64[6] = unpair %twice",
        "%seen : f64[6] = unpair %ax",
    ],
)
def test_states_that_something_else_reads_keep_their_scale(seen: str) -> None:
    text = BEFORE.replace("%y : f64[1]", f"{seen}\n%y : f64[1]").replace("next", "output seen : step = %seen\nnext", 1)
    ops, rest = text.split("output seen : step = %seen\n")
    before = Calibrate(Calibration(np.ones((1, 5, 1)), run))(
        parse(ops + rest.replace("output y", "output seen : step = %seen\noutput y"))
    )
    assert balance(before) == before


def test_coupled_states_keep_their_scale() -> None:
    text = BEFORE.replace("next %x = %xn", "next %x = %xn\nnext %z = %zn").replace(
        "%y : f64[1]", '%z : cf64[3] = state from "other"\n%zn : cf64[3] = add %z %xn\n%y : f64[1]'
    )
    before = Calibrate(Calibration(np.ones((1, 5, 1)), run))(parse(text))
    assert len([op for op in before.ops if isinstance(op, State)]) == 2
    assert balance(before) == before


def test_a_graph_without_complex_states_comes_back_equal() -> None:
    text = """
graph t : discrete
%u : f64[1] = input
%total : f64[1] = state
%total_n : f64[1] = add %total %u
next %total = %total_n
output y : last = %total
"""
    before = Calibrate(Calibration(np.ones((1, 5, 1)), run))(parse(text))
    assert balance(before) == before
