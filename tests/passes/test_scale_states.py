"""ScaleStates: states reach their range, input weights lie on their grid exactly, and no answer changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir.graph import RANGE_ROWS
from qssmc.ir.ops import Inject, Readout
from qssmc.models import ModelConfig
from qssmc.passes.balance import balance
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.rotate import rotate
from qssmc.passes.scale_states import ScaleStates
from qssmc_sim import run
from support.layers import calibrated, discrete, layer, reals
from support.random_models import configs, mimo_graph, ragged_graph

_LOW, _HIGH = RANGE_ROWS.index("low_999"), RANGE_ROWS.index("high_999")


def test_by_hand() -> None:
    """A state that reaches 0.75 on an input weight of 0.625: 0.625 / 0.75 = 0.833, which is 3/4 in two bits."""
    before = layer(bu_b_bar="0.625 0.0 0.25 0.0 0.25 0.0", cx_c="1.0 0.5 -0.5 1.0 2.0 1.0")
    ranges = np.zeros((len(RANGE_ROWS), 3, 2))
    ranges[_HIGH], ranges[_LOW] = [[0.75, 0.1], [0.5, 0.0], [0.0, 0.0]], [[-0.5, -0.1], [0.0, -0.25], [0.0, 0.0]]
    from dataclasses import replace

    from qssmc.ir import Table

    table = Table.real(ranges)
    after = ScaleStates(2)(replace(before, ranges={"xn": table, "ax": table, "bu": table}))
    assert isinstance(after["bu"], Inject)
    assert isinstance(after["cx"], Readout)
    # The second has 0.25 / 0.5 = 0.5 already; the third never moves and keeps its scale.
    assert after["bu"].b_bar.data[:, 0].tolist() == [0.75, 0.5, 0.25]
    factor = 0.625 / 0.75
    np.testing.assert_allclose(after["cx"].c.data, [[factor, 0.5 * factor], [-0.25, 0.5], [2.0, 1.0]], rtol=1e-15)
    np.testing.assert_allclose(after.ranges["xn"].data[_HIGH, 0], [0.9, 0.12], rtol=1e-15)
    assert after.bits["bu.b_bar"].data.tolist() == 3


def test_complex_input_weights_and_mimo_graphs_are_left_alone() -> None:
    before = calibrated(layer(bu_b_bar="0.5 0.1 0.25 0.2 0.25 -0.25"))
    after = ScaleStates(1)(before)
    assert (after.ops, after.ranges) == (before.ops, before.ranges)
    before = calibrated(discretize(canonicalise(mimo_graph())))
    assert ScaleStates(1)(before) == before


@settings(max_examples=15)
@given(config=configs(), seed=st.integers(0, 99), bits=st.sampled_from([1, 2, 4, 15]))
def test_no_answer_changes(config: ModelConfig, seed: int, bits: int) -> None:
    before = balance(calibrated(rotate(discrete(config, seed)), seed))
    after = ScaleStates(bits)(before)
    samples = reals(before, seed + 1).samples
    wanted = run(before, samples).outputs["y"]
    np.testing.assert_allclose(run(after, samples).outputs["y"], wanted, rtol=1e-9, atol=1e-12)
    for ssm in ssm_layers(after):
        drive, rows = after[ssm.drive], after.ranges[ssm.total].data
        assert isinstance(drive, Inject)
        mantissa, _ = np.frexp(drive.b_bar.data[:, 0])
        np.testing.assert_allclose(mantissa * 2.0**bits, np.rint(mantissa * 2.0**bits), rtol=1e-9)
        reach = np.maximum(-rows[_LOW], rows[_HIGH]).max(axis=-1)
        assert (reach <= 1.0 + 1e-9).all()
        assert (reach >= (0.5 if bits == 1 else 1.0 - 2.0 ** (1 - bits))).all()
    again = ScaleStates(bits)(after)
    np.testing.assert_allclose(run(again, samples).outputs["y"], wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("states", [[2, 0, 3], [0, 0], [1]])
def test_ragged_and_empty_heads(states: list[int]) -> None:
    before = balance(calibrated(rotate(discretize(canonicalise(ragged_graph(states))))))
    samples = reals(before).samples
    wanted = run(before, samples).outputs["y"]
    np.testing.assert_allclose(run(ScaleStates(1)(before), samples).outputs["y"], wanted, rtol=1e-9)
