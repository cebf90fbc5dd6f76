"""Executable: a design, built or loaded, that runs samples as the golden model does, whatever its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph, When
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.emitted_hls import EmittedHls
from qssmc_sim.machine import Machine, run

Integers = NDArray[np.int64]
Outputs = dict[str, Integers]
AnyLibrary = TypeVar("AnyLibrary", EmittedC, EmittedHls)


class Executable(Protocol):
    """Runs sequences of integers in the design's input format; outputs are integers of the shapes that golden gives.

    Complex outputs have a last axis of re and im. A context manager. Raises UsageError for samples of another shape,
    type or range, ToolError where a compiler, a simulator or a package is missing or fails.
    """

    def run(self, samples: NDArray[Any]) -> Outputs:
        """Whole sequences, (count, length, channels). Returns the outputs by name: (count, length, n) of those of every
        step, (count, n) of those after the last one. The states of step by step runs stay as they are."""

    def reset(self, count: int) -> None:
        """Begin a number of sequences: every state as before the first sample."""

    def step(self, samples: NDArray[Any]) -> Outputs:
        """The next sample of every sequence, (count, channels). Returns the outputs of the step by name, (count, n)."""

    def last(self) -> Outputs:
        """The outputs after the last sample by name, (count, n). The states stay as they are; steps may follow."""

    def close(self) -> None:
        """Remove what was built."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None: ...


class Stepper(Protocol):
    """What runs the steps of a number of sequences and gives values of ops by name, such as a traced build."""

    def step_batch(self, samples: Integers) -> Mapping[str, NDArray[Any]]:
        """One sample of every sequence, (count, channels)."""

    def last_batch(self) -> Mapping[str, NDArray[Any]]:
        """The end of every sequence; the states stay as they are."""


class DesignExecutable:
    """An executable of parts. whole: runs (count, length, channels); start: makes the stepper of a number of sequences;
    close: removes what was built."""

    def __init__(
        self,
        graph: Graph,
        whole: Callable[[Integers], Mapping[str, NDArray[Any]]],
        start: Callable[[int], Stepper],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.graph, self._whole, self._start, self._close = graph, whole, start, close
        self._stepper: Stepper | None = None
        self._count = 0

    def run(self, samples: NDArray[Any]) -> Outputs:
        """As Executable says."""
        found = self._whole(checked(self.graph, samples, ("count", "length")))
        return {name: np.asarray(values, np.int64) for name, values in found.items()}

    def reset(self, count: int) -> None:
        """As Executable says."""
        if count < 1:
            raise UsageError(f"the number of sequences must be at least 1, not {count}")
        self._stepper, self._count = self._start(count), count

    def step(self, samples: NDArray[Any]) -> Outputs:
        """As Executable says."""
        stepper = self._started()
        given = checked(self.graph, samples, ("count",))
        if len(given) != self._count:
            raise UsageError(f"there are {self._count} sequences, not {len(given)}: call reset({len(given)}) first")
        return self._outputs("step", stepper.step_batch(given))

    def last(self) -> Outputs:
        """As Executable says."""
        stepper = self._started()
        return self._outputs("last", stepper.last_batch()) if self.graph.last_ops else {}

    def close(self) -> None:
        """As Executable says."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> Stepper:
        if self._stepper is None:
            raise UsageError("no sequence has begun: call reset(count) before step and last")
        return self._stepper

    def _outputs(self, when: When, values: Mapping[str, NDArray[Any]]) -> Outputs:
        leaving = (output for output in self.graph.outputs if output.when == when)
        return {output.name: np.asarray(values[output.value], np.int64) for output in leaving}


def library_executable(
    graph: Graph, build: Callable[[bool], AnyLibrary], start: Callable[[AnyLibrary, int], Stepper]
) -> DesignExecutable:
    """Sources that are built as a user does for whole sequences and, once steps are asked for, for tracing.

    build: of whether for tracing; start: makes the stepper of a number of sequences from a traced build.
    """
    kept = ExitStack()
    user = kept.enter_context(build(False))
    traced: list[AnyLibrary] = []

    def stepper(count: int) -> Stepper:
        if not traced:
            traced.append(kept.enter_context(build(True)))
        return start(traced[0], count)

    return DesignExecutable(graph, user.run, stepper, kept.close)


def golden_executable(graph: Graph) -> DesignExecutable:
    """The golden model of a design."""
    return DesignExecutable(graph, lambda samples: run(graph, samples).outputs, lambda count: _Golden(graph, count))


class _Golden:
    def __init__(self, graph: Graph, count: int) -> None:
        self._machine = Machine(graph, count)

    def step_batch(self, samples: Integers) -> Mapping[str, NDArray[Any]]:
        return self._machine.step(samples)

    def last_batch(self) -> Mapping[str, NDArray[Any]]:
        return self._machine.last()


class PrefixStepper:
    """Steps by running the sequences so far anew, for what runs whole sequences alone. Values are by op, as a graph's
    outputs name them."""

    def __init__(self, graph: Graph, whole: Callable[[Integers], Mapping[str, NDArray[Any]]]) -> None:
        self.graph, self._whole = graph, whole
        self._samples: list[Integers] = []
        self._found: Mapping[str, NDArray[Any]] = {}

    def step_batch(self, samples: Integers) -> Mapping[str, NDArray[Any]]:
        """One sample more of every sequence."""
        self._samples.append(samples)
        self._found = self._whole(np.stack(self._samples, axis=1))
        return {output.value: self._found[output.name][:, -1] for output in self.graph.outputs if output.when == "step"}

    def last_batch(self) -> Mapping[str, NDArray[Any]]:
        """What left after the sample that was the last one."""
        need_samples(bool(self._samples))
        return {output.value: self._found[output.name] for output in self.graph.outputs if output.when == "last"}


def need_samples(any_: bool) -> None:
    """Refuse the end of a sequence that has no sample."""
    if not any_:
        raise UsageError("a sequence ends after a sample at the earliest: call step before last")


def checked(graph: Graph, samples: NDArray[Any], axes: tuple[str, ...]) -> Integers:
    """Samples as 64-bit integers. Raises UsageError where they are not what the graph takes, with axes before that of
    the channels."""
    (entrance,) = graph.inputs
    low, high = entrance.type.bounds
    channels = entrance.type.shape[0]
    shape = f"({', '.join(axes)}, {channels})"
    if samples.ndim != len(axes) + 1 or samples.shape[-1] != channels:
        raise UsageError(f"samples must have the shape {shape}, not {samples.shape}")
    if samples.dtype.kind not in "iu":
        raise UsageError(f"samples must be integers of the input format, not {samples.dtype}")
    if samples.size and (samples.min() < low or samples.max() > high):
        raise UsageError(f"samples must lie in {low}..{high}, but they reach {samples.min()}..{samples.max()}")
    return samples.astype(np.int64, copy=False)
