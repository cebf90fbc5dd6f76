"""The ONNX target: the step and the whole sequence in 64-bit integers, and the float step and QDQ to look at."""

from __future__ import annotations

from qssmc.backends.onnx.support import SUPPORTED
from qssmc.ir.graph import Graph

__all__ = ["SUPPORTED", "emit"]


def emit(graph: Graph, real: Graph, quantised: Graph | None = None) -> dict[str, bytes]:
    """All files of the ONNX target: {path: bytes}. graph: of the integer stage, proven; real: of the discrete stage;
    quantised: of the quantised stage, from which the integers came.

    Raises ToolError where the package onnx is missing, UnsupportedModelError for other stages.
    """
    from qssmc.backends.onnx.models import emit_models

    return emit_models(graph, real, quantised)
