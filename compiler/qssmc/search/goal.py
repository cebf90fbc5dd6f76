"""Goal: what a user has or wants, and the design that the search finds for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qssmc.errors import UsageError
from qssmc.search.accuracy import smallest_accurate
from qssmc.search.candidate import Candidate
from qssmc.search.explore import Explorer, Prediction
from qssmc.search.objective import Measured, float_bytes

_TRIES = 8


@dataclass(frozen=True)
class Goal:
    """One of: bytes of parameters and state at most, a saving against float32, an accuracy at least (percent)."""

    budget_bytes: int | None = None
    saving: float | None = None
    min_accuracy: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.budget_bytes, self.saving, self.min_accuracy) if value is not None]
        if len(given) != 1:
            raise UsageError("give one of --budget-bytes, --saving and --min-accuracy")
        if self.budget_bytes is not None and self.budget_bytes < 1:
            raise UsageError(f"--budget-bytes must be at least 1, not {self.budget_bytes}")
        for name, value in (("--saving", self.saving), ("--min-accuracy", self.min_accuracy)):
            if value is not None and not 0 < value < 100:
                raise UsageError(f"{name} must be a percentage above 0 and below 100, not {value:g}")


@dataclass(frozen=True)
class Found:
    """A candidate that reaches the goal, what a full trial of it measured, and how it was come by."""

    candidate: Candidate
    measured: Measured
    prediction: Prediction


def reach(goal: Goal, explorer: Explorer, say: Callable[[str], Any]) -> Found:
    """The best design that meets the goal. Raises UsageError where none does, with the nearest that can be had."""
    if goal.min_accuracy is not None:
        prediction, measured = smallest_accurate(explorer, goal.min_accuracy, say)
        return Found(prediction.candidate, measured, prediction)
    if goal.saving is not None:
        budget = 8.0 * float_bytes(explorer.objective) * (1.0 - goal.saving / 100.0)
    else:
        budget = 8.0 * (goal.budget_bytes or 0)
    return within(explorer, budget, say)


def within(explorer: Explorer, budget: float, say: Callable[[str], Any]) -> Found:
    """The best design of at most so many bits as they are really counted; the prediction is tightened until it fits."""
    aim = budget
    for _ in range(_TRIES):
        prediction = explorer.proven(aim)
        if prediction.bits > aim:
            break
        measured = explorer.measured([(prediction.candidate, "full")])[0]
        say(f"search: {measured.bytes:,} bytes, loss {measured.loss:.3g} (predicted {prediction.loss:.3g})")
        if measured.bits <= budget:
            return Found(prediction.candidate, measured, prediction)
        aim -= measured.bits - budget + 1
    explorer.require(budget)
    smallest = explorer.smallest()
    measured = explorer.measured([(smallest.candidate, "full")])[0]
    return Found(smallest.candidate, measured, smallest)
