"""Readout: the y columns, by least squares on the codes that the oscillators' rows really carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Normals:
    """Normal equations of every head's y column over rows of codes, summed over what is shown to it.

    rows: of each head, its indices into the codes.
    """

    rows: Sequence[Ints]

    def __post_init__(self) -> None:
        self.gram = [np.zeros((len(own), len(own))) for own in self.rows]
        self.moment = [np.zeros(len(own)) for own in self.rows]

    def see(self, codes: Real, y: Real) -> None:
        """Add sequences at one step. codes: (count, rows); y: (count, heads), the wanted output."""
        for head, own in enumerate(self.rows):
            seen = codes[:, own].astype(np.float64)
            self.gram[head] += seen.T @ seen
            self.moment[head] += seen.T @ y[:, head]

    def solve(self, count: int, ridge: float) -> Real:
        """Weights (heads, count of rows). ridge is relative to each row's energy; rows never driven get none."""
        weights = np.zeros((len(self.rows), count))
        for head, own in enumerate(self.rows):
            energy = np.sqrt(np.diag(self.gram[head]))
            alive = energy > 0
            size = energy[alive]
            gram = self.gram[head][np.ix_(alive, alive)] / np.outer(size, size)
            found = np.linalg.solve(gram + ridge * np.eye(len(size)), self.moment[head][alive] / size) / size
            weights[head, own[alive]] = found
        return weights
