"""The options of `qssmc compile` that leave the choice of bits to a search, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from qssmc.driver.autotune import SearchSpace
from qssmc.errors import UsageError
from qssmc.search import Goal
from qssmc.search.candidate import POLES, STATE

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option("--budget-bytes", type=int, metavar="N", help="Best design of at most N bytes, parameters and state."),
    click.option("--saving", type=float, metavar="PERCENT", help="Best design that saves so much against float32."),
    click.option(
        "--min-accuracy",
        type=float,
        metavar="PERCENT",
        help="Smallest design of this accuracy on held-out sequences; needs --calib DATASET:COUNT.",
    ),
    click.option("--pareto", is_flag=True, help="Sweep budgets: accuracy over memory and over ACE, CSV and SVG."),
    click.option("--points", type=int, default=12, show_default=True, help="Budgets of --pareto."),
    click.option("-j", "--jobs", type=int, default=1, show_default=True, help="ProcessPool of --pareto."),
    click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler of --pareto, as tcp://HOST:PORT."),
)


@dataclass(frozen=True)
class Asked:
    """What the options ask for: a goal, or a sweep, or neither."""

    goal: Goal | None
    pareto: bool
    points: int
    jobs: int
    scheduler: str | None

    @property
    def searches(self) -> bool:
        """Whether bits are searched for at all."""
        return self.pareto or self.goal is not None


def search_options(command: F) -> F:
    """Add the options to a command, which takes them among **chosen."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked_search(chosen: dict[str, Any]) -> Asked:
    """Take the options out of what was chosen."""
    limits = {name: chosen.pop(name) for name in ("budget_bytes", "saving", "min_accuracy")}
    pareto, points, jobs, scheduler = (chosen.pop(name) for name in ("pareto", "points", "jobs", "scheduler"))
    limited = any(value is not None for value in limits.values())
    if pareto and limited:
        raise UsageError("--pareto sweeps budgets; give no --budget-bytes, --saving or --min-accuracy with it")
    if not pareto and (scheduler is not None or jobs != 1):
        raise UsageError("--jobs and --scheduler are for --pareto")
    if points < 2 or jobs < 1:
        raise UsageError(f"--points must be at least 2 and --jobs at least 1, not {points} and {jobs}")
    return Asked(Goal(**limits) if limited else None, pareto, points, jobs, scheduler)


def search_space(ctx: click.Context, bits: tuple[int, int], state_bits: float, a_bits: float) -> SearchSpace:
    """What the user gave is kept: --bits as the most of a search, the means of states and poles as they are."""
    fixed = {STATE: ("state_bits", state_bits), POLES: ("a_bits", a_bits)}
    return SearchSpace(
        bits if given(ctx, "bits") else SearchSpace().most,
        tuple((variable, value) for variable, (name, value) in fixed.items() if given(ctx, name)),
    )


def given(ctx: click.Context, name: str) -> bool:
    """Whether an option was given, here or in a config file."""
    return ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
