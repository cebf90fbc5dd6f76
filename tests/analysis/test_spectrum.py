"""Spectrum: its sum is the mean square, and what it says of a pole's output is what running the pole gives."""

from __future__ import annotations

import numpy as np
import pytest

from qssmc.analysis.spectrum import Spectrum, spectrum_of
from qssmc.models import ModelConfig
from support.layers import discrete, layer, reals


@pytest.mark.parametrize("length", [1, 2, 50, 784])
def test_the_sum_over_frequency_is_the_mean_square(length: int) -> None:
    values = np.random.default_rng(0).normal(size=(3, length, 2))
    found = Spectrum(values).energy.sum(axis=0)
    np.testing.assert_allclose(found, (values**2).mean(axis=(0, 1)), rtol=1e-12)


def test_the_energy_of_a_pole_is_that_of_running_it() -> None:
    length, poles = 2000, np.array([0.9, 0.5 + 0.6j])
    values = np.random.default_rng(1).normal(size=(4, length, 1))
    spectrum = Spectrum(values)
    both = np.abs(spectrum.response(poles)) ** 2 + np.abs(spectrum.response(np.conj(poles))) ** 2
    predicted = (both / 2.0 * spectrum.energy[:, 0]).sum(axis=1)  # a real input holds w and -w alike
    state, energy = np.zeros((4, 2), complex), np.zeros(2)
    for t in range(length):
        state = poles * state + values[:, t]
        energy += (np.abs(state) ** 2).sum(axis=0)
    np.testing.assert_allclose(predicted, energy / (4 * length), rtol=0.02)


def test_of_a_value_of_a_graph() -> None:
    graph = layer()
    calibration = reals(graph, 0)
    values = calibration.collect(graph, ["e"])["e"]
    np.testing.assert_array_equal(spectrum_of(graph, "e", calibration).energy, Spectrum(values).energy)


def test_a_traced_model() -> None:
    graph = discrete(ModelConfig(d_model=3, d_state=2), 0)
    found = spectrum_of(graph, "encoder", reals(graph, 0))
    assert found.energy.shape == (len(found.frequency), 3)
    assert (found.energy >= 0).all()
