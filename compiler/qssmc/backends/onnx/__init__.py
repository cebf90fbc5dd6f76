"""The ONNX target: the step and the whole sequence in 64-bit integer operators, and the float step to look at."""

from __future__ import annotations

from qssmc.backends.onnx.support import SUPPORTED
from qssmc.ir.graph import Graph

__all__ = ["SUPPORTED", "emit"]


def emit(graph: Graph, real: Graph) -> dict[str, bytes]:
    """All files of the ONNX target: {path: bytes}. graph: of the integer stage, proven; real: of the discrete stage.

    Raises ToolError where the package onnx is missing, UnsupportedModelError for other stages.
    """
    from qssmc.backends.onnx.models import emit_models

    return emit_models(graph, real)
