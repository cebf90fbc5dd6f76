"""Crossbar: the target whose files are the weight map of analog arrays, and the host and the core that drive them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends import c as c_backend
from qssmc.backends import crossbar as crossbar_backend
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph
from qssmc.passes.map_arrays import plan
from qssmc.passes.pipeline import run_arrays, run_oscillators
from qssmc.report.arrays import arrays_report
from qssmc.targets.backend import Backend, Files, Lowered, Lowering, Seen
from qssmc.targets.c import load_c
from qssmc.targets.executable import DesignExecutable
from qssmc.verification.crossbar import CHECK
from qssmc.verification.toolchain import Toolchain
from qssmc_sim import run
from qssmc_sim.machine import Observer


def _lower(
    stages: Mapping[str, Graph],
    samples: NDArray[np.int64],
    real: NDArray[np.float64],
    options: CrossbarOptions,
    seen: Seen,
) -> None:
    if options.form == "oscillator":
        discrete = stages["prune_states"] if "prune_states" in stages else stages["discretize"]
        run_oscillators(stages["prove"], discrete, options, (samples, real), _observe, seen)
    else:
        run_arrays(stages["prove"], options, samples, _observe, seen)


def _observe(graph: Graph, samples: NDArray[Any], see: Observer) -> None:
    run(graph, samples, see)


def _reports(stages: Mapping[str, Graph], options: CrossbarOptions) -> Mapping[str, Any]:
    return {"arrays": arrays_report(plan(_laid_from(stages), options), stages["float"])}


def _laid_from(stages: Mapping[str, Graph]) -> Graph:
    """The graph whose products are laid onto arrays: of oscillators they are followed by the converters already."""
    return stages["oscillate"] if "oscillate" in stages else stages["fuse"]


def _emit(lowered: Lowered, options: CrossbarOptions) -> Files:
    return crossbar_backend.emit(lowered.golden, _laid_from(lowered.stages), options)


def _load(folder: Path, graph: Graph, tools: Toolchain) -> DesignExecutable:
    """The host's C, around the arrays in software that come with it."""
    return load_c(folder / "crossbar/host", graph, tools)


CROSSBAR = Backend(
    "crossbar",
    "weight map",
    c_backend.supports,  # of the host; the core refuses what it lacks when it is emitted, and oscillators have none
    _emit,
    CHECK,
    _load,
    options=CrossbarOptions,
    lowering=Lowering(_lower, _reports),
)
