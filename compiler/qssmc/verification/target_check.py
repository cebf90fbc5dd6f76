"""Target check: what every check of a target is given, what it answers, and the comparisons that several share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, VerificationError, brief
from qssmc.ir.graph import Graph
from qssmc.verification.comparison import Progress, Values, compare_outputs, compare_values, golden_steps
from qssmc.verification.sandbox import Apart, Building, Limits
from qssmc.verification.toolchain import Toolchain

AT_ONCE = 64  # whole sequences that a target is given in one go


@dataclass(frozen=True)
class Driven:
    """Sequences of one length, (count, length, channels), and every output that golden gives for them, by name."""

    samples: NDArray[np.int64]
    expected: Values

    def first(self, count: int) -> Driven:
        """The first so many sequences."""
        return self.part(0, count)

    def part(self, start: int, stop: int) -> Driven:
        """Sequences start..stop - 1."""
        return Driven(self.samples[start:stop], {name: values[start:stop] for name, values in self.expected.items()})


@dataclass(frozen=True)
class RecordedDesign:
    """A compiled folder, its golden model, its recorded sequences and those made to drive it to its edges.

    samples and expected: recorded; made: all that were made, those first that together reach what all of them reach;
    cover: the number of these; limited: whether the user said how many sequences.
    """

    folder: Path
    graph: Graph
    samples: NDArray[np.int64]
    expected: Values
    made: Driven
    cover: int
    progress: Progress
    limited: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def recorded(self) -> Driven:
        """The recorded sequences."""
        return Driven(self.samples, self.expected)

    def traced(self, recorded: int) -> list[Driven]:
        """The sequences whose every value is looked at: the cover, and some of those recorded."""
        return [part for part in (self.recorded.first(recorded), self.made.first(self.cover)) if len(part.samples)]


@dataclass(frozen=True)
class Compared:
    """What ran of a target, and what was compared.

    values: their number; by: what built or ran it; sequences and steps: how many in all; made: how many of them were
    made to drive the design to its edges; variants: each way it was built, in words; traced: sequences of which every
    value of every op was compared; not_run: variants that could not be, and why.
    """

    values: int
    by: str
    sequences: int = 0
    steps: int = 0
    made: int = 0
    traced: int = 0
    variants: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetCheck:
    """How a target's files are compared with golden.

    rests_on: files of the design that must be as compiled; compares: whether a difference in a file of that path is
    shown by a run; run: raises VerificationError at the first value that differs, ToolError where a program is missing;
    begin: the same in two parts, the first of which starts what takes long, and returns the second.
    """

    rests_on: tuple[str, ...]
    compares: Callable[[str], bool]
    run: Callable[[RecordedDesign, Toolchain], Compared]
    begin: Callable[[RecordedDesign, Toolchain], Callable[[], Compared]] | None = None


class Stepped(Protocol):
    """What is built or loaded, and stepped with every value shown."""

    def __enter__(self) -> Stepped: ...
    def __exit__(self, *_: Any) -> None: ...
    def reset(self, batch: int) -> None:
        """The states of so many sequences, as before the first sample."""

    def fire(self, samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        """A step of every sequence; the values of the step, and of the closing after the last one."""


class Run(Protocol):
    """What is built or loaded, and runs whole sequences."""

    def __enter__(self) -> Run: ...
    def __exit__(self, *_: Any) -> None: ...
    def run(self, samples: NDArray[np.int64]) -> Mapping[str, NDArray[Any]]:
        """The outputs, as golden gives them."""


_LAST = ":last:"  # before the name of a value of the closing


@contextmanager
def described(check: TargetCheck, folder: Path) -> Iterator[None]:
    """Around a target's check of a design's folder.

    What the files of rests_on say of the emitted ones (offsets, shapes, names) is taken as it stands while they run.
    Where that leads to an error of Python, they do not describe what was emitted: raises MalformedInputError.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        files = " and ".join(check.rests_on) or "the files of a target"
        reason = f"{type(error).__name__}: {brief(error)}"
        raise MalformedInputError(
            f"{folder}: what {files} say of the emitted files does not fit them ({reason}); compile the model again"
        ) from error


def check_steps(
    design: RecordedDesign, build: Callable[[], Stepped], parts: Sequence[Driven], what: str, where: str, builder: str
) -> int:
    """Every value of every op at every step; their number. what and where: for messages; builder: what builds it."""

    def work(building: Building) -> Iterator[Values]:
        building(builder)
        with build() as emitted:
            building("")
            for part in parts:
                emitted.reset(len(part.samples))
                length = part.samples.shape[1]
                for t in range(length):
                    values, closing = emitted.fire(part.samples[:, t], t == length - 1)
                    yield {**values, **{_LAST + name: value for name, value in closing.items()}}

    compared = 0
    with Apart(work, where, design.limits) as apart:
        answers = iter(apart)
        for part in parts:
            length = part.samples.shape[1]
            for t, wanted, closing in golden_steps(design.graph, part.samples):
                got = next(answers, None)
                if got is None:
                    raise VerificationError(f"{where} ends before the last step")
                compared += compare_values(design.graph.step_ops, wanted, got, t, what)
                if closing:
                    last = {name.removeprefix(_LAST): v for name, v in got.items() if name.startswith(_LAST)}
                    compared += compare_values(design.graph.last_ops, closing, last, length, what)
                design.progress("steps", t + 1, length)
    return compared


def check_sequences(
    design: RecordedDesign,
    build: Callable[[], Run],
    parts: Sequence[Driven],
    what: str,
    where: str,
    builder: str,
    locate: Callable[[Driven], object] | None = None,
) -> int:
    """The outputs of whole sequences; the number of values compared. locate: looks at every value of some sequences
    whose outputs differ, and raises where the first one does.
    """

    def work(building: Building) -> Iterator[Values]:
        building(builder)
        with build() as emitted:
            building("")
            for part in parts:
                for start in range(0, len(part.samples), AT_ONCE):
                    yield emitted.run(part.samples[start : start + AT_ONCE])

    compared = 0
    with Apart(work, where, design.limits) as apart:
        answers = iter(apart)
        for part in parts:
            source = "recorded" if part.samples is design.samples else "golden"
            for start in range(0, len(part.samples), AT_ONCE):
                got = next(answers, None)
                if got is None:
                    raise VerificationError(f"{where} ends before the last sequence")
                wanted = part.part(start, start + AT_ONCE)
                try:
                    compare_outputs(got, wanted.expected, what, start, source)
                except VerificationError:
                    if locate is not None:
                        locate(wanted)
                    raise
                compared += sum(values.size for values in wanted.expected.values())
    return compared
