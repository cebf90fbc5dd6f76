"""Source: a model to compile, whatever it came from: a torch checkpoint or an ONNX step graph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data import InputFormat
from qssmc.frontend import compare_with_module, trace
from qssmc.ir.graph import Graph
from qssmc.models import Checkpoint
from qssmc_sim import run

ONNX_STEPS = 4096  # a mean over the steps of an ONNX model is exact for, if nothing else is asked for


@dataclass(frozen=True)
class Source:
    """graph: the float graph under a name; check: its largest relative error on real samples against `against`.

    calibration: what the model brings, or None; pooled: whether it answers from a mean over the steps.
    data_set: what it was trained on, where it says so.
    """

    what: str
    against: str
    sha256: str
    d_input: int
    input_format: InputFormat
    calibration: NDArray[Any] | None
    pooled: bool
    parameters: int
    graph: Callable[[str], Graph]
    check: Callable[[Graph, NDArray[np.float64]], float]
    data_set: str | None = None


def from_checkpoint(checkpoint: Checkpoint, sha256: str) -> Source:
    """A model in torch."""
    module, d_input = checkpoint.build(), checkpoint.config.d_input
    parameters = sum(p.numel() for p in module.parameters())
    return Source(
        f"trace: {type(module).__name__} with {parameters} parameters",
        "the torch module",
        sha256,
        d_input,
        checkpoint.input_format,
        checkpoint.calibration,
        checkpoint.config.output == "pooled",
        parameters,
        lambda name: trace(module, d_input, name),
        lambda graph, samples: compare_with_module(graph, module, samples, lambda g, x: run(g, x).outputs),
        checkpoint.provenance.get("data_set"),
    )


def from_onnx(path: Path) -> Source:
    """A float step graph in ONNX, X_step.onnx, with X_last.onnx beside it where the answer comes at the end."""
    from qssmc.frontend.onnx import compare_with_runtime, import_onnx

    imported = import_onnx(path, "model")
    files = [path, *([imported.closing.path] if imported.closing else [])]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return Source(
        f"import: {path.name} with {imported.parameters} numbers",
        "ONNX Runtime",
        digest,
        imported.graph.inputs[0].type.shape[0],
        imported.input_format,
        None,
        any(output.mean for output in imported.graph.outputs),
        imported.parameters,
        lambda name: replace(imported.graph, name=name),
        lambda graph, samples: compare_with_runtime(imported, samples, lambda g, x: run(g, x).outputs),
    )
