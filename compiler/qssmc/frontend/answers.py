"""Answers: the float IR in recurrent form against what the source model answers to the same sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph, Output

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
    float64, (batch, d_output) where it answers at the end and (batch, length, d_output) where at every step; of several
    outputs, joined. Each output is compared relative to its own largest.
    """
    made = run(graph, samples.astype(np.float64))
    found = [made[output.name] / (samples.shape[1] if output.mean else 1) for output in graph.outputs]
    error = 0.0
    for one, other in zip(found, parted(wanted, [one.shape[1:] for one in found]), strict=True):
        asked = lined(other, one.shape)
        if one.shape != asked.shape:
            raise VerificationError(f"{against} answers with shape {asked.shape}, the float IR with {one.shape}")
        error = max(error, float(np.abs(one - asked).max() / max(float(np.abs(asked).max()), 1e-30)))
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


def answer_shape(graph: Graph, output: Output, length: int) -> tuple[int, ...]:
    """The shape of an output of a sequence of so many steps."""
    steps = (length,) if output.when == "step" else ()
    return (*steps, *graph[output.value].type.shape)


def joined(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The answers of one output as they are; those of several one after another, (batch, numbers of all of them)."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def parted(answers: NDArray[np.float64], shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.float64]]:
    """The answers of each output again, from their shapes without the batch; raises VerificationError for others.

    >>> [part.shape for part in parted(np.zeros((2, 13)), [(5, 2), (3,)])]
    [(2, 5, 2), (2, 3)]
    """
    if len(shapes) == 1:
        return [answers]
    sizes = [int(np.prod(shape)) for shape in shapes]
    if answers.shape != (len(answers), sum(sizes)):
        raise VerificationError(f"outputs of {sizes} numbers a sequence cannot be told apart in {answers.shape}")
    ends = np.cumsum(sizes)[:-1]
    pieces = zip(np.split(answers, ends, axis=1), shapes, strict=True)
    return [piece.reshape(len(answers), *shape) for piece, shape in pieces]


def lined(wanted: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Answers in a shape that differs from theirs by axes of one element, or by several axes of channels, alone.

    >>> lined(np.zeros((4, 20)), (4, 20, 1)).shape
    (4, 20, 1)
    """
    known = len(shape) - 1
    same = wanted.size == int(np.prod(shape)) and tuple(wanted.shape[:1]) == tuple(shape[:1])
    slim = [extent for extent in wanted.shape if extent != 1]
    return wanted.reshape(shape) if same and slim[:known] == [n for n in shape if n != 1][:known] else wanted
