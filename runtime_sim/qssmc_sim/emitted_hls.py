"""EmittedHls: loads the HLS C++ that the compiler emitted, as a shared library, to run it like the golden model."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError, VerificationError
from qssmc_sim.library import CXX, Library, pointer
from qssmc_sim.trace_lines import trace_difference

Array = NDArray[np.int64]
FLAGS = ("-std=c++14", "-O2", "-Wno-unknown-pragmas")
STANDIN = "standin"


class EmittedHls(Library):
    """The emitted C++ of one model, compiled. Use it as a context manager; its temporary folder goes with it.

    folder holds the emitted files (layout.json among them). With trace, its traced source is built instead of the
    shipped one (see trace_differs), and every value of every step can be read. cxx is
    the compiler's command, else that of the environment variable CXX, else g++. ap_types is a folder with the open
    ap_int.h, else the stand-in beside the files is used. Raises ToolError if the compiler is missing or fails.
    """

    language = CXX
    keys = frozenset({"prefix", "sample", "outputs", "trace", "trace_size"})

    def __init__(
        self,
        folder: Path | str,
        *,
        trace: bool = False,
        cxx: str | None = None,
        ap_types: Path | None = None,
        flags: Sequence[str] = FLAGS,
    ) -> None:
        self.ap_types = ap_types
        super().__init__(folder, trace=trace, compiler=cxx, flags=flags)
        self.batch = 0
        self._states = ctypes.create_string_buffer(0)
        self._latest: tuple[Array, bytes] | None = None  # the samples stepped last, and the states before them

    def arguments(self) -> list[str]:
        macros = ["-DQSSM_TRACE"] if self.trace else []
        theirs = ["-isystem", str(self.ap_types)] if self.ap_types else []
        return [*macros, *theirs, "-isystem", str(self.folder / STANDIN), "-I", str(self.folder)]

    def sources(self) -> list[str]:
        prefix = self.layout["prefix"]
        model = f"trace/{prefix}_trace.cpp" if self.trace else f"{prefix}.cpp"
        return [str(self.folder / name) for name in (model, "harness.cpp")]

    def trace_differs(self) -> str | None:
        """How the traced source, without its trace statements, differs from the shipped one; None where it does not."""
        prefix = self.layout["prefix"]
        return trace_difference(self.folder, f"{prefix}.cpp", f"trace/{prefix}_trace.cpp")

    def run(self, samples: NDArray[Any]) -> dict[str, Array]:
        """Run whole sequences. samples: (n, length, d_input) integers.

        Returns outputs by name: (n, length, ...) for those of every step, (n, ...) for those after the last.
        """
        given = self._samples(samples)
        count, length = samples.shape[:2]
        outputs = self.layout["outputs"]
        sizes = {when: sum(o["count"] for o in outputs if o["when"] == when) for when in ("step", "last")}
        rows = np.zeros((count, length * sizes["step"] + sizes["last"]), np.int64)
        left = self._library.qssm_run(pointer(given), ctypes.c_long(count), ctypes.c_long(length), pointer(rows))
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
        self.batch, self._latest = batch, None
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
        self._latest = (given, self._states.raw)
        trace = self._stepped(given, last)
        return self._values(trace, "step"), self._values(trace, "last") if last else {}

    def last_batch(self) -> dict[str, Array]:
        """Each op's value at the closing, as if the samples stepped last had been the last; the states stay as they
        are."""
        if self._latest is None:
            raise UsageError("a sequence ends after a sample at the earliest: call step_batch before last_batch")
        given, before = self._latest
        after = self._states.raw
        self._states = ctypes.create_string_buffer(before, len(before))
        trace = self._stepped(given, True)
        self._states = ctypes.create_string_buffer(after, len(after))
        return self._values(trace, "last")

    # --- pieces ---

    def _stepped(self, given: Array, last: bool) -> Array:
        """One step of every sequence; what it traced."""
        trace = np.zeros((self.batch, self.layout["trace_size"]), np.int64)
        step = self._library.qssm_trace_step
        count = ctypes.c_long(self.batch)
        self._all_is_right(step(self._states, count, pointer(given), ctypes.c_int(last), pointer(trace)))
        return trace

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
