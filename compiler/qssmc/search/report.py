"""Story: what a search measured and did, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from qssmc.search.candidate import POLES, STATE, Setting
from qssmc.search.explore import Explorer
from qssmc.search.goal import Found, Goal


def sensitivities(explorer: Explorer, setting: Setting) -> dict[str, float]:
    """What one bit less would cost, in parts of the outputs' variance, by name of a part of the storage report."""
    discrete, bits = explorer.graphs[0], dict(setting.bits)
    cost = {notch.knob: notch.one_bit_less(bits[notch.knob]) for notch in explorer.notches}
    found = {name: loss for name, loss in cost.items() if "." in name}
    for state in discrete.states:
        if state.type.complex and STATE in cost:
            found[state.name] = cost[STATE]
    for name in explorer.of_shape(setting.shape).elements:
        if name.endswith(".lambda_bar") and POLES in cost:
            found[name] = cost[POLES]
    for curve in explorer.curves:
        if curve.after in cost:
            found[f"{curve.after}_q.entries"] = cost[curve.after]
    return dict(sorted(found.items()))


def values_table(explorer: Explorer, setting: Setting) -> str:
    """A line for every value that is rounded between ops and stored nowhere: its bits and what one less would cost."""
    bits = dict(setting.bits)
    cost = {notch.knob: notch.one_bit_less(bits[notch.knob]) for notch in explorer.notches}
    casts = [knob.name for knob in explorer.knobs if knob.kind == "cast"]
    wide = max([len(name) for name in casts] + [len("value")])
    lines = [f"{'value':<{wide}}  bits  sensitivity"]
    lines += [f"{name:<{wide}}  {bits[name]:>4.0f}  {cost.get(name, 0.0):>11.3g}" for name in casts]
    return "\n".join(["", *lines, "", "sensitivity: what one bit less costs, in parts of the outputs' variance"]) + "\n"


def story(explorer: Explorer, goal: Goal, found: Found) -> dict[str, Any]:
    """Knobs, notches, shapes, the steps of the exchange, and what came of them."""
    shapes = {found.setting.shape, explorer.first}
    return {
        "goal": {name: value for name, value in asdict(goal).items() if value is not None},
        "knobs": [asdict(knob) for knob in explorer.knobs],
        "base": explorer.base(explorer.first).plain(),
        "notches": [{**asdict(notch), "factor": notch.factor} for notch in explorer.notches],
        "shapes": [{**asdict(shape), "loss": explorer.of_shape(shape).loss} for shape in sorted(shapes)],
        "steps": [asdict(step) for step in found.candidate.steps],
        "found": {
            **found.setting.plain(),
            "predicted_loss": found.candidate.loss,
            **_plain(found),
        },
    }


def _plain(found: Found) -> Mapping[str, Any]:
    measured = found.measured
    return {"loss": measured.loss, "bytes": measured.bytes, "ace": measured.ace, "accuracy": measured.accuracy}
