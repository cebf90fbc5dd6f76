"""Compare: the float IR in recurrent form against the torch module in convolution form."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.errors import UnsupportedModelError, VerificationError
from qssmc.ir.graph import Graph

TOLERANCE = 1e-4
# (graph, real samples (batch, length, d_input)) -> outputs by name; the caller brings the interpreter.
RunGraph = Callable[[Graph, NDArray[Any]], dict[str, NDArray[Any]]]


def compare_with_module(graph: Graph, module: nn.Module, samples: NDArray[Any], run: RunGraph) -> float:
    """The largest difference of the outputs relative to the largest output; raises VerificationError above 1e-4.

    samples: real sequences (batch, length, d_input). The torch module computes in float64 as well, so that the check
    is one of the trace and of the recurrence, not of the rounding of float32 in slow poles.
    """
    wanted = _answers(module, samples)
    output = graph.outputs[0]
    found = run(graph, samples.astype(np.float64))[output.name]
    if output.mean:
        found = found / samples.shape[1]
    if found.shape != wanted.shape:
        raise VerificationError(f"the torch module answers with shape {wanted.shape}, the float IR with {found.shape}")
    error = float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))
    if not error <= TOLERANCE:
        raise VerificationError(
            f"the float IR differs from the torch module by {error:.2e} relative (allowed: {TOLERANCE:.0e}) "
            f"over {len(samples)} sequences; the trace of this model is wrong, please report it"
        )
    return error


def _answers(module: nn.Module, samples: NDArray[Any]) -> NDArray[np.float64]:
    """What the module says; raises UnsupportedModelError if it fails, or says something that is not a number."""
    double = copy.deepcopy(module).cpu().double().eval()
    try:
        with torch.no_grad():
            answers: NDArray[np.float64] = double(torch.from_numpy(samples.astype(np.float64))).numpy()
    except Exception as error:  # it is the user's forward that runs, so anything can come out of it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedModelError(
            f"the torch module fails on sequences of shape {samples.shape} ({reason}); it must take "
            "(batch, length, channels)"
        ) from error
    if not np.isfinite(answers).all():
        raise UnsupportedModelError(
            "the torch module itself answers with NaN or infinite values on these sequences; "
            "look for poles that are 0 (log_a_real very negative) or decay at once (very large), and for huge weights"
        )
    return answers
