"""Compare: the float IR in recurrent form against the torch module in convolution form."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.answers import TOLERANCE, RunGraph, compare_with_answers, joined
from qssmc.frontend.evaluated import evaluated
from qssmc.frontend.layers.declared import Declared
from qssmc.frontend.precision import precisions
from qssmc.frontend.quantised import ExactQuantisation
from qssmc.frontend.returned import ALONE, picked
from qssmc.frontend.tracing import without_softmax
from qssmc.ir.graph import Graph

__all__ = ["TOLERANCE", "RunGraph", "answers_of", "compare_with_module"]


def compare_with_module(
    graph: Graph, module: nn.Module, samples: NDArray[Any], run: RunGraph, declared: Declared | None = None
) -> float:
    """The largest difference of the outputs relative to the largest output; raises VerificationError above 1e-4.

    samples: real sequences (batch, length, d_input). The torch module computes in float64 as well, so that the check
    is one of the trace and of the recurrence, not of the rounding of float32 in slow poles.
    """
    names = [output.name for output in graph.outputs]
    return compare_with_answers(graph, samples, answers_of(module, samples, declared, names), run)


def answers_of(
    module: nn.Module, samples: NDArray[Any], declared: Declared | None = None, outputs: Sequence[str] = (ALONE,)
) -> NDArray[np.float64]:
    """What a copy of the module answers to real sequences (batch, length, d_input), in float64 if its code lets it.

    Of (answer, None) it is the answer; a softmax at the end is left out. outputs: the names of the graph's; of several,
    they are joined as `joined` says. Raises UnsupportedModelError if the module fails, or says something that is not
    a number.
    """
    plain = without_softmax(evaluated(module), declared)
    failed: Exception | None = None
    for _, kind, change in precisions():
        live = change(copy.deepcopy(plain))
        try:
            with torch.no_grad(), ExactQuantisation(live):
                found = live(torch.from_numpy(samples).to(kind))
                parts: list[NDArray[np.float64]] = [part.double().numpy() for part in picked(found, outputs)]
            break
        except Exception as error:  # it is the user's forward that runs, so anything can come out of it
            failed = failed or error
    else:
        reason = str(failed).splitlines()[0] if str(failed) else type(failed).__name__
        raise UnsupportedModelError(
            f"the torch module fails on sequences of shape {samples.shape} ({reason}); it must take "
            "(batch, length, channels)"
        ) from failed
    answers = joined(parts)
    if not np.isfinite(answers).all():
        raise UnsupportedModelError(
            "the torch module itself answers with NaN or infinite values on these sequences; "
            "look for poles that are 0 (log_a_real very negative) or decay at once (very large), and for huge weights"
        )
    return answers
