"""Calibrate: what was observed is noted, to the accuracy that the histogram promises."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.errors import UsageError
from qssmc.ir import Graph, Table, parse, print_graph
from qssmc.ir.graph import RANGE_ROWS
from qssmc.ir.ops import State
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc_sim import run
from support.random_models import ragged_graph, sensor_samples, to_real

WIRE = "graph t : discrete\n%u : f64[1] = input\noutput y : step = %u\n"
BIN = 1.0 / 16  # the widest bin, relative to its lower edge
SHARES = {"999": 0.999, "99999": 0.99999}


def observed(values: NDArray[np.float64]) -> dict[str, float]:
    """The range rows of one element that takes the given values."""
    graph = Calibrate(Calibration(values.reshape(len(values), -1, 1), run))(parse(WIRE))
    rows = graph.ranges["u"].data
    return {name: float(rows[i, 0]) for i, name in enumerate(RANGE_ROWS)}


def true_percentiles(values: NDArray[np.float64], share: float) -> tuple[float, float]:
    """The values that (1 - share) / 2 of the samples lie below and above of, none of them between."""
    ordered = np.sort(values.ravel())
    outside = int((1.0 - share) / 2.0 * len(ordered))
    return float(ordered[outside]), float(ordered[-1 - outside])


@pytest.mark.parametrize("shape", [(1, 5000), (50, 100), (400, 3)])
@pytest.mark.parametrize(
    "draw",
    [
        lambda r, s: r.normal(size=s),
        lambda r, s: r.standard_cauchy(s),
        lambda r, s: r.uniform(-3.0, 0.5, s),
        lambda r, s: -r.exponential(10.0, s),
        lambda r, s: 1e-6 * r.normal(size=s),
        lambda r, s: 1e5 * r.normal(size=s),
        lambda r, s: np.round(r.normal(size=s)),
    ],
    ids=["normal", "cauchy", "uniform", "negative", "small", "large", "steps"],
)
def test_known_distributions(draw: Callable[..., NDArray[np.float64]], shape: tuple[int, int]) -> None:
    values = draw(np.random.default_rng(3), shape)
    found = observed(values)
    assert found["min"] == values.min()
    assert found["max"] == values.max()
    assert found["rms"] == pytest.approx(np.sqrt((values**2).mean()), rel=1e-12)
    for name, share in SHARES.items():
        for row, true in zip((f"low_{name}", f"high_{name}"), true_percentiles(values, share), strict=True):
            assert found["min"] <= found[row] <= found["max"]
            if 2.0**-28 < abs(true) < 2.0**12:
                assert abs(true) <= abs(found[row]) <= abs(true) * (1 + BIN), row
                assert np.sign(found[row]) == np.sign(true)


def test_values_beyond_the_bins_fall_back_on_the_extremes() -> None:
    found = observed(np.linspace(-1e9, 1e9, 5000))
    assert (found["low_999"], found["high_999"]) == (-1e9, 1e9)
    found = observed(np.linspace(-1e-12, 1e-12, 5000))
    assert (found["low_999"], found["high_999"]) == (-1e-12, 1e-12)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -1.0, 0.3, -4095.9, 4096.0, 1e-300, -1e300 / 1e160])
def test_constants(value: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = observed(np.full((3, 7), value))
    assert {found[row] for row in RANGE_ROWS[:-1]} == {value}
    assert found["rms"] == pytest.approx(abs(value), rel=1e-12, abs=1e-200)


@pytest.mark.parametrize("share", SHARES)
def test_a_few_outliers_are_left_out_and_many_are_not(share: str) -> None:
    values = np.full((50_000, 20), 0.5)
    values[:4, 0] = 100.0  # 0.0004 %, below half of 0.001 %
    assert observed(values)[f"high_{share}"] == pytest.approx(0.5, rel=BIN)
    values[:501, 0] = 100.0  # more than 0.05 %
    assert observed(values)[f"high_{share}"] == 100.0


def test_every_value_is_noted_but_states_and_dead_ops() -> None:
    before = discretize(canonicalise(ragged_graph([2, 0, 1], output="last")))
    after = Calibrate(Calibration(to_real(sensor_samples(2)), run))(before)
    assert set(after.ranges) == {op.name for op in before.ops if not isinstance(op, State)}
    assert all(after.ranges[name].shape == (7, *after[name].type.array_shape) for name in after.ranges)
    assert (after.ops, after.outputs, after.updates) == (before.ops, before.outputs, before.updates)


def test_elements_and_lanes_are_kept_apart() -> None:
    ops = "%u : f64[4] = input\n%p : cf64[2] = pair %u\n%q : f64[4] = unpair %p"
    graph = parse(f"graph t : discrete\n{ops}\noutput y : step = %q\n")
    after = Calibrate(Calibration(np.arange(8.0).reshape(1, 2, 4), run))(graph)
    assert after.ranges["p"].data[0].tolist() == [[0.0, 2.0], [1.0, 3.0]]
    assert after.ranges["p"].data[1].tolist() == [[4.0, 6.0], [5.0, 7.0]]


def test_text_before_and_after(golden: Callable[[str, str], None]) -> None:
    text = """
graph t : discrete
%u : f64[1] = input
%e : f64[2] = matvec %u weight=@e.weight bias=@e.bias
output y : step = %e
table @e.weight : real[2,1]
  1.0 -2.0
table @e.bias : real[2]
  0.0 0.5
"""
    after = Calibrate(Calibration(np.array([[[0.0], [1.0], [0.0], [-3.0]]]), run))(parse(text))
    exact = {name: np.round(table.data, 9) for name, table in after.ranges.items()}
    golden("calibrate.ir", print_graph(_with_ranges(after, exact)))


def test_calibrating_twice_changes_nothing() -> None:
    calibrate = Calibrate(Calibration(to_real(sensor_samples(2)), run))
    once = calibrate(discretize(canonicalise(ragged_graph([2, 1]))))
    assert calibrate(once) == once


@pytest.mark.parametrize("shape", [(0, 5, 1), (5, 0, 1), (5, 5, 0), (5, 5), (0,)])
def test_empty_data_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="calibration data must hold at least one sequence"):
        Calibrate(Calibration(np.zeros(shape), run))(parse(WIRE))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(UsageError, match="not finite: u"), np.errstate(all="ignore"):
        Calibrate(Calibration(np.array([[[1.0], [bad]]]), run))(parse(WIRE))


def _with_ranges(graph: Graph, ranges: dict[str, NDArray[np.float64]]) -> Graph:
    return replace(graph, ranges={name: Table.real(data) for name, data in ranges.items()})
