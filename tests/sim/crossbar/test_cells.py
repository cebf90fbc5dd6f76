"""Cells: every error has the mean, the variance and the count that its device model states."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qssmc.errors import UsageError
from qssmc_sim.crossbar import Device, preset
from qssmc_sim.crossbar.cells import program

GAUSSIAN = preset("gaussian")
# A column whose largest weight is 100, over many rows: 40 000 draws of each statistic.
WEIGHTS = np.tile(np.array([[100.0, -50.0, 20.0, 0.0]]), (1, 10_000))


def drawn(device: Device, seed: int = 1, weights: np.ndarray = WEIGHTS) -> np.ndarray:
    return program(weights, device, np.random.default_rng(seed))


def test_the_ideal_device_holds_the_targets() -> None:
    assert (drawn(preset("ideal")) == WEIGHTS).all()


@pytest.mark.parametrize("sigma", [0.003, 0.01, 0.1])
def test_programming_errors_are_unbiased_and_relative_to_the_largest_weight(sigma: float) -> None:
    error = (drawn(GAUSSIAN.with_(programming=sigma)) - WEIGHTS)[WEIGHTS != 0]
    deviation = sigma * 100.0
    assert abs(error.mean()) < 4.0 * deviation / math.sqrt(error.size)
    assert error.std() == pytest.approx(deviation, rel=0.02)


def test_the_largest_weight_is_that_of_each_column() -> None:
    weights = np.vstack([np.full(20_000, 10.0), np.full(20_000, 1000.0)])
    error = drawn(GAUSSIAN.with_(programming=0.01), weights=weights) - weights
    assert error.std(axis=1) == pytest.approx([0.1, 10.0], rel=0.03)


def test_cells_of_weight_zero_hold_nothing_unless_they_are_idle() -> None:
    device = GAUSSIAN.with_(programming=0.05)
    assert (drawn(device)[WEIGHTS == 0] == 0).all()
    idle = drawn(device.with_(idle=True))[WEIGHTS == 0]
    assert idle.std() == pytest.approx(5.0, rel=0.03)


@pytest.mark.parametrize(("stuck", "share"), [("stuck_on", 0.02), ("stuck_off", 0.01)])
def test_so_many_cells_are_stuck(stuck: str, share: float) -> None:
    """A weight of 100 is G+ at the top and G- at the bottom, so exactly one kind of stuck cell shows in each."""
    weights = np.full((1, 50_000), 100.0)
    changed = (drawn(GAUSSIAN.with_(**{stuck: share}), weights=weights) != weights).sum()
    deviation = math.sqrt(50_000 * share * (1 - share))
    assert abs(changed - 50_000 * share) < 4 * deviation


def test_where_stuck_cells_sit() -> None:
    weights = np.array([[100.0, -100.0]])
    on, off = (drawn(GAUSSIAN.with_(**{name: 1.0}), weights=weights) for name in ("stuck_on", "stuck_off"))
    assert on == pytest.approx(np.zeros((1, 2)))
    assert off == pytest.approx(np.zeros((1, 2)))


def test_the_pcm_polynomial_is_aihwkits() -> None:
    """0.26348 + 1.9650 g - 1.1731 g^2, in uS at g_max = 25 uS."""
    found = preset("pcm").cell_deviation(np.array([0.0, 12.5, 25.0]))
    assert found == pytest.approx([0.26348, 0.26348 + 0.9825 - 0.293275, 0.26348 + 1.9650 - 1.1731])


def test_drift_follows_its_power_law_and_compensation_undoes_its_mean() -> None:
    quiet = preset("pcm").with_(polynomial=(), one_over_f=None, age=86400.0, compensation="none")
    weights = np.full((1, 40_000), 100.0)
    kept = drawn(quiet, weights=weights) / 100.0
    # At full conductance nu is 0.049 in the mean with a deviation of 0.008; G- at zero stays zero.
    expected = (86420.0 / 20.0) ** -0.049 * math.exp(0.5 * (0.008 * math.log(86420.0 / 20.0)) ** 2)
    assert kept.mean() == pytest.approx(expected, rel=2e-3)
    for compensation in ("column", "global"):
        back = drawn(quiet.with_(compensation=compensation), weights=weights) / 100.0
        assert back.mean() == pytest.approx(1.0, rel=1e-9)


def test_wires_take_more_from_cells_further_away() -> None:
    device = GAUSSIAN.with_(wire=5.0)
    held = drawn(device, weights=np.full((4, 4), 7.0))
    assert (held < 7.0).all()
    # Row 3 is nearest to the converters, column 0 nearest to the drivers.
    assert held[0, 3] == held.max()
    assert held[3, 0] == held.min()
    g = 100.0e-6
    expected = 100.0 / (1 + g * 5.0 * 2) - 1.0 / (1 + 1e-6 * 5.0 * 2)
    assert held[0, 3] == pytest.approx(7.0 * expected / 99.0)


def test_a_seed_is_a_device() -> None:
    device = preset("taox")
    assert (drawn(device, 3) == drawn(device, 3)).all()
    assert (drawn(device, 3) != drawn(device, 4)).any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"programming": -0.1}, "programming must be a number of at least 0, not -0.1"),
        ({"g_max": 0.5}, r"g_max must be above g_min \(1 uS\), not 0.5"),
        ({"stuck_on": 0.7, "stuck_off": 0.7}, "probabilities, but add up to 1.4"),
        ({"age": 10.0}, "age needs a device that drifts"),
        ({"noise": 1.0}, "a device has no noise; it has age"),
    ],
)
def test_devices_that_cannot_be(changes: dict[str, float], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        GAUSSIAN.with_(**changes)


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="device must be one of ideal, gaussian, pcm, taox, not 'flash'"):
        preset("flash")
