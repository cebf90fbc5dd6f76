"""Report: what a search measured and did, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from qssmc.search.bit_allocation import Step
from qssmc.search.candidate import POLES, STATE, Candidate
from qssmc.search.explore import Explorer
from qssmc.search.goal import Found, Goal
from qssmc.search.sensitivity import Sensitivity
from qssmc.search.variables import Variable


def sensitivity_by_part(explorer: Explorer, candidate: Candidate) -> dict[str, float]:
    """What one bit less would cost, in parts of the outputs' variance, by name of a part of the storage report."""
    discrete, bits = explorer.graphs[0], dict(candidate.bits)
    cost = _one_bit_less(explorer, bits)
    found = {name: loss for name, loss in cost.items() if "." in name}
    for state in discrete.states:
        if state.type.complex and STATE in cost:
            found[state.name] = cost[STATE]
    for name in explorer.of_shape(candidate.shape).elements:
        if name.endswith(".lambda_bar") and POLES in cost:
            found[name] = cost[POLES]
    for table in explorer.function_tables:
        if table.after in cost:
            found[f"{table.after}_q.entries"] = cost[table.after]
    return dict(sorted(found.items()))


def values_table(explorer: Explorer, candidate: Candidate) -> str:
    """A line for every value that is rounded between ops and stored nowhere: its bits and what one less would cost."""
    bits = dict(candidate.bits)
    cost = _one_bit_less(explorer, bits)
    casts = [variable.name for variable in explorer.variables if variable.kind == "cast"]
    wide = max([len(name) for name in casts] + [len("value")])
    lines = [f"{'value':<{wide}}  bits  sensitivity"]
    lines += [f"{name:<{wide}}  {bits[name]:>4.0f}  {cost.get(name, 0.0):>11.3g}" for name in casts]
    return "\n".join(["", *lines, "", "sensitivity: what one bit less costs, in parts of the outputs' variance"]) + "\n"


def search_report(explorer: Explorer, goal: Goal, found: Found) -> dict[str, Any]:
    """Variables, sensitivities, shapes, the steps of the allocation and what came of them, as report/search.json.

    Its keys say knob for variable, notch for a variable's sensitivity and for how far down it is measured.
    """
    shapes, measured = {found.candidate.shape, explorer.first}, found.measured
    return {
        "goal": {name: value for name, value in asdict(goal).items() if value is not None},
        "knobs": [_renamed(variable, drop="notch") for variable in explorer.variables],
        "base": explorer.base(explorer.first).plain(),
        "notches": [{**_renamed(one, variable="knob"), "factor": one.factor} for one in explorer.sensitivities],
        "shapes": [{**asdict(shape), "loss": explorer.of_shape(shape).loss} for shape in sorted(shapes)],
        "steps": [_renamed(step, variable="knob") for step in found.prediction.steps],
        "found": {
            **found.candidate.plain(),
            "predicted_loss": found.prediction.loss,
            "loss": measured.loss,
            "bytes": measured.bytes,
            "ace": measured.ace,
            "accuracy": measured.accuracy,
        },
    }


def _one_bit_less(explorer: Explorer, bits: Mapping[str, float]) -> dict[str, float]:
    """What one bit less than each variable has would cost."""
    return {one.variable: one.one_bit_less(bits[one.variable]) for one in explorer.sensitivities}


def _renamed(record: Variable | Sensitivity | Step, **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in asdict(record).items()}
