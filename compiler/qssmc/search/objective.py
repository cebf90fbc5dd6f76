"""Bench: where settings are tried out: a float model, calibration sequences, and what a quantised run of them loses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.answer_cost import all_class, deviation_of
from qssmc.analysis.observer import ObserveRun, batches
from qssmc.data.sequences import InputFormat
from qssmc.errors import UsageError
from qssmc.ir.answers import predictions
from qssmc.ir.graph import Graph
from qssmc.ir.text import parse
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.methods import Methods
from qssmc.passes.pipeline import PipelineOptions, pipeline
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report.effort import effort_report
from qssmc.report.storage import head_count, state_numbers, storage_report
from qssmc.search.candidate import POLES, STATE, Setting

# (graph, samples): the outputs by name, integers of an integer graph and real numbers of the others.
Outputs = Callable[[Graph, NDArray[Any]], Mapping[str, NDArray[Any]]]
# count: only what it stores, with weights rounded and not refitted; full: with all sequences, as the design is made.
Effort = Literal["count", "trial", "full"]
LEAST_SEQUENCES = 8
_FIT, _HELD = 64, 64  # sequences that a trial learns from, and others that it is measured on, at most
_SHAPED_BY, _GRIDS_BY = "fill", ("allocate", "place_poles")  # the last passes that few knobs decide


@dataclass(frozen=True)
class Measured:
    """What a setting gave: loss (squared error of the outputs in parts of their variance), bits stored, effort.

    elements: numbers in every table that is stored, by name, and under the names of the knobs "state" and "poles" all
    of those. loss is nan where the design was only counted; accuracy is percent of the labelled sequences, of a full
    trial alone.
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


@dataclass(frozen=True)
class Bench:
    """Everything that a trial needs, in a form that can be sent to another process.

    text: the float graph as text; parameters: numbers in the trained model; samples: integer calibration sequences;
    labelled: held-out sequences and their classes. observe and outputs: the simulator.
    """

    text: str
    parameters: int
    quantise: QuantiseOptions
    methods: Methods
    input_format: InputFormat
    samples: NDArray[np.int64]
    observe: ObserveRun
    outputs: Outputs
    labelled: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __post_init__(self) -> None:
        if len(self.samples) < LEAST_SEQUENCES:
            raise UsageError(
                f"{len(self.samples)} calibration sequences are too few to search with; give {LEAST_SEQUENCES} or more"
            )
        if not np.ptp(self.samples):
            raise UsageError(
                f"all calibration samples are {self.samples.flat[0]}, so there is nothing to measure; give others"
            )

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to other processes: the fields, not what was made of them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def graph(self) -> Graph:
        """The float graph."""
        return parse(self.text)

    @cached_property
    def fingerprint(self) -> str:
        """The same for benches that measure the same."""
        known = hashlib.sha256(self.text.encode())
        known.update(repr((self.parameters, self.quantise, self.methods, self.input_format)).encode())
        for array in (self.samples, *(self.labelled or ())):
            known.update(repr(array.shape).encode() + np.ascontiguousarray(array, np.int64).tobytes())
        return known.hexdigest()[:16]

    @property
    def fitted(self) -> int:
        """How many sequences a trial that is not full learns from."""
        return min(_FIT, len(self.samples) - max(2, len(self.samples) // 4))

    def held_out(self) -> NDArray[np.int64]:
        """The sequences that losses are measured on."""
        return self.samples[self.fitted :][:_HELD]

    def options(self, setting: Setting, full: bool) -> PipelineOptions:
        """The pipeline that makes a setting. full: from all sequences, as the design itself is made."""
        samples = self.samples if full else self.samples[: self.fitted]
        real = self.input_format.to_real(samples).astype(np.float64)
        quantise, methods = setting.quantise(self.quantise), setting.methods(self.methods)
        return PipelineOptions(quantise, self.input_format, real, self.observe, methods)

    def results(self, graph: Graph, samples: NDArray[Any]) -> NDArray[Any]:
        """The outputs of a run, flat, a row a sequence."""
        rows = []
        for part in batches(graph, samples):
            found = self.outputs(graph, part)
            rows.append(np.concatenate([found[name].reshape(len(part), -1) for name in sorted(found)], axis=1))
        return np.concatenate(rows)

    @cached_property
    def wanted(self) -> NDArray[np.float64]:
        """What the float model makes of the held-out sequences."""
        real = self.input_format.to_real(self.held_out()).astype(np.float64)
        return self.results(discretize(canonicalise(self.graph)), real)


class Stages:
    """The graphs of trials; what several settings share is made once."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.made: dict[tuple[Any, ...], Graph] = {}

    def graphs(self, setting: Setting, *, full: bool = False, fit: bool = True) -> dict[str, Graph]:
        """The graph after each pass, the integer graph among them. fit False leaves the refit out, as it costs most."""
        options = self.bench.options(setting, full)
        graph, found = self.bench.graph, {}
        shape: tuple[Any, ...] = (full, setting.shape)
        steps = pipeline(options, graph)
        names = [name for name, _ in steps]
        shaped = names.index(_SHAPED_BY if _SHAPED_BY in names else "balance")
        for index, (name, apply) in enumerate(steps):
            keys = (name, *shape)
            if index > shaped:
                keys = (*keys, options.quantise.state_bits, options.quantise.a_bits)
            if name == "refit" and not fit:
                continue
            if index <= shaped or name in _GRIDS_BY:
                if keys not in self.made:
                    self.made[keys] = apply(graph)
                graph = self.made[keys]
            else:
                graph = apply(graph)
            found[name] = graph
        return found


_stages: dict[str, Stages] = {}  # of this process, by the bench's fingerprint


def stages_of(bench: Bench) -> Stages:
    """The trials of a bench in this process."""
    return _stages.setdefault(bench.fingerprint, Stages(bench))


def measure(bench: Bench, setting: Setting, effort: Effort) -> Measured:
    """Try a setting: build it, run it on the held-out sequences, count what it stores."""
    stages = stages_of(bench)
    bench = stages.bench
    full = effort == "full"
    graphs = stages.graphs(setting, full=full, fit=effort != "count")
    storage = storage_of(bench, graphs["prove"])
    return Measured(
        loss=float("nan") if effort == "count" else _loss(bench, graphs),
        bits=storage["parameter_bits"] + storage["state_bits"],
        ace=int(effort_report(graphs["prove"], bench.graph)["ace"]),
        elements=_elements(graphs["prove"], storage),
        accuracy=_accuracy(bench, graphs["prove"]) if full else None,
    )


def _loss(bench: Bench, graphs: Mapping[str, Graph]) -> float:
    real = bench.input_format.to_real(bench.held_out()).astype(np.float64)
    quantised = graphs.get("refit", graphs["quantise"])
    error = bench.results(quantised, real) - bench.wanted
    if not all_class(bench.graph):  # each output in its own unit
        return float(np.mean((error / deviation_of(bench.wanted)) ** 2))
    spread = float(np.mean((bench.wanted - bench.wanted.mean(axis=0)) ** 2))
    return float(np.mean(error**2)) / max(spread, 1e-300)


def _elements(graph: Graph, storage: Mapping[str, Any]) -> dict[str, int]:
    found = {part["name"]: int(part["elements"]) for part in storage["parts"] if part["kind"] != "state"}
    poles = sum(part["elements"] for part in storage["parts"] if part["kind"] == "poles")
    states = sum(2 * op.type.shape[0] for op in graph.states if op.type.complex)
    return {**found, STATE: states, POLES: poles}


def storage_of(bench: Bench, graph: Graph) -> dict[str, Any]:
    """The storage report of an integer graph."""
    return storage_report(graph, bench.parameters, state_numbers(bench.graph), head_count(bench.graph))


def float_bytes(bench: Bench) -> int:
    """Parameters and state in float32."""
    return 4 * (bench.parameters + state_numbers(bench.graph))


def _accuracy(bench: Bench, graph: Graph) -> float | None:
    if bench.labelled is None:
        return None
    samples, labels = bench.labelled
    (output,) = graph.outputs
    elements = graph[output.value].type.shape[0]
    answers = predictions(output.kind, bench.results(graph, samples)[:, -elements:], int(labels.max()) + 1)
    return round(100.0 * float(np.mean(answers == labels)), 4)


def with_labels(bench: Bench, samples: NDArray[np.int64], labels: NDArray[np.int64]) -> Bench:
    """The bench with labelled held-out sequences."""
    return replace(bench, labelled=(samples, labels))
