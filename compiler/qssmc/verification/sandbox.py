"""Sandbox: runs emitted code in a process of its own, where a crash is a finding and ends nothing else."""

from __future__ import annotations

import faulthandler
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from qssmc.errors import VerificationError

T = TypeVar("T")
Report = Callable[..., None]
# A forked child has the loaded library, the golden model and the samples already; nothing must be sent to it.
_FORK = multiprocessing.get_context("fork")


def sandboxed(work: Callable[[Report], T], report: Report, what: str) -> T:
    """work(report) in a forked process: its result, its exception and what it reports come back.

    Raises VerificationError, opened by `what`, if the process does not live to answer.
    """
    ours, theirs = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_serve, args=(work, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        while True:
            kind, value = ours.recv()
            if kind == "result":
                return value  # type: ignore[no-any-return]
            if kind == "error":
                raise value
            report(*value)
    except EOFError:
        child.join()
        raise VerificationError(f"{what} crashes ({_ending(child.exitcode)})") from None
    finally:
        child.kill()
        child.join()
        ours.close()


def _serve(work: Callable[[Report], Any], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.disable()  # how it ends is told by the parent
    try:
        answer = ("result", work(lambda *values: pipe.send(("report", values))))
    except Exception as error:
        answer = ("error", error)
    pipe.send(answer)


def _ending(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"
