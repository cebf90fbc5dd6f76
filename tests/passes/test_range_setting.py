"""RangeSetting: no window costs more than percentiles, quiet sequences keep their resolution, and quantise obeys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.ir import Graph, parse
from qssmc.ir.graph import RANGE_ROWS
from qssmc.ir.ops import Cast
from qssmc.ir.table import Table
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.quantise.grids import IntegerWindow, power_of_two_window, round_in_window
from qssmc.passes.range_setting import RangeSetting
from qssmc_sim import run
from support.layers import calibrated, discrete
from support.random_models import FORMAT, configs, sensor_samples, to_real

LOW, HIGH = RANGE_ROWS.index("low_99999"), RANGE_ROWS.index("high_99999")
RELU = """
graph t : discrete
%u : f64[1] = input
%h : f64[2] = matvec %u weight=@h.weight bias=@h.bias
%r : f64[2] = activation %h kind=relu
output y : step = %r
table @h.weight : real[2,1]
  1.0
  0.5
table @h.bias : real[2]
  0.0 0.0"""


def loudness(levels: list[float]) -> NDArray[np.float64]:
    """One sequence a level, noise of that rms."""
    noise = np.random.default_rng(3).normal(size=(len(levels), 29 * 60, 1))
    return noise * np.array(levels)[:, None, None]


def clipped(text: str, samples: NDArray[np.float64], bits: int) -> Graph:
    return RangeSetting(bits, Calibration(samples, run))(Calibrate(Calibration(samples, run))(parse(text)))


def window(graph: Graph, name: str, bits: int) -> IntegerWindow:
    data = graph.ranges[name].data
    return power_of_two_window(data[LOW], data[HIGH], bits)


def test_a_quiet_sequence_beside_a_loud_one_keeps_its_levels() -> None:
    samples = loudness([1.0, 0.02, 0.02, 0.02])
    before, after = Calibrate(Calibration(samples, run))(parse(RELU)), clipped(RELU, samples, 6)
    coarse, fine = window(before, "u", 6), window(after, "u", 6)
    assert (fine.scale <= coarse.scale / 4).all()
    quiet = samples[1]
    fine_error, coarse_error = (((round_in_window(quiet, w) - quiet) ** 2).mean() / quiet.var() for w in (fine, coarse))
    assert fine_error < 0.1 < coarse_error


def test_sequences_alike_are_hardly_clipped() -> None:
    samples = loudness([1.0] * 4)
    found = window(clipped(RELU, samples, 8), "u", 8)
    assert np.mean(np.abs(samples) > found.high * found.scale) < 1e-3


def test_what_a_relu_does_not_see_gets_no_levels() -> None:
    samples = loudness([1.0])
    before, found = Calibrate(Calibration(samples, run))(parse(RELU)), window(clipped(RELU, samples, 4), "h", 4)
    assert (found.scale == window(before, "h", 4).scale.max() / 2).all()
    assert (found.low > -4).all()


def test_a_silent_sequence_changes_nothing() -> None:
    samples = loudness([1.0, 0.5])
    silent = np.concatenate([samples, np.zeros_like(samples[:1])])
    for name in ("u", "h"):
        a, b = clipped(RELU, samples, 6), clipped(RELU, silent, 6)
        np.testing.assert_array_equal(a.ranges[name].data[2:6], b.ranges[name].data[2:6])


def test_a_note_of_bits_goes_before() -> None:
    graph = replace(Calibrate(Calibration(loudness([1.0]), run))(parse(RELU)), bits={"u": Table.integer(3)})
    after = RangeSetting(8, Calibration(loudness([1.0]), run))(graph)
    found = window(after, "u", 3)
    data = after.ranges["u"].data
    np.testing.assert_array_equal([found.low * found.scale, found.high * found.scale], data[[LOW, HIGH]])


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(configs(), st.integers(3, 10), st.integers(0, 3))
def test_quantise_takes_the_window_and_it_costs_no_more(config: Any, bits: int, seed: int) -> None:
    graph = calibrated(discrete(config, seed), seed)
    samples = to_real(sensor_samples(config.d_input, seed))
    after = RangeSetting(bits, Calibration(samples, run))(graph)
    quantised = Quantise(QuantiseOptions(activation_bits=bits), FORMAT)(after)
    for op in quantised.ops:
        source = op.name.removesuffix("_q")
        if isinstance(op, Cast) and source in after.ranges and not op.type.complex:
            data = after.ranges[source].data
            if source in after.updates.values():
                np.testing.assert_array_equal(data, graph.ranges[source].data)  # a running sum
            elif (data[LOW] != graph.ranges[source].data[LOW]).any():
                assert (op.scale.data * op.low.data <= np.maximum(0, data[LOW])).all()
                levels = op.high.data - op.low.data + 1
                assert (levels == 2**bits).all()


def test_the_same_twice() -> None:
    samples = loudness([1.0, 0.1])
    assert clipped(RELU, samples, 5) == clipped(RELU, samples, 5)


@pytest.mark.parametrize("bits", [2, 16])
def test_extremes_of_bits(bits: int) -> None:
    found = window(clipped(RELU, loudness([1.0]), bits), "u", bits)
    assert (found.high - found.low + 1 == 2**bits).all()
