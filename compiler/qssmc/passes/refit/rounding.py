"""Rounding: weights onto a grid with the least squared error of what they compute, not of themselves.

Each rounded weight's error is moved onto the weights not yet rounded, through the inverse Gram matrix (optimal brain
surgery; as in GPTQ, arXiv 2210.17323); then single weights are moved by whole steps while that helps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
_SWEEPS = 8
_FINER = (1.0, 0.5, 0.25)  # how much finer than a scale that reaches all weights the grid may be


@dataclass(frozen=True)
class Levels:
    """Weight i is unit[i] * q with low[i] <= q <= high[i]."""

    unit: Real
    low: Real
    high: Real

    def round(self, weight: Real, at: int | slice = slice(None)) -> Real:
        """The nearest weights, as multiples of the unit."""
        q = np.clip(np.rint(weight / self.unit[at]), self.low[at], self.high[at])
        return np.asarray(q * self.unit[at])


def round_all(gram: Real, weight: Real, levels: Levels) -> Real:
    """Weights (F,) on their levels that come near the least of (w - weight)^T gram (w - weight).

    Never worse than each weight's nearest level.
    """
    found = _descend(gram, weight, _compensate(gram, weight, levels), levels)
    nearest = levels.round(weight)
    if cost(gram, weight, found) <= cost(gram, weight, nearest):
        return found
    return _descend(gram, weight, nearest, levels)


def cost(gram: Real, weight: Real, rounded: Real) -> float:
    """(rounded - weight)^T gram (rounded - weight)."""
    error = rounded - weight
    return float(error @ gram @ error)


def round_group(gram: Real, weight: Real, bits: int, group: NDArray[np.bool_], rest: Levels) -> tuple[Real, float]:
    """The weights of a group on one power-of-two unit of `bits`, the others on the levels of rest.

    Returns the weights and the unit: the best of the one that reaches the group's largest weight and finer ones.
    """
    top = 2.0 ** (bits - 1)
    largest = float(np.abs(weight[group]).max(initial=0.0))
    whole = 2.0 ** np.ceil(np.log2(largest / (top - 1))) if largest > 0.0 else 1.0
    found: list[tuple[float, Real, float]] = []
    for finer in _FINER:
        unit = np.where(group, whole * finer, rest.unit)
        levels = Levels(unit, np.where(group, -top, rest.low), np.where(group, top - 1, rest.high))
        rounded = round_all(gram, weight, levels)
        found.append((cost(gram, weight, rounded), rounded, whole * finer))
    best = min(found, key=lambda item: item[0])
    return best[1], best[2]


def _compensate(gram: Real, weight: Real, levels: Levels) -> Real:
    order = np.argsort(-np.diag(gram) * levels.unit**2, kind="stable")  # what costs most to move is rounded first
    inverse = np.linalg.inv(gram)[np.ix_(order, order)]
    open_, rounded = weight[order].copy(), np.zeros(len(weight))
    for i, at in enumerate(order):
        rounded[at] = levels.round(open_[i], at)
        open_[i:] -= (open_[i] - rounded[at]) / inverse[i, i] * inverse[i, i:]
        inverse[i + 1 :, i + 1 :] -= np.outer(inverse[i + 1 :, i], inverse[i, i + 1 :]) / inverse[i, i]
    return rounded


def _descend(gram: Real, weight: Real, rounded: Real, levels: Levels) -> Real:
    found, diagonal = rounded.copy(), np.diag(gram)
    slope = gram @ (found - weight)
    for _ in range(_SWEEPS):
        moved = False
        for i in range(len(found)):
            better = float(levels.round(found[i] - slope[i] / diagonal[i], i))
            if better != found[i]:
                slope += gram[:, i] * (better - found[i])
                found[i], moved = better, True
        if not moved:
            break
    return found
