"""Gain: the mean squared change of what the model answers, by hand where it is linear, measured where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qssmc.analysis.sensitivity import downstream_gain
from qssmc.ir import Graph
from qssmc.ir.answers import answering
from qssmc.ir.ops import Activation
from support.layers import layer, reals

OUT = np.array([[1.0, -0.5], [0.25, 1.5]])  # of LAYER


def linear() -> Graph:
    """LAYER with its relu taken out of the way: tanh of numbers so small that it is a line."""
    return answering(layer(), "class")


def test_by_hand_through_a_relu() -> None:
    graph = linear()
    calibration = reals(graph, 0)
    y = calibration.part(slice(8)).collect(graph, ["y"], 29)["y"].reshape(-1, 2)
    open_share = (y > 0).mean(axis=0)
    wanted = ((OUT - OUT.mean(axis=0)) ** 2).sum(axis=0) * open_share
    np.testing.assert_allclose(downstream_gain(graph, "y", calibration), wanted, rtol=1e-6)


def test_half_of_an_error_of_one_of_two_classes_is_shared() -> None:
    graph = linear()
    np.testing.assert_array_equal(downstream_gain(graph, "out", reals(graph, 0)), [0.5, 0.5])


def test_values_count_in_their_own_deviation() -> None:
    graph, calibration = layer(), reals(layer(), 0)
    deviation = calibration.collect(graph, ["out"])["out"].std(axis=(0, 1))
    np.testing.assert_allclose(downstream_gain(graph, "out", calibration), deviation**-2.0, rtol=1e-12)


def test_a_matrix_twice_as_large_gains_four_times_as_much() -> None:
    graph, larger = (answering(one, "class") for one in (layer(), layer(out_weight="2.0 -1.0 0.5 3.0")))
    calibration = reals(graph, 0)
    once, twice = (downstream_gain(one, "y", calibration) for one in (graph, larger))
    np.testing.assert_allclose(twice, 4.0 * once, rtol=1e-9)


def test_a_steep_function_gains_more_than_a_flat_one() -> None:
    graph = layer()
    flat = graph.with_ops(replace(op, kind="sigmoid") if isinstance(op, Activation) else op for op in graph.ops)
    calibration = reals(graph, 0)
    steep = downstream_gain(graph, "y", calibration)
    assert (downstream_gain(flat, "y", calibration)[steep > 0] < steep[steep > 0]).all()
