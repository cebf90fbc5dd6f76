"""Objective: what a candidate is measured by: the loss of a quantised run, the bytes stored, the accuracy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.answer_cost import all_class, deviation_of
from qssmc.analysis.calibration import Calibration
from qssmc.artifact.stages import FLOAT, Stages
from qssmc.errors import UsageError
from qssmc.ir.answers import labelled_output, predictions
from qssmc.ir.graph import Graph
from qssmc.ir.text import print_graph
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.pipeline import pipeline
from qssmc.passes.plan import PassPlan
from qssmc.report.effort import effort_report
from qssmc.report.storage import head_count, state_numbers, storage_report
from qssmc.search.candidate import POLES, STATE, Candidate

# count: only what it stores, with weights rounded and not refitted; full: with all sequences, as the design is made.
Effort = Literal["count", "trial", "full"]
LEAST_SEQUENCES = 8
_FIT, _HELD = 64, 64  # sequences that a trial learns from, and others that it is measured on, at most
_SHAPED_BY, _GRIDS_BY = "fill", ("allocate", "place_poles")  # the last passes that few variables decide


@dataclass(frozen=True)
class Measured:
    """What a candidate gave: loss (squared error of the outputs in parts of their variance), bits stored, effort.

    elements: numbers in every table that is stored, by name, and under the names of the variables "state" and "poles"
    all of those. loss is nan where the design was only counted; accuracy is percent of the labelled sequences, of a
    full trial alone.
    """

    loss: float
    bits: int
    ace: int
    elements: Mapping[str, int]
    accuracy: float | None = None

    @property
    def bytes(self) -> int:
        """Parameters and state."""
        return (self.bits + 7) // 8


@dataclass(frozen=True, eq=False)
class Objective:
    """What candidates are measured by: the loss of the outputs on held-out sequences, and what a design stores.

    plan: the passes that every candidate varies, with all calibration sequences; parameters: numbers in the trained
    model; labelled: held-out sequences, as integers, and their classes. It can be sent to another process.
    """

    plan: PassPlan
    parameters: int
    labelled: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __post_init__(self) -> None:
        samples = self.plan.integers.samples
        if len(samples) < LEAST_SEQUENCES:
            raise UsageError(
                f"{len(samples)} calibration sequences are too few to search with; give {LEAST_SEQUENCES} or more"
            )
        if not np.ptp(samples):
            raise UsageError(
                f"all calibration samples are {samples.flat[0]}, so there is nothing to measure; give others"
            )

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to other processes: the fields, not what was made of them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def graph(self) -> Graph:
        """The float graph."""
        return self.plan.graph

    @cached_property
    def fingerprint(self) -> str:
        """The same for objectives that measure the same."""
        plan = self.plan
        known = hashlib.sha256(print_graph(plan.graph).encode())
        known.update(repr((self.parameters, plan.quantise, plan.methods, plan.input_format)).encode())
        for array in (plan.integers.samples, *(self.labelled or ())):
            known.update(repr(array.shape).encode() + np.ascontiguousarray(array, np.int64).tobytes())
        return known.hexdigest()[:16]

    @property
    def fitted(self) -> int:
        """How many sequences a trial that is not full learns from."""
        count = len(self.plan.integers)
        return min(_FIT, count - max(2, count // 4))

    @cached_property
    def learnt_from(self) -> PassPlan:
        """The plan of a trial that is not full."""
        return self.plan.on(slice(self.fitted))

    @cached_property
    def held_out(self) -> Calibration:
        """The sequences that losses are measured on, as the model takes them."""
        return self.plan.on(slice(self.fitted, self.fitted + _HELD)).reals

    def plan_of(self, candidate: Candidate, full: bool) -> PassPlan:
        """The plan that makes a candidate. full: from all sequences, as the design itself is made."""
        return candidate.plan(self.plan if full else self.learnt_from)

    def results(self, graph: Graph, sequences: Calibration) -> NDArray[Any]:
        """The outputs of a run, flat, a row a sequence."""
        found = sequences.outputs(graph)
        return np.concatenate([found[name].reshape(len(sequences), -1) for name in sorted(found)], axis=1)

    @cached_property
    def wanted(self) -> NDArray[np.float64]:
        """What the float model makes of the held-out sequences."""
        return self.results(discretize(canonicalise(self.graph)), self.held_out)


class TrialStages:
    """The graphs of trials; what several candidates share is made once."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.made: dict[tuple[Any, ...], Graph] = {}

    def stages(self, candidate: Candidate, *, full: bool = False, fit: bool = True) -> Stages:
        """The graph after each pass, the integer graph among them. fit False leaves the refit out, as it costs most."""
        plan = self.objective.plan_of(candidate, full)
        stages = Stages({FLOAT: plan.graph})
        rows = [row for row in pipeline(plan) if fit or row.name != "refit"]
        names = [row.name for row in rows]
        shaped = names.index(_SHAPED_BY if _SHAPED_BY in names else "balance")
        for index, row in enumerate(rows):
            keys: tuple[Any, ...] = (row.name, full, candidate.shape)
            if index > shaped:
                keys = (*keys, plan.quantise.state_bits, plan.quantise.a_bits)
            graph = self.made.get(keys)
            if graph is None:
                graph = row.configured(plan, stages)(stages.golden)
            if index <= shaped or row.name in _GRIDS_BY:
                self.made[keys] = graph
            stages = stages.then(row.name, graph)
        return stages


_trials: dict[str, TrialStages] = {}  # of this process, by the objective's fingerprint


def trials_of(objective: Objective) -> TrialStages:
    """The trials of an objective in this process."""
    return _trials.setdefault(objective.fingerprint, TrialStages(objective))


def measure(objective: Objective, candidate: Candidate, effort: Effort) -> Measured:
    """Try a candidate: build it, run it on the held-out sequences, count what it stores."""
    trials = trials_of(objective)
    objective = trials.objective
    full = effort == "full"
    stages = trials.stages(candidate, full=full, fit=effort != "count")
    storage = storage_of(objective, stages.proven)
    return Measured(
        loss=float("nan") if effort == "count" else _loss(objective, stages),
        bits=storage["parameter_bits"] + storage["state_bits"],
        ace=int(effort_report(stages.proven, objective.graph)["ace"]),
        elements=_elements(stages.proven, storage),
        accuracy=_accuracy(objective, stages.proven) if full else None,
    )


def _loss(objective: Objective, stages: Stages) -> float:
    error = objective.results(stages.quantised, objective.held_out) - objective.wanted
    if not all_class(objective.graph):  # each output in its own unit
        return float(np.mean((error / deviation_of(objective.wanted)) ** 2))
    spread = float(np.mean((objective.wanted - objective.wanted.mean(axis=0)) ** 2))
    return float(np.mean(error**2)) / max(spread, 1e-300)


def _elements(graph: Graph, storage: Mapping[str, Any]) -> dict[str, int]:
    found = {part["name"]: int(part["elements"]) for part in storage["parts"] if part["kind"] != "state"}
    poles = sum(part["elements"] for part in storage["parts"] if part["kind"] == "poles")
    states = sum(2 * op.type.shape[0] for op in graph.states if op.type.complex)
    return {**found, STATE: states, POLES: poles}


def storage_of(objective: Objective, graph: Graph) -> dict[str, Any]:
    """The storage report of an integer graph."""
    return storage_report(graph, objective.parameters, state_numbers(objective.graph), head_count(objective.graph))


def float_bytes(objective: Objective) -> int:
    """Parameters and state in float32."""
    return 4 * (objective.parameters + state_numbers(objective.graph))


def _accuracy(objective: Objective, graph: Graph) -> float | None:
    if objective.labelled is None:
        return None
    samples, labels = objective.labelled
    output = labelled_output(graph)
    values = replace(objective.plan.integers, samples=samples).outputs(graph)[output.name]
    answers = predictions(output.kind, values[:, -1] if values.ndim == 3 else values, int(labels.max()) + 1)
    return round(100.0 * float(np.mean(answers == labels)), 4)


def with_labels(objective: Objective, samples: NDArray[np.int64], labels: NDArray[np.int64]) -> Objective:
    """The objective with labelled held-out sequences."""
    return replace(objective, labelled=(samples, labels))
