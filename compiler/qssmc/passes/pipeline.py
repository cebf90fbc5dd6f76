"""The pipeline: one visible tuple of passes, from the float IR to proven integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat
from qssmc.ir.graph import Graph
from qssmc.passes.align import Align
from qssmc.passes.balance import balance
from qssmc.passes.calibrate import Calibrate, ObserveRun
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.prove import prove
from qssmc.passes.quantise import Quantise, QuantiseOptions

Pass = Callable[[Graph], Graph]


@dataclass(frozen=True)
class PipelineOptions:
    """What the passes need besides the graph. calibration: real sequences (batch, length, d_input)."""

    quantise: QuantiseOptions
    input_format: InputFormat
    calibration: NDArray[np.float64]
    run: ObserveRun


def pipeline(options: PipelineOptions) -> tuple[tuple[str, Pass], ...]:
    """The passes in order, by name. The published scheme knows no state balancing."""
    balancing: Pass = balance if options.quantise.scheme == "qssm" else _unchanged
    return (
        ("canonicalise", canonicalise),
        ("discretize", discretize),
        ("calibrate", Calibrate(options.calibration, options.run)),
        ("balance", balancing),
        ("quantise", Quantise(options.quantise, options.input_format)),
        ("align", Align(options.input_format)),
        ("prove", prove),
    )


def run_pipeline(graph: Graph, options: PipelineOptions, seen: Callable[[str, Graph], Any]) -> Graph:
    """Apply every pass; seen(name, graph) is told of each result."""
    for name, apply in pipeline(options):
        graph = apply(graph)
        seen(name, graph)
    return graph


def _unchanged(graph: Graph) -> Graph:
    return graph
