"""Answers: the float IR in recurrent form against what the source model answers to the same sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph

TOLERANCE = 1e-4
# (graph, real samples (batch, length, d_input)) -> outputs by name; the caller brings the interpreter.
RunGraph = Callable[[Graph, NDArray[Any]], dict[str, NDArray[Any]]]


def compare_with_answers(
    graph: Graph,
    samples: NDArray[Any],
    wanted: NDArray[np.float64],
    run: RunGraph,
    against: str = "the torch module",
    tolerance: float = TOLERANCE,
) -> float:
    """The largest difference of the outputs relative to the largest output; raises VerificationError above tolerance.

    samples: real sequences (batch, length, d_input); wanted: what the source model, `against`, answers to them in
    float64, (batch, d_output) where it answers at the end and (batch, length, d_output) where at every step.
    """
    output = graph.outputs[0]
    found = run(graph, samples.astype(np.float64))[output.name]
    if output.mean:
        found = found / samples.shape[1]
    wanted = lined(wanted, found.shape)
    if found.shape != wanted.shape:
        raise VerificationError(f"{against} answers with shape {wanted.shape}, the float IR with {found.shape}")
    error = float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))
    if not error <= tolerance:
        raise VerificationError(
            f"the float IR differs from {against} by {error:.2e} relative (allowed: {tolerance:.0e}) "
            f"over {len(samples)} sequences; "
            + (
                "the trace of this model is wrong, please report it"
                if tolerance <= TOLERANCE
                else "its layers are approximated; allow them less by --lti-error"
            )
        )
    return error


def lined(wanted: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Answers in a shape that differs from theirs by axes of one element, or by several axes of channels, alone.

    >>> lined(np.zeros((4, 20)), (4, 20, 1)).shape
    (4, 20, 1)
    """
    known = len(shape) - 1
    same = wanted.size == int(np.prod(shape)) and tuple(wanted.shape[:1]) == tuple(shape[:1])
    slim = [extent for extent in wanted.shape if extent != 1]
    return wanted.reshape(shape) if same and slim[:known] == [n for n in shape if n != 1][:known] else wanted
