"""Least squares: normal equations that are summed up row by row, and ridge solutions of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


@dataclass
class Normal:
    """gram = sum of m m^T, moment = sum of m y^T, energy = sum of y^2, over rows m (F,) with targets y (K,)."""

    gram: Real
    moment: Real
    energy: Real
    rows: int = 0

    @classmethod
    def empty(cls, features: int, targets: int) -> Normal:
        """Equations without a row."""
        return cls(np.zeros((features, features)), np.zeros((features, targets)), np.zeros(targets))

    def see(self, features: Real, targets: Real) -> None:
        """Add rows. features: (n, F); targets: (n, K)."""
        self.gram += features.T @ features
        self.moment += features.T @ targets
        self.energy += (targets**2).sum(axis=0)
        self.rows += len(features)

    def error(self, weight: Real) -> Real:
        """The sum of squared errors of each target for weights (F, K)."""
        return np.asarray(
            self.energy - 2 * (weight * self.moment).sum(axis=0) + (weight * (self.gram @ weight)).sum(axis=0)
        )


def ridged(gram: Real, relative: float) -> Real:
    """The Gram matrix with a ridge: a share of each diagonal element, and a little of their mean for silent ones."""
    diagonal = np.diag(gram)
    floor = 1e-9 * diagonal.mean() if len(gram) else 0.0
    return np.asarray(gram + np.diag(relative * diagonal + floor + np.finfo(np.float64).tiny))


def solve(gram: Real, moment: Real) -> Real:
    """gram^-1 moment of a positive definite gram; where it is not, numerically, of the least-norm kind."""
    try:
        factor = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(gram, moment, rcond=1e-12)[0])
    return np.asarray(np.linalg.solve(factor.T, np.linalg.solve(factor, moment)))
