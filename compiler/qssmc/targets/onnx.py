"""ONNX: the target whose files are models for ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from qssmc.backends import onnx as onnx_backend
from qssmc.ir.graph import Graph
from qssmc.targets.backend import Backend, Files, Lowered
from qssmc.targets.executable import DesignExecutable, Stepper
from qssmc.verification.onnx import CHECK
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_onnx import EmittedOnnx


def _real(lowered: Lowered) -> Graph | None:
    """The discrete graph, for the float models."""
    return lowered.stages.discrete if lowered.stages.has_reals else None


def _quantised(lowered: Lowered) -> Graph | None:
    """The graph that the integers came from."""
    return lowered.stages.quantised if lowered.stages.has_reals else None


def _emits(lowered: Lowered) -> tuple[Graph, ...]:
    graphs = (lowered.golden, _real(lowered), _quantised(lowered))
    return tuple(graph for graph in graphs if graph is not None)


def _emit(lowered: Lowered, options: None) -> Files:
    return onnx_backend.emit(lowered.golden, _real(lowered), _quantised(lowered))


def _load(folder: Path, graph: Graph, tools: Toolchain) -> DesignExecutable:
    """Under ONNX Runtime: the sequence model, and the step model with its states outside."""
    emitted = EmittedOnnx(folder / "onnx", graph)

    def start(count: int) -> Stepper:
        emitted.reset(count)
        return emitted

    return DesignExecutable(graph, emitted.run, start)


ONNX = Backend("onnx", "ONNX", onnx_backend.supports, _emit, CHECK, _load, emits=_emits)
