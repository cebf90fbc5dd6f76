"""TracedSource: a model's float graph, checked against the original, with its calibration sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration, Simulator
from qssmc.data.calibration import load_calibration, load_held_out
from qssmc.data.thin_calibration import thin_calibration
from qssmc.driver.autotune import Labelled, objective_of
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.model_source import ModelSource
from qssmc.errors import UsageError
from qssmc.ir.answers import answering
from qssmc.ir.graph import Graph
from qssmc.passes.discretize import check_poles
from qssmc.passes.plan import PassPlan
from qssmc.search import Objective
from qssmc_sim import run

_COMPARED = 16  # sequences that the float IR and the torch module are compared on
Say = Callable[[str], None]


@dataclass(frozen=True)
class TracedSource:
    """A source's float graph with its calibration sequences. error: of the float IR against the original."""

    source: ModelSource
    graph: Graph
    samples: NDArray[np.int64]
    labelled: Labelled | None
    origin: str
    error: float

    @property
    def compared(self) -> int:
        """Sequences that the float IR was compared with the original on."""
        return compared_of(self.source, len(self.samples))

    def plan(self, options: CompileOptions, simulator: Simulator = run) -> PassPlan:
        """The passes that the options ask for, which a search varies."""
        integers = Calibration(self.samples, simulator)
        return PassPlan(self.graph, options.quantise, self.source.input_format, integers, options.methods)

    def objective(self, options: CompileOptions) -> Objective:
        """What a search measures its candidates by."""
        return objective_of(self.plan(options), self.source.parameters, self.labelled)


def compared_of(source: ModelSource, sequences: int) -> int:
    """Sequences that the float IR is compared with a source on: the first ones, or those whose answers it keeps."""
    return min(_COMPARED, sequences) if source.answered is None else source.answered


def trace_source(
    source: ModelSource, options: CompileOptions, data: Path | None, say: Say, *, labels: bool = False
) -> TracedSource:
    """Load the calibration sequences (labels: and held-out ones), trace or import, check against the original."""
    shape = (source.input_format, source.d_input)
    samples, origin = load_calibration(options.calib, source.calibration, *shape, seed=options.seed, data=data)
    labelled = None
    if labels or (options.goal is not None and options.goal.min_accuracy is not None):
        labelled = load_held_out(options.calib, len(samples), *shape, seed=options.seed, data=data)
    if source.pooled and samples.shape[1] > options.quantise.max_steps:
        raise UsageError(
            f"calibration sequences of {samples.shape[1]} steps are longer than the {options.quantise.max_steps} "
            "that a mean is exact for; give a larger --max-steps"
        )
    real = source.input_format.to_real(samples).astype(np.float64)
    say(source.what)
    with np.errstate(all="ignore"):  # numbers out of range are reported by the two checks
        graph = answering(source.graph(options.name), options.answer)
        check_poles(graph)
    if not source.answers and options.answer is None:
        say("answer: values, so every output counts by itself; if the largest decides say --answer class, signs: flags")
    for sentence in thin_calibration(samples, source.input_format, source.length):
        say(f"WARNING: {sentence}")
    say(f"check: float IR, step by step, against {source.against} on {compared_of(source, len(real))} sequences")
    return TracedSource(source, graph, samples, labelled, origin, source.check(graph, real[:_COMPARED]))
