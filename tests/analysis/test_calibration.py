"""Calibration: every sequence is seen once, in parts; what is collected is what a whole run gives."""

from __future__ import annotations

import numpy as np
import pytest

from qssmc.analysis.calibration import Calibration, only
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.input_bits import InputBits
from qssmc_sim import run
from support.layers import layer, reals
from support.random_models import ragged_graph


def test_batches_hold_every_sequence_once() -> None:
    graph = layer()
    samples = np.arange(30000).reshape(-1, 1, 1)
    parts = list(Calibration(samples, run).batches(graph))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate(parts), samples)


def test_only_keeps_what_a_value_needs_and_its_states() -> None:
    small = only(layer(), ["cx"])
    assert {op.name for op in small.ops} == {"u", "e", "x", "ax", "bu", "xn", "cx"}
    assert small.updates == {"x": "xn"}


@pytest.mark.parametrize("every", [1, 7])
def test_collect_is_what_a_whole_run_gives(every: int) -> None:
    graph = layer()
    calibration = reals(graph, 0)
    wanted: list[np.ndarray] = []
    run(graph, calibration.samples, lambda t, values: wanted.append(np.array(values["y"])))
    found = calibration.collect(graph, ["y"], every)["y"]
    np.testing.assert_array_equal(found, np.stack(wanted, axis=1)[:, ::every])


def test_percentiles_of_every_so_many_steps_and_extremes_of_all() -> None:
    graph = layer()
    samples = np.zeros((4, 200, 1))
    samples[:, 1::5] = 1.0  # never at a multiple of 5
    found = Calibrate(Calibration(samples, run), every=5)(graph).ranges["u"].data[:, 0]
    assert found[1] == 1.0
    assert found[3] < 1e-6


def test_input_bits_note_every_matvec_on_an_input_and_no_other() -> None:
    graph = InputBits(5)(ragged_graph([1, 2]))
    assert {name: int(bits.data) for name, bits in graph.bits.items()} == {"encoder.weight": 5}
