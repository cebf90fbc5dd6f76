"""The ONNX target: the step and the whole sequence in 64-bit integers, and the float step and QDQ to look at."""

from __future__ import annotations

from qssmc.backends.onnx.support import supports
from qssmc.ir.graph import Graph

__all__ = ["emit", "supports"]


def emit(graph: Graph, real: Graph | None = None, quantised: Graph | None = None) -> dict[str, bytes]:
    """All files of the ONNX target: {path: bytes}. graph: of the integer stage, proven; real: of the discrete stage,
    for the float models; quantised: of the quantised stage, from which the integers came, for the QDQ ones.

    Raises ToolError where the package onnx is missing, UnsupportedModelError for other stages and for ops that have no
    operators.
    """
    from qssmc.backends.onnx.models import emit_models

    return emit_models(graph, real, quantised)
