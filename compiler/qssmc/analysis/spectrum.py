"""Spectrum: what a layer's inputs contain, and what its poles make of it, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.ir.graph import Graph

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
_SEQUENCES, _DENSE, _POINTS = 64, 64, 384


class Spectrum:
    """Energy a step of each channel of a value at some frequencies; integrals over frequency become sums.

    frequency: (K,) radians a step, dense near 0 where slow poles live; energy: (K, channels), weighted so that its sum
    over K is the mean square.
    """

    def __init__(self, values: Real) -> None:
        count, length, _ = values.shape
        size = 4 << (length - 1).bit_length()
        power = (np.abs(np.fft.rfft(values, size, axis=1)) ** 2).sum(axis=0) / (size * count * length)
        power[1:-1] *= 2.0  # the negative frequencies
        last = len(power) - 1
        far = np.geomspace(_DENSE, last, _POINTS).astype(int) if last > _DENSE else np.array([], int)
        points = np.unique(np.concatenate([np.arange(min(_DENSE, last) + 1), far]))
        # Each point stands for the bins nearest to it.
        edges = np.concatenate([[0], (points[1:] + points[:-1] + 1) // 2, [last + 1]])
        self.energy = np.add.reduceat(power, edges[:-1], axis=0)
        self.frequency = points * (2.0 * np.pi / size)

    def response(self, poles: Complex) -> Complex:
        """What each pole makes of an impulse, 1 / (1 - lambda e^(-jw)): (S, K)."""
        return np.asarray(1.0 / (1.0 - poles[:, None] * np.exp(-1j * self.frequency)))


def spectrum_of(graph: Graph, value: str, calibration: Calibration) -> Spectrum:
    """The spectrum of a real value on calibration data."""
    return Spectrum(calibration.part(slice(_SEQUENCES)).collect(graph, [value])[value])
