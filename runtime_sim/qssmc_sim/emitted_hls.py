"""EmittedHls: loads the HLS C++ that the compiler emitted, as a shared library, to run it like the golden model."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, ToolError, UsageError, VerificationError
from qssmc_sim.emitted_c import _load, _pointer, _words

Array = NDArray[np.int64]
FLAGS = ("-std=c++14", "-O2", "-Wno-unknown-pragmas")
STANDIN = "standin"


class EmittedHls:
    """The emitted C++ of one model, compiled. Use it as a context manager; its temporary folder goes with it.

    folder holds the emitted files (layout.json among them). With trace, every value of every step can be read. cxx is
    the compiler's command, else that of the environment variable CXX, else g++. ap_types is a folder with the open
    ap_int.h, else the stand-in beside the files is used. Raises ToolError if the compiler is missing or fails.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        trace: bool = False,
        cxx: str | None = None,
        ap_types: Path | None = None,
        flags: Sequence[str] = FLAGS,
    ) -> None:
        self.folder, self.trace = Path(folder), trace
        self.layout = _read_layout(self.folder)
        self._temporary = tempfile.TemporaryDirectory(prefix="qssmc-")
        library = Path(self._temporary.name) / "model.so"
        try:
            self.compiler = cxx or os.environ.get("CXX") or "g++"
            self._compile(flags, ap_types, library)
            self._library = _load(library, self.compiler)
        except BaseException:
            self._temporary.cleanup()
            raise
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
        given = self._samples(samples)
        count, length = samples.shape[:2]
        outputs = self.layout["outputs"]
        sizes = {when: sum(o["count"] for o in outputs if o["when"] == when) for when in ("step", "last")}
        rows = np.zeros((count, length * sizes["step"] + sizes["last"]), np.int64)
        left = self._library.qssm_run(_pointer(given), ctypes.c_long(count), ctypes.c_long(length), _pointer(rows))
        self._all_is_right(left)
        cut = length * sizes["step"]
        parts = {"step": rows[:, :cut].reshape(count, length, sizes["step"]), "last": rows[:, cut:]}
        starts = {"step": 0, "last": 0}
        found: dict[str, Array] = {}
        for output in outputs:
            part, start = parts[output["when"]], starts[output["when"]]
            starts[output["when"]] += output["count"]
            values = part[..., start : start + output["count"]]
            found[output["name"]] = values.reshape(*part.shape[:-1], *output["shape"])
        return found

    def reset(self, batch: int) -> None:
        """Make the states of some sequences, as before the first sample. Only in a trace build."""
        if not self.trace:
            raise UsageError("EmittedHls steps in a trace build only: create it with trace=True")
        reset = self._library.qssm_trace_reset
        reset.restype = ctypes.c_long
        size = reset()
        one = ctypes.create_string_buffer(max(1, size))
        self._library.qssm_trace_save(one)
        self.batch = batch
        self._states = ctypes.create_string_buffer(one.raw[:size] * batch + b"\0")

    def step_batch(self, samples: NDArray[Any], *, last: bool = False) -> tuple[dict[str, Array], dict[str, Array]]:
        """One step of every sequence. samples: (n, d_input). Returns each op's value at the step, (n, ...), and each
        op's value at the closing where it is the last one.
        """
        if len(samples) != self.batch or not self.trace:
            raise UsageError(
                f"there are {self.batch} sequences, not {len(samples)}: call reset(n) of a trace build first"
            )
        given = self._samples(samples)
        trace = np.zeros((self.batch, self.layout["trace_size"]), np.int64)
        step = self._library.qssm_trace_step
        count = ctypes.c_long(self.batch)
        self._all_is_right(step(self._states, count, _pointer(given), ctypes.c_int(last), _pointer(trace)))
        return self._values(trace, "step"), self._values(trace, "last") if last else {}

    # --- pieces ---

    def _values(self, trace: Array, phase: str) -> dict[str, Array]:
        found = {}
        for name, op in self.layout["trace"][phase].items():
            count = int(np.prod(op["shape"]))
            found[name] = trace[:, op["offset"] : op["offset"] + count].reshape(len(trace), *op["shape"])
        return found

    @staticmethod
    def _all_is_right(left: int) -> None:
        if left:
            raise VerificationError("the emitted HLS C++ gives too many beats, or TLAST at the wrong one")

    def _compile(self, flags: Sequence[str], ap_types: Path | None, library: Path) -> None:
        macros = ["-DQSSM_TRACE"] if self.trace else []
        include = [*(["-isystem", str(ap_types)] if ap_types else []), "-isystem", str(self.folder / STANDIN)]
        sources = [str(self.folder / name) for name in (f"{self.layout['prefix']}.cpp", "harness.cpp")]
        words = _words(self.compiler)
        command = [*words, *flags, *macros, *include, "-shared", "-fPIC", "-o", str(library), *sources]
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            package = "clang" if "clang" in words[0] else "g++"
            raise ToolError(
                f"the C++ compiler {words[0]} cannot be started ({error.strerror}); "
                f"install it with: apt-get install {package}, or name another one with --cxx or CXX"
            ) from error
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if "error" in line] or result.stderr.splitlines()
            raise ToolError(f"{words[0]} cannot compile {sources[0]}: {lines[0] if lines else 'it gives no reason'}")

    def _samples(self, samples: NDArray[Any]) -> Array:
        wanted = self.layout["sample"]
        if samples.shape[-1] != wanted["count"] or not np.issubdtype(samples.dtype, np.integer):
            raise UsageError(
                f"samples must be integers of {wanted['count']} elements, not {samples.dtype} of {samples.shape[-1]}"
            )
        given = np.ascontiguousarray(samples, np.int64)
        if given.size and (given.min() < wanted["low"] or given.max() > wanted["high"]):
            raise UsageError(
                f"samples must lie in {wanted['low']}..{wanted['high']}, but they reach {given.min()}..{given.max()}"
            )
        return given


def _read_layout(folder: Path) -> dict[str, Any]:
    path = folder / "layout.json"
    try:
        layout: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); give the folder hls/ that the compiler wrote"
        ) from error
    except ValueError as error:
        raise MalformedInputError(f"{path} is not JSON ({error}); compile the model again") from error
    if not isinstance(layout, dict) or not layout.keys() >= {"prefix", "sample", "outputs", "trace", "trace_size"}:
        raise MalformedInputError(f"{path} is not the layout of an emitted model; compile the model again")
    return layout
