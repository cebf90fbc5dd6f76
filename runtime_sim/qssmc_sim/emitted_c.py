"""EmittedC: loads the C that the compiler emitted, as a shared library, to run it like the golden model."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, ToolError, UsageError

Array = NDArray[np.int64]
FLAGS = ("-std=c99", "-O3", "-march=native")
_PACKAGES = {"clang": "clang"}
_KEYS = {"prefix", "sources", "sample", "outputs", "orders", "step", "last"}  # of layout.json


class EmittedC:
    """The emitted C of one model, compiled. Use it as a context manager; its temporary folder goes with it.

    folder holds the emitted files (layout.json among them). With trace, every value of every step can be read. cc is
    the compiler's command, else that of the environment variable CC, else gcc. Raises ToolError if it is missing or
    fails.
    """

    def __init__(
        self, folder: Path | str, *, trace: bool = False, cc: str | None = None, flags: Sequence[str] = FLAGS
    ) -> None:
        self.folder, self.trace = Path(folder), trace
        self.layout = _read_layout(self.folder)
        self._temporary = tempfile.TemporaryDirectory(prefix="qssmc-")
        library = Path(self._temporary.name) / "model.so"
        try:
            self.compiler = cc or os.environ.get("CC") or "gcc"
            self._compile(self.compiler, flags, library)
            self._library = _load(library, self.compiler)
        except BaseException:
            self._temporary.cleanup()
            raise
        self._sample = np.dtype(self.layout["sample"]["type"].removesuffix("_t"))
        self._orders = {name: np.array(order, np.int64) for name, order in self.layout["orders"].items()}
        self.batch = 0
        self._states = ctypes.create_string_buffer(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary folder."""
        self._temporary.cleanup()

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
        self._function("run")(_pointer(given), ctypes.c_long(count), ctypes.c_long(length), _pointer(rows))
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
        return self._traced("step", self._function("trace_step"), _pointer(given))

    def last_batch(self) -> dict[str, Array]:
        """The end of the sequence for every state, as step_batch; the states stay as they are."""
        self._expect(self.batch)
        return self._traced("last", self._function("trace_last"))

    # --- pieces ---

    def _compile(self, cc: str, flags: Sequence[str], library: Path) -> None:
        prefix = self.layout["prefix"]
        macros = [f"-D{prefix.upper()}_TRACE"] if self.trace else []
        sources = [str(self.folder / name) for name in (f"{prefix}.c", *self.layout["sources"])]
        command = [*_words(cc), *flags, *macros, "-shared", "-fPIC", "-o", str(library), *sources]
        name = command[0]
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            package = _PACKAGES.get(Path(name).name, "gcc")
            raise ToolError(
                f"the C compiler {name} cannot be started ({error.strerror}); "
                f"install it with: apt-get install {package}, or name another one with --cc or CC"
            ) from error
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if "error" in line] or result.stderr.splitlines()
            raise ToolError(f"{name} cannot compile {sources[0]}: {lines[0] if lines else 'it gives no reason'}")

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
        call(self._states, ctypes.c_long(self.batch), *arguments, _pointer(buffer), ctypes.c_long(size))
        return {name: self._value(buffer, op) for name, op in self.layout[phase]["ops"].items()}

    def _value(self, buffer: Array, op: dict[str, Any]) -> Array:
        values = buffer[:, op["offset"] : op["offset"] + op["count"]]
        if op["order"] is not None:
            order = self._orders[op["order"]]
            placed = np.zeros((len(buffer), int(np.prod(op["shape"]))), np.int64)
            placed[:, order[order >= 0]] = values[:, order >= 0]
            values = placed
        return values.reshape(len(buffer), *op["shape"])


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _words(cc: str) -> list[str]:
    """A compiler's command as words."""
    try:
        words = shlex.split(cc)
    except ValueError:
        words = []
    if not words or "\0" in cc:
        raise UsageError(f"the C compiler (--cc or CC) must be a command such as gcc, not {cc!r}")
    return words


def _load(library: Path, cc: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise ToolError(
            f"{cc!r} did not build a library that this Python can load ({_short(error, library)}); "
            "name a C compiler for this machine with --cc or CC"
        ) from error


def _short(error: OSError, library: Path) -> str:
    return str(error).replace(f"{library}: ", "")


def _read_layout(folder: Path) -> dict[str, Any]:
    path = folder / "layout.json"
    try:
        layout: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the folder c/ that the compiler wrote"
        ) from error
    except ValueError as error:
        raise MalformedInputError(f"{path} is not JSON ({error}); compile the model again") from error
    if not isinstance(layout, dict) or not layout.keys() >= _KEYS:
        raise MalformedInputError(f"{path} is not the layout of an emitted model; compile the model again")
    return layout
