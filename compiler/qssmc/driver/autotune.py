"""Autotune: from a plan of passes and a goal to the plan that reaches it, and a report of how it was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.passes.plan import PassPlan
from qssmc.search import Cached, Explorer, Goal, InProcess, Objective, reach
from qssmc.search.report import search_report, sensitivity_by_part, values_table

Say = Callable[[str], None]
Labelled = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class SearchSpace:
    """What a search may choose: most bits of tables and of values, and means that the user fixed ("state", "poles")."""

    most: tuple[int, int] = (8, 8)
    fixed: tuple[tuple[str, float], ...] = ()


SPACE = SearchSpace()


@dataclass(frozen=True)
class Tuned:
    """What reaches the goal. sensitivity: by name of a part of the storage report; values: text about the others."""

    plan: PassPlan
    sensitivity: Mapping[str, float]
    values: str
    report: Mapping[str, Any]


def objective_of(plan: PassPlan, parameters: int, labelled: Labelled | None) -> Objective:
    """What a search measures candidates by."""
    if plan.quantise.scheme != "qssm" or plan.methods.bits_by is None:
        raise UsageError("a search needs --scheme qssm and bits that are shared out; leave --bits-by to it")
    return Objective(plan, parameters, labelled)


def tune(objective: Objective, goal: Goal, space: SearchSpace, say: Say) -> Tuned:
    """Search on one core; the plan that reaches the goal. Raises UsageError where the goal is out of reach."""
    explorer = Explorer(objective, Cached(InProcess()), space.most, space.fixed, say)
    found = reach(goal, explorer, say)
    return Tuned(
        found.candidate.plan(objective.plan),
        sensitivity_by_part(explorer, found.candidate),
        values_table(explorer, found.candidate),
        search_report(explorer, goal, found),
    )
