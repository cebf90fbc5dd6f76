"""Compare: the float IR in recurrent form against the torch module in convolution form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph

TOLERANCE = 1e-4
# (graph, real samples (batch, length, d_input)) -> outputs by name; the caller brings the interpreter.
RunGraph = Callable[[Graph, NDArray[Any]], dict[str, NDArray[Any]]]


def compare_with_module(graph: Graph, module: nn.Module, samples: NDArray[Any], run: RunGraph) -> float:
    """The largest difference of the outputs relative to the largest output; raises VerificationError above 1e-4.

    samples: real sequences (batch, length, d_input).
    """
    with torch.no_grad():
        wanted = module.eval()(torch.from_numpy(samples.astype(np.float32))).double().numpy()
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
