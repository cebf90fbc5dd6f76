"""Crossbar: the target whose files are the weight map of analog arrays, and the host and the core that drive them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qssmc.analysis.array_layout import lay_out
from qssmc.artifact.stages import Stages
from qssmc.backends import c as c_backend
from qssmc.backends import crossbar as crossbar_backend
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph
from qssmc.passes.pipeline import ARRAYS
from qssmc.passes.plan import PassPlan
from qssmc.report.arrays import arrays_report
from qssmc.targets.backend import Backend, Files, Lowered, Lowering
from qssmc.targets.c import load_c
from qssmc.targets.executable import DesignExecutable
from qssmc.verification.crossbar import CHECK
from qssmc.verification.toolchain import Toolchain


def _planned(plan: PassPlan, options: CrossbarOptions) -> PassPlan:
    return replace(plan, arrays=options)


def _reports(stages: Stages, options: CrossbarOptions) -> Mapping[str, Any]:
    return {"arrays": arrays_report(lay_out(stages.products, options), stages.float)}


def _emit(lowered: Lowered, options: CrossbarOptions) -> Files:
    return crossbar_backend.emit(lowered.golden, lowered.stages.products, options)


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
    lowering=Lowering(ARRAYS, _planned, _reports),
    title="Crossbar",
)
