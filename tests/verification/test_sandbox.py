"""Work in a process of its own: values come back, and crashes, silence, memory and lies are findings."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from qssmc.errors import ToolError, UsageError, VerificationError
from qssmc.verification.sandbox import Apart, Limits

Building = Callable[[str], None]


def apart(work: Callable[[Building], Iterator[dict[str, Any]]], **limits: int) -> list[dict[str, Any]]:
    """What the work yields, copied."""
    with Apart(work, "the work", Limits(**{"seconds": 20, **limits})) as running:
        return [{name: np.array(value) for name, value in values.items()} for values in running]


def test_values_come_back_in_order() -> None:
    wanted = [{"a": np.full((2, 3), n), "b": np.arange(n, dtype=np.int16)} for n in range(50)]
    found = apart(lambda building: iter(wanted))
    assert len(found) == 50
    for one, other in zip(found, wanted, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in other)


def test_errors_keep_their_kind() -> None:
    def refuses(building: Building) -> Iterator[dict[str, Any]]:
        raise UsageError("no such thing")
        yield {}

    def fails(building: Building) -> Iterator[dict[str, Any]]:
        yield {"a": np.zeros(1, np.int64)}
        raise ZeroDivisionError("by nothing")

    with pytest.raises(UsageError, match="no such thing"):
        apart(refuses)
    with pytest.raises(VerificationError, match=r"the work fails \(ZeroDivisionError: by nothing\)"):
        apart(fails)


def test_a_crash_and_an_exit_are_findings() -> None:
    def crashes(building: Building) -> Iterator[dict[str, Any]]:
        os.kill(os.getpid(), signal.SIGSEGV)
        yield {}

    def leaves(building: Building) -> Iterator[dict[str, Any]]:
        os._exit(0)
        yield {}

    with pytest.raises(VerificationError, match=r"the work crashes \(SIGSEGV\)"):
        apart(crashes)
    with pytest.raises(VerificationError, match=r"the work crashes \(exit status 0\)"):
        apart(leaves)


@pytest.mark.parametrize(("building", "error"), [("", VerificationError), ("the compiler", ToolError)])
def test_an_endless_loop_ends(building: str, error: type[Exception]) -> None:
    def works(tell: Building) -> Iterator[dict[str, Any]]:
        tell(building)
        while True:
            pass
        yield {}

    started = time.monotonic()
    with pytest.raises(error, match="does not end within 1 s and was stopped"):
        apart(works, seconds=1)
    assert time.monotonic() - started < 15


def test_what_the_work_started_ends_with_it(tmp_path: Any) -> None:
    def starts(tell: Building) -> Iterator[dict[str, Any]]:
        child = os.fork()
        if child == 0:
            time.sleep(100)
        yield {"pid": np.array([child])}
        time.sleep(100)

    with Apart(starts, "the work", Limits(20)) as running:
        child = int(next(iter(running))["pid"][0])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{child}/stat", encoding="ascii") as file:
                if file.read().split()[2] == "Z":
                    return  # ended, and waits for whoever adopted it
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("a process that the work started lives on")


def test_memory_has_a_limit() -> None:
    def takes(tell: Building) -> Iterator[dict[str, Any]]:
        yield {"a": np.ones(1 << 28, np.int8)}

    with pytest.raises(VerificationError, match="more memory than it may take"):
        apart(takes, memory=1 << 26)


def test_nonsense_is_a_finding() -> None:
    """Headers that describe no values in the shared memory."""
    for header in ([["a", "<i8", [1 << 40], 0]], [["a", "|O", [1], 0]], [["a", "<i8", [-1], 0]], [[1]], 7):
        running = Apart(lambda tell: iter(()), "the work")
        with running, pytest.raises(VerificationError, match="disturbs the process"):
            running._values(header)
