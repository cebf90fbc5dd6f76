"""Sandbox: what builds, loads or runs a folder's files does so in a process of its own, with limits of time and memory.

The process sends values and nothing else: arrays of integers in memory that is shared, and what they are as JSON. Who
asked for them compares them, so that no word of the code that runs there decides. Whatever it started ends with it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import mmap
import multiprocessing
import os
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, QssmcError, ToolError, UsageError, VerificationError

Values = Mapping[str, NDArray[Any]]
Building = Callable[[str], None]  # tells what is being built, or "" when that is done and the folder's own code runs
Work = Callable[[Building], Iterator[Values]]
# A forked child has the golden model and the samples already; nothing must be sent to it.
_FORK = multiprocessing.get_context("fork")
_SLOT = 1 << 28  # bytes of one answer; memory is taken only as far as it is written
_HEADER = 1 << 22
_KINDS: dict[str, type[QssmcError]] = {
    kind.__name__: kind for kind in (MalformedInputError, ToolError, UsageError, VerificationError)
}


@dataclass(frozen=True)
class Limits:
    """seconds: that a build or a run may take until its next answer; memory: bytes beyond what this process has."""

    seconds: int = 600
    memory: int = 16 << 30


class Apart:
    """Work that runs in a forked process from now on; iterating gives what it yields, as the process sends it.

    what opens messages. Raises VerificationError if the process does not live to answer, or does not answer in time;
    ToolError if that is so while it builds; and what it says went wrong.
    """

    def __init__(self, work: Work, what: str, limits: Limits | None = None) -> None:
        self.what, self.limits = what, limits or Limits()
        self._building = ""
        self._temporary = tempfile.TemporaryDirectory(prefix="qssmc-verify-", ignore_cleanup_errors=True)
        self._shared = mmap.mmap(-1, 2 * _SLOT)
        self._pipe, theirs = _FORK.Pipe()
        self._child = _FORK.Process(
            target=_serve, args=(work, theirs, self._pipe, self._shared, self.limits, self._temporary.name), daemon=True
        )
        self._child.start()
        theirs.close()

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all that it started."""
        if self._child.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
        self._child.kill()
        self._child.join()
        self._pipe.close()
        self._temporary.cleanup()

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        try:
            while (header := self._header()) is not None:
                yield self._values(header)
                with contextlib.suppress(OSError):
                    self._pipe.send_bytes(b"go on")
        finally:
            self.close()

    def _header(self) -> Any:
        """What the next answer holds, None after the last."""
        while True:
            if not self._pipe.poll(self.limits.seconds):
                self._too_slow()
            try:
                said = json.loads(self._pipe.recv_bytes(_HEADER))
            except EOFError:
                self._child.join()
                raise VerificationError(f"{self.what} crashes ({_ending(self._child.exitcode)})") from None
            except (OSError, ValueError):
                raise VerificationError(f"{self.what} disturbs the process that runs it") from None
            if "building" in said:
                self._building = str(said["building"])
            elif "error" in said:
                kind = _KINDS.get(str(said["error"]))
                raise kind(str(said["text"])) if kind else VerificationError(f"{self.what} fails ({said['text']})")
            else:
                return said.get("values")

    def _values(self, header: Any) -> dict[str, NDArray[Any]]:
        """Views of the shared memory, good until the next answer but one."""
        found: dict[str, NDArray[Any]] = {}
        try:
            for name, kind, shape, start in header:
                extents = [int(extent) for extent in shape]
                count = int(np.prod(extents, dtype=object))
                if (
                    min(extents, default=0) < 0
                    or kind not in ("<i8", "<i4", "<i2", "|i1")
                    or not 0 <= start <= 2 * _SLOT
                ):
                    raise ValueError
                found[str(name)] = np.frombuffer(self._shared, np.dtype(kind), count, start).reshape(extents)
        except (ValueError, TypeError):
            raise VerificationError(f"{self.what} disturbs the process that runs it") from None
        return found

    def _too_slow(self) -> NoReturn:
        if self._building:
            raise ToolError(f"{self._building} does not end within {self.limits.seconds} s and was stopped")
        raise VerificationError(f"{self.what} does not end within {self.limits.seconds} s and was stopped")


def _serve(work: Work, pipe: Connection, other: Connection, shared: mmap.mmap, limits: Limits, place: str) -> None:
    os.setsid()  # a group of its own, which is ended as a whole
    other.close()
    tempfile.tempdir = os.environ["TMPDIR"] = place  # removed by the parent, however this process ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.disable()  # how it ends is told by the parent
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    _limit(limits)

    def tell(what: Mapping[str, Any]) -> None:
        pipe.send_bytes(json.dumps(what).encode())

    slot = ahead = 0
    try:
        for values in work(lambda what: tell({"building": what})):
            if ahead == 2:  # both slots may still be read
                pipe.recv_bytes()
                ahead -= 1
            tell({"values": _write(values, shared, slot * _SLOT)})
            slot, ahead = 1 - slot, ahead + 1
        tell({})
        for _ in range(ahead):
            pipe.recv_bytes()
    except EOFError:
        return
    except MemoryError:
        tell({"error": "", "text": "it needs more memory than it may take"})
    except Exception as error:
        kind = type(error).__name__
        known = isinstance(error, QssmcError)
        tell({"error": kind if known else "", "text": str(error) if known else f"{kind}: {error}"})


def _limit(limits: Limits) -> None:
    with open("/proc/self/statm", encoding="ascii") as file:
        here = int(file.read().split()[0]) * resource.getpagesize()
    for what, most in ((resource.RLIMIT_AS, here + limits.memory), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        fits = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (fits, fits))


def _write(values: Values, shared: mmap.mmap, start: int) -> list[Any]:
    """Put arrays of integers one behind the other; their names, types, shapes and places."""
    header, end = [], start + _SLOT
    for name, array in values.items():
        numbers = np.ascontiguousarray(array)
        if numbers.dtype.str not in ("<i8", "<i4", "<i2", "|i1"):
            numbers = numbers.astype(np.int64)
        if start + numbers.nbytes > end:
            raise MemoryError
        place = np.frombuffer(shared, numbers.dtype, numbers.size, start)
        place[:] = numbers.ravel()
        header.append([name, numbers.dtype.str, list(numbers.shape), start])
        start += -(-numbers.nbytes // 8) * 8
    return header


def _ending(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"
