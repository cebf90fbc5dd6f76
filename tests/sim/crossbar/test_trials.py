"""Trials: corrections repair what they claim to, seeds are devices, and processes change nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from qssmc.crossbar import CrossbarOptions
from qssmc.driver.compile import compile_checkpoint
from qssmc.driver.compile_options import CompileOptions
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim.crossbar import (
    ArrayMachine,
    Setup,
    Trials,
    array_errors,
    draw,
    error_over_time,
    learn_readouts,
    preset,
    run_trials,
)
from qssmc_sim.crossbar.array import ArrayProduct, hold
from qssmc_sim.crossbar.kernel import kernels_of
from support.tiny import LENGTH, tiny_checkpoint

NOISY = preset("gaussian").with_(programming=0.05)


@cache
def oscillators() -> Graph:
    arrays = CrossbarOptions(weight_bits=8, adc_bits=8, form="oscillator")
    options = CompileOptions(
        "tiny",
        QuantiseOptions(state_bits=10, a_bits=10, dither=True),
        ("crossbar",),
        target={"crossbar": arrays},
    )
    return compile_checkpoint(tiny_checkpoint(), "0" * 64, options, say=lambda text: None).stages["oscillate"]


def samples(count: int = 40) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, LENGTH, 1))


def answers() -> np.ndarray:
    return ArrayMachine(oscillators(), {}).run(samples())["y"].argmax(axis=1)


def test_an_ideal_device_answers_as_golden() -> None:
    assert run_trials(Setup(oscillators(), preset("ideal")), samples(), answers(), 2).accuracy == 100.0


def test_seeds_and_processes() -> None:
    setup = Setup(oscillators(), NOISY.with_(read=0.01))
    alone = run_trials(setup, samples(), answers(), 3, seed=7)
    assert (alone.right == run_trials(setup, samples(), answers(), 3, seed=7, jobs=2).right).all()
    first, other = (draw(setup, (seed, 0)).held for seed in (7, 8))
    assert any((first[name].weights != other[name].weights).any() for name in first)


def test_scales_follow_the_cells_as_read_back() -> None:
    setup = Setup(oscillators(), NOISY, "scale")
    for seed in range(3):
        drawn = draw(setup, (seed, 0))
        for kernel in kernels_of(oscillators()):
            assert kernel.dv is not None
            column = np.flatnonzero(np.diagonal(kernel.weight[:-1, 1:]))  # a real pole has no cell to be read back
            state = kernel.own[column]
            factor = drawn.tables[kernel.dv.name].data[state] / kernel.dv.factor.data[state]
            cells = drawn.held[kernel.name].weights[column, 1 + column] / kernel.weight[column, 1 + column]
            assert factor * cells == pytest.approx(np.ones(len(column)), abs=2e-3)  # 10 significant bits


def test_four_lanes_hold_every_weight_twice() -> None:
    """Codes above and below 0 meet cells of their own, so that a device turns no longer with the sign of its rows."""
    target = np.random.default_rng(1).integers(-7, 8, (5, 6)).astype(float)
    product = ArrayProduct(hold(target, NOISY, np.random.default_rng(2), lanes=4), np.random.default_rng(3))
    codes = np.random.default_rng(4).integers(-9, 10, (6, 40)).astype(np.float32)
    above, below = product(np.maximum(codes, 0)), product(np.minimum(codes, 0))
    assert product(codes) == pytest.approx(above + below, abs=1e-3)
    assert np.abs(product(-np.maximum(codes, 0)) + above).max() > 0.1
    ideal = ArrayProduct(hold(target, preset("ideal"), np.random.default_rng(2), lanes=4), np.random.default_rng(3))
    assert (ideal(codes) == target @ codes).all()


def test_a_refit_reads_closer_to_ideal_arrays() -> None:
    errors = {}
    for correction in ("none", "scale", "refit"):
        setup = Setup(oscillators(), NOISY, correction, samples())  # type: ignore[arg-type]
        found = [error_over_time(setup, draw(setup, (0, trial)), samples()) for trial in range(4)]
        errors[correction] = float(np.mean(found))
    assert errors["refit"] < 0.8 * errors["none"]  # what is left is mostly the rounding of converters
    assert errors["refit"] < errors["scale"]


def test_draws_learn_from_other_devices() -> None:
    setup = Setup(oscillators(), NOISY, "draws", samples())
    readouts = learn_readouts(setup, 0)
    assert readouts.keys() == {kernel.name for kernel in kernels_of(oscillators())}
    assert run_trials(setup, samples(), answers(), 2).right.shape == (2, 40)


def test_errors_of_arrays() -> None:
    for error in array_errors(Setup(oscillators(), NOISY), 40):
        assert error.rms == pytest.approx(0.05, rel=0.15)
        assert abs(error.mean) < 4 * 0.05 / np.sqrt(40 * error.cells)


def test_an_interval_counts_devices_and_sequences() -> None:
    right = np.random.default_rng(0).random((20, 400)) < 0.9
    low, high = Trials(right).interval()
    assert low < Trials(right).accuracy < high
    # Independent answers: the binomial deviation of 20 * 400 of them, twice over for resampling both ways.
    assert 1.0 < high - low < 4.0
    assert Trials(np.ones((3, 10), bool)).interval() == (100.0, 100.0)


@pytest.mark.parametrize(
    ("correction", "sentence"),
    [("luck", "must be one of none, scale, refit, draws, not 'luck'"), ("refit", "needs calibration sequences")],
)
def test_corrections_that_cannot_be(correction: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Setup(oscillators(), NOISY, correction)  # type: ignore[arg-type]
