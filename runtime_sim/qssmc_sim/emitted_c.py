"""EmittedC: loads the C that the compiler emitted, as a shared library, to run it like the golden model."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc_sim.library import C, Library, pointer
from qssmc_sim.trace_lines import trace_difference

Array = NDArray[np.int64]
FLAGS = ("-std=c99", "-O3", "-march=native")


class EmittedC(Library):
    """The emitted C of one model, compiled. Use it as a context manager; its temporary folder goes with it.

    folder holds the emitted files (layout.json among them). With trace, its traced source is built instead of the
    shipped one (see trace_differs), and every value of every step can be read. cc is
    the compiler's command, else that of the environment variable CC, else gcc. Raises ToolError if it is missing or
    fails.
    """

    language = C
    keys = frozenset({"prefix", "sources", "trace_sources", "sample", "outputs", "orders", "step", "last"})

    def __init__(
        self, folder: Path | str, *, trace: bool = False, cc: str | None = None, flags: Sequence[str] = FLAGS
    ) -> None:
        super().__init__(folder, trace=trace, compiler=cc, flags=flags)
        self._sample = np.dtype(self.layout["sample"]["type"].removesuffix("_t"))
        self._orders = {name: np.array(order, np.int64) for name, order in self.layout["orders"].items()}
        self.batch = 0
        self._states = ctypes.create_string_buffer(0)

    def arguments(self) -> list[str]:
        return ["-I", str(self.folder)] if self.trace else []

    def sources(self) -> list[str]:
        model = self.layout["trace_sources"] if self.trace else [f"{self.layout['prefix']}.c"]
        return [str(self.folder / name) for name in (*model, *self.layout["sources"])]

    def trace_differs(self) -> str | None:
        """How the traced source, without its trace statements, differs from the shipped one; None where it does not."""
        return trace_difference(self.folder, f"{self.layout['prefix']}.c", self.layout["trace_sources"][0])

    def run(self, samples: NDArray[Any]) -> dict[str, Array]:
        """Run whole sequences. samples: (n, length, d_input) integers.

        Returns outputs by name: (n, length, ...) for those of every step, (n, ...) for those after the last.
        """
        count, length = samples.shape[:2]
        given = self._samples(samples)
        outputs = self.layout["outputs"]
        step = sum(output["count"] for output in outputs if output["when"] == "step")
        last = sum(output["count"] for output in outputs if output["when"] == "last")
        rows = np.zeros((count, length * step + last), np.int64)
        self._function("run")(pointer(given), ctypes.c_long(count), ctypes.c_long(length), pointer(rows))
        found: dict[str, Array] = {}
        starts = {"step": 0, "last": 0}
        for output in outputs:
            start, extent, shape = starts[output["when"]], output["count"], output["shape"]
            starts[output["when"]] += extent
            if output["when"] == "step":
                part = rows[:, : length * step].reshape(count, length, step)[..., start : start + extent]
                found[output["name"]] = part.reshape(count, length, *shape)
            else:
                part = rows[:, length * step + start :][:, :extent]
                found[output["name"]] = part.reshape(count, *shape)
        return found

    def reset(self, batch: int) -> None:
        """Make batch states, as before the first sample. Only in a trace build."""
        if not self.trace:
            raise UsageError("EmittedC steps in a trace build only: create it with trace=True")
        size = self._function("trace_state_bytes", ctypes.c_long)()
        self.batch = batch
        self._states = ctypes.create_string_buffer(max(1, size * batch))
        self._function("trace_reset")(self._states, ctypes.c_long(batch))

    def step_batch(self, samples: NDArray[Any]) -> dict[str, Array]:
        """One step of every state. samples: (n, d_input). Returns each op's value, (n, ...) in the IR's order."""
        self._expect(len(samples))
        given = self._samples(samples)
        return self._traced("step", self._function("trace_step"), pointer(given))

    def last_batch(self) -> dict[str, Array]:
        """The end of the sequence for every state, as step_batch; the states stay as they are."""
        self._expect(self.batch)
        return self._traced("last", self._function("trace_last"))

    # --- pieces ---

    def _function(self, name: str, result: Any = None) -> Any:
        function = getattr(self._library, f"{self.layout['prefix']}_{name}")
        function.restype = result
        return function

    def _samples(self, samples: NDArray[Any]) -> NDArray[Any]:
        wanted = self.layout["sample"]["count"]
        if samples.shape[-1] != wanted or not np.issubdtype(samples.dtype, np.integer):
            raise UsageError(
                f"samples must be integers of {wanted} elements, not {samples.dtype} of {samples.shape[-1]}"
            )
        given = np.ascontiguousarray(samples, self._sample)
        if not np.array_equal(given, samples):
            raise UsageError(f"samples must fit {self._sample.name}, but they reach {samples.min()}..{samples.max()}")
        return given

    def _expect(self, batch: int) -> None:
        if batch != self.batch or not self.trace:
            raise UsageError(f"there are {self.batch} states, not {batch}: call reset(n) of a trace build first")

    def _traced(self, phase: str, call: Any, *arguments: Any) -> dict[str, Array]:
        size = self.layout[phase]["size"]
        buffer = np.zeros((self.batch, size), np.int64)
        call(self._states, ctypes.c_long(self.batch), *arguments, pointer(buffer), ctypes.c_long(size))
        return {name: self._value(buffer, op) for name, op in self.layout[phase]["ops"].items()}

    def _value(self, buffer: Array, op: dict[str, Any]) -> Array:
        values = buffer[:, op["offset"] : op["offset"] + op["count"]]
        if op["order"] is not None:
            order = self._orders[op["order"]]
            placed = np.zeros((len(buffer), int(np.prod(op["shape"]))), np.int64)
            placed[:, order[order >= 0]] = values[:, order >= 0]
            values = placed
        return values.reshape(len(buffer), *op["shape"])
