"""Accuracy: the smallest design whose accuracy on held-out sequences holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qssmc.errors import UsageError
from qssmc.search.explore import Explorer, Prediction
from qssmc.search.objective import Measured

_RUNGS = 32  # budgets between the smallest design and the largest, by ratio


def smallest_accurate(explorer: Explorer, percent: float, say: Callable[[str], Any]) -> tuple[Prediction, Measured]:
    """Bisects over budgets, each tried in full; accuracy is taken to grow with the budget."""
    if explorer.objective.labelled is None:
        raise UsageError("--min-accuracy needs labelled sequences; give --calib DATASET:COUNT")
    budgets = ladder(explorer, _RUNGS)
    best: tuple[Prediction, Measured] | None = None
    seen = 0.0
    low, high = -1, len(budgets)
    at = high - 1
    while high - low > 1:
        prediction = explorer.proven(budgets[at])
        measured = explorer.measured([(prediction.candidate, "full")])[0]
        accuracy = measured.accuracy or 0.0
        seen = max(seen, accuracy)
        say(f"search: {measured.bytes:,} bytes give {accuracy:.2f} %")
        if accuracy >= percent:
            best, high = (prediction, measured), at
        else:
            low = at
        at = (low + high) // 2
    if best is None:
        raise UsageError(
            f"an accuracy of {percent:g} % cannot be met: the best design of this search gives {seen:.2f} % of "
            f"{len(explorer.objective.labelled[1])} held-out sequences"
        )
    return best


def ladder(explorer: Explorer, rungs: int) -> list[float]:
    """Budgets in bits, each the same factor above the one before, from the smallest design to the largest."""
    low = explorer.smallest().bits
    return [float(bits) for bits in np.geomspace(low, max(low, explorer.largest()), rungs)]
