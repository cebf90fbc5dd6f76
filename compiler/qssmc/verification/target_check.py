"""Target check: what every check of a target is given, what it answers, and the comparisons that several share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, brief
from qssmc.ir.graph import Graph
from qssmc.verification.comparison import Progress, Values, compare_outputs, compare_steps
from qssmc.verification.sandbox import sandboxed
from qssmc.verification.toolchain import Toolchain


@dataclass(frozen=True)
class RecordedDesign:
    """A compiled folder, its golden model and its recorded sequences.

    samples: (count, length, channels); expected: each output of them, by name; limited: whether the user said how many
    sequences.
    """

    folder: Path
    graph: Graph
    samples: NDArray[np.int64]
    expected: Values
    progress: Progress
    limited: bool = False


@dataclass(frozen=True)
class Compared:
    """How many values were compared, by what the emitted files were built or run, and on how many sequences (None: on
    all that there were).
    """

    values: int
    by: str
    sequences: int | None = None


@dataclass(frozen=True)
class TargetCheck:
    """How a target's files are compared with golden.

    rests_on: files of the design that must be as compiled; compares: whether a difference in a file of that path is
    shown by a run; run: raises VerificationError at the first value that differs, ToolError where a program is missing.
    """

    rests_on: tuple[str, ...]
    compares: Callable[[str], bool]
    run: Callable[[RecordedDesign, Toolchain], Compared]


def run_check(check: TargetCheck, design: RecordedDesign, tools: Toolchain) -> Compared:
    """Run a target's check.

    What the files of rests_on say of the emitted ones (offsets, shapes, names) is taken as it stands while they run.
    Where that leads to an error of Python, they do not describe what was emitted: raises MalformedInputError.
    """
    try:
        return check.run(design, tools)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        described = " and ".join(check.rests_on) or "the files of a target"
        reason = f"{type(error).__name__}: {brief(error)}"
        raise MalformedInputError(
            f"{design.folder}: what {described} say of the emitted files does not fit them ({reason}); "
            "compile the model again"
        ) from error


def check_steps(
    design: RecordedDesign,
    step: Callable[[NDArray[np.int64], bool], tuple[Values, Values]],
    what: str,
    where: str,
) -> int:
    """Every value of every op at every step, in a process of its own; their number. what and where: for messages."""
    return sandboxed(
        lambda report: compare_steps(design.graph, step, design.samples, design.expected, report, what),
        design.progress,
        where,
    )


def check_sequences(design: RecordedDesign, run: Callable[[NDArray[np.int64]], Values], what: str, where: str) -> None:
    """The recorded outputs from whole sequences, in a process of its own."""
    sandboxed(
        lambda report: compare_outputs(run(design.samples), design.expected, what),
        lambda: None,
        where,
    )
