"""LoadedDesign: a compiled folder that runs on numpy arrays, step by step or whole sequences, as the firmware would."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.manifest import altered_text, changed_files, read_manifest
from qssmc.data import InputFormat
from qssmc.driver.engine import load_engine
from qssmc.errors import MalformedInputError, UsageError, VerificationError, shown
from qssmc.ir.graph import Graph, Output
from qssmc.ir.text import read_graph
from qssmc.ir.verify import IRError
from qssmc.targets.executable import Executable, golden_executable
from qssmc.targets.registry import BACKENDS
from qssmc.verification.toolchain import Toolchain

GOLDEN = "golden"
Answer = NDArray[np.int64] | dict[str, NDArray[np.int64]]


class LoadedDesign:
    """A design and what computes its steps. A context manager: what was built for it goes with it.

    Samples and answers are integers as in the firmware; input_format says what samples stand for, and to_real what
    answers stand for. A design of one output answers with its array, one of several with a table of arrays by name.
    """

    def __init__(self, folder: Path, engine: str = GOLDEN, tools: Toolchain | None = None) -> None:
        self.folder, self.engine = folder, engine
        if engine not in (GOLDEN, *BACKENDS):
            raise UsageError(f"engine must be one of {', '.join((GOLDEN, *BACKENDS))}, not {engine!r}")
        self.graph, self.input_format = _read(folder, engine)
        if engine == GOLDEN:
            self._engine: Executable = golden_executable(self.graph)
        else:
            self._engine = load_engine(folder, self.graph, engine, tools or Toolchain())
        self._count: int | None = None
        self._steps = 0
        self._one = False

    @property
    def channels(self) -> int:
        """How many numbers a sample has."""
        return self.graph.inputs[0].type.shape[0]

    def run(self, samples: Any) -> Answer:
        """Whole sequences, each from the state before the first sample.

        samples: integers (count, length, channels), or one sequence (length, channels). Returns (count, length, n) of
        an output of every step, (count, n) of one after the last sample, without count for one sequence. The states of
        step() stay as they are.
        """
        given, one = self._samples(samples, 3)
        found = self._engine.run(given)
        return self._answer({name: values[0] if one else values for name, values in found.items()})

    def reset(self, count: int = 1) -> None:
        """The state before the first sample, of `count` sequences that are stepped together."""
        if count < 1:
            raise UsageError(f"there must be at least 1 sequence, not {count}")
        self._engine.reset(count)
        self._count, self._steps = count, 0

    def step(self, sample: Any) -> Answer:
        """One sample, (channels,), or one of each sequence, (count, channels). The first step resets by itself.

        Returns the outputs of this step, (n,) or (count, n); of a design that answers at the end, an empty table.
        """
        given, self._one = self._samples(sample, 2)
        if self._count is None:
            self.reset(len(given))
        if len(given) != self._count:
            raise UsageError(f"there are {self._count} sequences, not {len(given)}; call reset({len(given)}) first")
        found = self._engine.step(given)
        self._steps += 1
        return self._answer({name: values[0] if self._one else values for name, values in found.items()})

    def last(self) -> Answer:
        """What the design answers after the sample of the last step(), (n,) or (count, n); the states stay.

        An empty table of a design that answers at every step: step() has given its answers.
        """
        if not self._steps:
            raise UsageError("there was no step() yet, so there is nothing to answer")
        found = self._engine.last()
        return self._answer({name: values[0] if self._one else values for name, values in found.items()})

    def to_samples(self, real: Any) -> NDArray[np.int64]:
        """Real numbers in the units of the model, rounded to samples. Raises UsageError for what is beyond them."""
        try:
            values = np.asarray(real, np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"to_samples takes an array of real numbers, not {shown(real)}") from error
        if not np.isfinite(values).all():
            raise UsageError(f"{int((~np.isfinite(values)).sum())} of the real numbers are NaN or infinite")
        steps = np.rint(self.input_format.to_steps(values))
        low, high = self.input_format.bounds
        if steps.size and (steps.min() < low or steps.max() > high):
            raise UsageError(f"{self.input_format} hold {low}..{high}, not {steps.min():.17g}..{steps.max():.17g}")
        return np.asarray(steps.astype(np.int64))

    def to_real(self, values: NDArray[np.int64], *, name: str | None = None, steps: int | None = None) -> Any:
        """What integers of an output stand for, in the units of the model; float64 of the same shape.

        steps: of the sequence, for an output that is a mean over them; of step() and last() it is known.
        """
        output = self._output(name)
        given: Any = steps
        if given is not None and (isinstance(given, bool) or not isinstance(given, Integral) or given < 1):
            raise UsageError(f"steps must be a whole number of at least 1, not {shown(given)}")
        scale = self.graph.scales[output.value].data
        if output.mean:
            steps = self._steps if steps is None else steps
            if steps < 1:
                raise UsageError(f"output {output.name} is a mean over the steps; give steps, how many there were")
            scale = scale / steps
        return np.asarray(values, np.float64) * scale

    def close(self) -> None:
        """Remove what was built."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"LoadedDesign({str(self.folder)!r}, engine={self.engine!r}): {self.input_format}, {self.channels} a sample"
        )

    # --- pieces ---

    def _output(self, name: str | None) -> Output:
        named = {output.name: output for output in self.graph.outputs}
        if name is None and len(named) == 1:
            return self.graph.outputs[0]
        if name not in named:
            raise UsageError(f"output must be one of {', '.join(named)}, not {name!r}")
        return named[name]

    def _answer(self, found: dict[str, NDArray[np.int64]]) -> Answer:
        return next(iter(found.values())) if len(found) == 1 == len(self.graph.outputs) else found

    def _samples(self, given: Any, axes: int) -> tuple[NDArray[np.int64], bool]:
        """Samples with an axis of sequences, and whether that was added."""
        array = np.asarray(given)
        shape = "(count, length, channels) or (length, channels)" if axes == 3 else "(count, channels) or (channels,)"
        if array.dtype.kind not in "iu":
            raise UsageError(
                f"samples must be integers as the sensor gives them, {self.input_format}, not {array.dtype}; "
                "to_samples() makes them of real numbers"
            )
        one = array.ndim == axes - 1
        array = array[None] if one else array
        if array.ndim != axes or array.shape[-1] != self.channels or 0 in array.shape:
            raise UsageError(f"samples must have shape {shape} of {self.channels} channels, not {np.shape(given)}")
        low, high = self.input_format.bounds
        if array.min() < low or array.max() > high:
            raise UsageError(f"samples must lie in {low}..{high}, not {array.min()}..{array.max()}")
        return array.astype(np.int64), one


def _read(folder: Path, engine: str) -> tuple[Graph, InputFormat]:
    """The golden model and the input format of a folder whose files for the engine are as compiled."""
    manifest = read_manifest(folder)
    files = tuple(name for name in manifest["files"] if name.startswith(("ir/", f"{engine}/")))
    if engine != GOLDEN and not any(name.startswith(f"{engine}/") for name in files):
        raise UsageError(f"{folder} holds no {engine}; compile the model with --target {engine}")
    altered = [name for name in changed_files(folder, manifest) if name in files]
    if altered:
        raise VerificationError(altered_text(altered))
    try:
        return read_graph(folder / str(manifest["golden"])), InputFormat(**manifest["input_format"])
    except (OSError, ValueError, KeyError, TypeError, UsageError, IRError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
