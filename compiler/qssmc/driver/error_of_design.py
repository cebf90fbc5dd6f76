"""Error of a design: the emitted integer model, and each pass before it, against the float model on real sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.artifact.stages import Stages
from qssmc.data import InputFormat
from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Matvec
from qssmc.report.design_error import moved, output_error, relative_rms, shares_of
from qssmc_sim import run

Real = NDArray[np.float64]
Say = Callable[[str], Any]
ATTRIBUTED = 16  # sequences that the error of every pass is measured on, at most
MEASURED = 112  # calibration sequences that the error of the design is measured on, at most
HELD_OUT = 112  # sequences that nothing was chosen on, at most
_CHOSEN_ON = ", which the design was fitted to"
MUCH, MANY = 10.0, 1.0  # percent of a deviation, and of all decisions, above which a design is warned about
_TEACHER = "discretize"  # the float model in the form that is fastest to run
_LAST = "prove"  # what comes after it is another arrangement of the same integers, but for converters
# They write the same real function, or the same integers, another way: what they change is rounding of float64 at most,
# is not measured by itself and is counted to the next pass that is.
_EXACT = frozenset({"rotate", "balance", "fill", "align", "prove"})
_ROUNDED, _REFITTED = "quantise", "refit"
# By which option each pass loses less.
_LESS = {
    "prune_channels": "--channels",
    "prune_heads": "--heads",
    "prune_states": "--states or --prune-loss",
    "place_poles": "--a-bits",
    "quantise": "--bits, --state-bits, --a-bits and --no-clip",
}


@dataclass(frozen=True)
class Measure:
    """What a design is measured on. samples: integer calibration sequences; outputs: what golden makes of the first.

    held_out: sequences that nothing was chosen on, or None; held_out_from: where they come from, or why there are none.
    """

    input_format: InputFormat
    samples: NDArray[np.int64]
    outputs: Mapping[str, NDArray[np.int64]]
    held_out: NDArray[np.int64] | None
    held_out_from: str


def answers_of(graph: Graph, samples: NDArray[np.int64], input_format: InputFormat) -> dict[str, Real]:
    """What a graph of any stage answers to integer sequences, as real numbers in the model's units."""
    if graph.stage == "integer":
        return as_real(graph, run(graph, samples).outputs, samples.shape[1])
    real = input_format.to_real(samples).astype(np.float64)
    found = run(graph, real).outputs
    return {o.name: found[o.name] / (samples.shape[1] if o.mean else 1) for o in graph.outputs}


def as_real(graph: Graph, outputs: Mapping[str, NDArray[np.int64]], steps: int) -> dict[str, Real]:
    """Integers of an integer graph's outputs as real numbers; a mean is divided by its steps."""
    return {
        o.name: np.asarray(outputs[o.name] * graph.scales[o.value].data / (steps if o.mean else 1), np.float64)
        for o in graph.outputs
    }


def error_report(stages: Stages, given: Measure) -> dict[str, Any]:
    """On calibration and held-out sequences, by output; and by pass, what the outputs lost and how far they went."""
    golden = stages.golden
    count = min(MEASURED, len(given.samples))
    samples = given.samples[:count]
    wanted = answers_of(stages.discrete, samples, given.input_format)
    recorded = len(next(iter(given.outputs.values())))
    if recorded < count:  # few are kept for verification
        found = answers_of(golden, samples, given.input_format)
    else:
        found = as_real(golden, {n: values[:count] for n, values in given.outputs.items()}, samples.shape[1])
    held_out = None
    if given.held_out is not None:
        ours, theirs = (answers_of(graph, given.held_out, given.input_format) for graph in (golden, stages.discrete))
        held_out = {o.name: output_error(o, ours[o.name], theirs[o.name]) for o in golden.outputs}
    return {
        "unit": "parts of the deviation of the float model's output",
        "calibration": {o.name: output_error(o, found[o.name], wanted[o.name]) for o in golden.outputs},
        "calibration_sequences": count,
        "held_out": held_out,
        "held_out_sequences": 0 if given.held_out is None else len(given.held_out),
        "held_out_from": given.held_out_from,
        "passes": _by_pass(stages, samples[:ATTRIBUTED], given.input_format, wanted, found),
        "passes_sequences": min(ATTRIBUTED, count),
    }


def _by_pass(
    stages: Stages,
    samples: NDArray[np.int64],
    input_format: InputFormat,
    wanted: Mapping[str, Real],
    found: Mapping[str, Real],
) -> list[dict[str, Any]]:
    """A row for every pass that can change what is answered, the emitted design last; quantise goes with refit.

    Refit draws new rounding errors in place of those of quantise, so that neither says anything without the other.
    """
    outputs, names = stages.float.outputs, list(stages)
    answers = [{name: values[: len(samples)] for name, values in wanted.items()}]
    last = {name: values[: len(samples)] for name, values in found.items()}
    rows: list[dict[str, Any]] = []
    waiting: list[str] = []
    for name in _measured(stages):
        waiting.append(name)
        later = name in _EXACT or (name == _ROUNDED and _REFITTED in names)
        if later and name != names[-1]:
            continue
        answers.append(last if name == names[-1] else answers_of(stages[name], samples, input_format))
        lossy = [one for one in waiting if one not in _EXACT] or waiting[-1:]
        rows.append({"pass": lossy[0], "with": lossy[1:]})
        waiting = []
    shares = shares_of(outputs, answers)
    for row, (before, now), share in zip(rows, pairwise(answers), shares, strict=True):
        row["relative_rms"] = _short(relative_rms(outputs, now, answers[0]))
        row["moved"] = _short(moved(outputs, now, before, answers[0]))
        row["share"] = _short(share)
    return rows


def _measured(stages: Stages) -> list[str]:
    """The stages after the float model whose ops are not those of the one before, and the emitted one.

    Of the stages behind the proven integers, which are other arrangements of them, only the emitted one.
    """
    names = list(stages)
    found = []
    for previous, name in pairwise(names):
        arranged = _LAST in names[: names.index(name)]
        changed = stages[name].ops != stages[previous].ops and not arranged
        if names.index(name) > names.index(_TEACHER) and (changed or name == names[-1]):
            found.append(name)
    return found


def pruned(stages: Stages) -> dict[str, int]:
    """States, heads and channels before the decoder that the float model has and that were removed."""
    before, after = stages.discrete, stages.calibrated
    states, heads = _states(before), _heads(before)
    return {
        "states": states,
        "states_removed": states - _states(after),
        "heads_removed": heads - _heads(after),
        "channels_removed": _channels(before) - _channels(after),
    }


def pruned_sentence(found: Mapping[str, int]) -> str:
    """What was removed, in a line."""
    states, gone = found["states"], found["states_removed"]
    return (
        f"pruned: {gone:,} of {states:,} states, so {states - gone:,} are left, "
        f"{found['heads_removed']:,} heads and {found['channels_removed']:,} channels"
    )


def _states(graph: Graph) -> int:
    return sum(op.type.shape[0] for op in graph.states if op.type.complex)


def _heads(graph: Graph) -> int:
    return sum(graph[layer.result].type.shape[0] for layer in ssm_layers(graph))


def _channels(graph: Graph) -> int:
    """How many numbers the matrices that give the first output read."""
    last = graph[graph.outputs[0].value]
    terms = (last,) if isinstance(last, Matvec) else graph.operands(last)
    return max((op.weight.shape[1] for op in terms if isinstance(op, Matvec)), default=0)


def judge(report: Mapping[str, Any], max_error: float | None, say: Say) -> None:
    """Say how good the design is, and warn of one that is not; with max_error, in percent, raise VerificationError."""
    worst_rms, worst_where = 0.0, ""
    for where in ("calibration", "held_out"):
        for name, error in (report[where] or {}).items():
            say(f"error: {sentence(name, error, report[f'{where}_sequences'], where.replace('_', '-'))}")
            if 100.0 * error["relative_rms"] > worst_rms:
                worst_rms, worst_where = 100.0 * error["relative_rms"], f"output {name} on {where.replace('_', '-')}"
    if report["held_out"] is None:
        say(f"error: no held-out sequences, so the error on new ones is not known ({report['held_out_from']})")
    lost = lost_in(report)
    if max_error is not None and worst_rms > max_error:
        raise VerificationError(
            f"the RMS error of {worst_where} sequences is {worst_rms:.3g} % of its deviation, more than the "
            f"{max_error:g} % of --max-error; {lost}; nothing was written"
        )
    if max_error is None and worst_rms > MUCH:
        say(f"WARNING: the RMS error of {worst_where} sequences is {worst_rms:.3g} % of its deviation; {lost}")
    changed = max(((_changed(report, where), where) for where in ("calibration", "held_out")), default=(0.0, ""))
    if changed[0] > MANY:
        say(f"WARNING: {changed[0]:.3g} % of the decisions on {changed[1].replace('_', '-')} sequences change; {lost}")


def _changed(report: Mapping[str, Any], where: str) -> float:
    shares = [error["decisions"]["percent"] for error in (report[where] or {}).values() if "decisions" in error]
    return max(shares, default=0.0)


def lost_in(report: Mapping[str, Any]) -> str:
    """The pass that most of the error in the end comes from, after all that later passes made up for."""
    worst = max(report["passes"], key=lambda row: float(row["share"]))
    option = f"; see {_LESS[worst['pass']]}" if worst["pass"] in _LESS else ""
    names = " and ".join([worst["pass"], *worst["with"]])
    return (
        f"most of it, {100.0 * worst['share']:.0f} % of its square, is from the "
        f"{'passes' if worst['with'] else 'pass'} {names}{option}"
    )


def sentence(name: str, error: Mapping[str, Any], sequences: int, where: str) -> str:
    """The error of one output in words."""
    text = (
        f"{name} ({error['kind']}) is {100 * error['relative_rms']:.3g} % of its deviation off the float model (RMS; "
        f"99 % within {100 * error['percentile_99']:.3g} %, worst {100 * error['worst']:.3g} %) "
        f"on {sequences} {where} sequences{_CHOSEN_ON if where == 'calibration' else ''}"
    )
    if "decisions" in error:
        found = error["decisions"]
        low, high = found["percent_interval"]
        text += f"; {found['changed']} of {found['of']} decisions change ({low:.2g} to {high:.2g} %)"
    return text


def check_recorded(
    folder_report: Mapping[str, Any],
    teacher: Graph,
    golden: Graph,
    samples: NDArray[np.int64],
    outputs: Mapping[str, NDArray[np.int64]],
    input_format: InputFormat,
) -> float | None:
    """The RMS error of the first recorded sequences, made anew of the float model and recorded outputs; None of fewer.

    Raises VerificationError where report/error.json says something else, and as reading does where it is no report.
    """
    count = int(folder_report["passes_sequences"])
    if count < 1:
        raise ValueError(f"report/error.json is of {count} sequences")
    if len(samples) < count:
        return None
    samples = samples[:count]
    wanted = answers_of(teacher, samples, input_format)
    found = as_real(golden, {name: values[:count] for name, values in outputs.items()}, samples.shape[1])
    rms = relative_rms(golden.outputs, found, wanted)
    said = float(folder_report["passes"][-1]["relative_rms"])
    if not abs(rms - said) <= 1e-3 * said + 1e-9:
        raise VerificationError(
            f"report/error.json says an RMS error of {100 * said:.4g} % of the deviation over the first {count} "
            f"recorded sequences, but it is {100 * rms:.4g} %"
        )
    return rms


def _short(value: float) -> float:
    return float(f"{value:.4g}")
