"""Engine: one way to run a model on whole sequences, and the check that it computes the model at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError

Array = NDArray[Any]
Run = Callable[[Array], Array]
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Engine:
    """run takes samples (count, length, d_input) to logits (count, n); integer: as the sensor gives them, not real.

    batch is the number of sequences that one timed call runs together.
    """

    name: str
    run: Run
    batch: int = 1
    integer: bool = False


def one_by_one(run: Callable[[Array], Array]) -> Run:
    """An engine of batches from one that takes a single sequence (length, d_input)."""
    return lambda samples: np.stack([run(sequence) for sequence in samples])


def check(engine: Engine, samples: Array, expected: Array) -> float:
    """The relative error of the logits; raises VerificationError above 1e-4, so that no wrong engine is ever timed."""
    found = engine.run(samples)
    if found.shape != expected.shape:
        raise VerificationError(f"engine {engine.name} gives logits of shape {found.shape}, not {expected.shape}")
    error = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not error <= TOLERANCE:
        raise VerificationError(
            f"engine {engine.name} is off the torch module by a relative error of {error:.2e} (at most {TOLERANCE:g}); "
            "nothing was timed"
        )
    return error
