"""Runner: cases in children of this process, under limits of time and memory, with the kit as it was after each."""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.trust.fuzz.case import Case, fault_of, renew_hashes

MEMORY = 3 << 30  # bytes that a case may take beyond what the process has


@dataclass(frozen=True)
class Ended:
    """How a case ended: its exit code, what it said, and what is wrong with that."""

    case: Case
    code: int
    stderr: str
    seconds: float
    fault: str | None


def run_cases(cases: Sequence[Case], kit: Path, limit: float) -> Iterator[Ended]:
    """Run cases one after another; a child that hangs or dies is replaced."""
    left = list(cases)
    while left:
        done = 0
        for ended in _in_child(left, kit, limit):
            done += 1
            yield ended
        left = left[done:]


def _in_child(cases: list[Case], kit: Path, limit: float) -> Iterator[Ended]:
    """Until all are done, or one has killed the child."""
    reading, writing = os.pipe()
    said = kit.parent / "stderr.txt"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _serve(cases, kit, said, writing)
    os.close(writing)
    try:
        for case in cases:
            start = time.monotonic()
            answered = bool(select.select([reading], [], [], limit)[0])
            answer = os.read(reading, 4) if answered else b""
            seconds = time.monotonic() - start
            if len(answer) == 4:
                code, text = int(answer), said.read_text(errors="replace")
                yield Ended(case, code, text, seconds, fault_of(code, text, case.argv))
                os.kill(child, signal.SIGUSR1)
                continue
            os.killpg(child, signal.SIGKILL)
            restore(case, kit)
            text = said.read_text(errors="replace") if said.exists() else ""
            yield Ended(case, -1, text, seconds, "killed by a signal" if answered else f"more than {limit:.0f} s")
            return
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(cases: list[Case], kit: Path, said: Path, writing: int) -> None:
    """The child: run each case, answer with four bytes, and wait to be told to go on."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr = open(2, "w", errors="replace", closefd=False)  # noqa: SIM115 - whoever took the old one's place
    for case in cases:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        with placed(case, kit):
            code = run_here(case)
        sys.stderr.flush()
        os.write(writing, f"{code:4d}".encode())
        signal.sigwait({signal.SIGUSR1})
    os._exit(0)


def run_here(case: Case) -> int:
    """The exit code in this process and folder; whatever leaves main is 99."""
    from qssmc.cli import main

    try:
        return main(list(case.argv))
    except BaseException:
        traceback.print_exc()
        return 99


@contextmanager
def placed(case: Case, kit: Path) -> Iterator[None]:
    """The case's files in their places and the kit as the working directory; the kit is as it was afterwards."""
    before = Path.cwd()
    kept = kit.parent / "kept"
    for name, content in case.files.items():
        target = kit / name
        if content is None:
            target.unlink(missing_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for folder in case.renew:
        renew_hashes(kit / folder)
    os.chdir(kit)
    try:
        yield
    finally:
        os.chdir(before)
        restore(case, kit, kept)


def restore(case: Case, kit: Path, kept: Path | None = None) -> None:
    """Put the files of the untouched kit back, and remove what the case wrote."""
    kept = kept or kit.parent / "kept"
    names = [*case.files, *(f"{folder}/manifest.json" for folder in case.renew)]
    for name in names:
        if (kept / name).is_file():
            (kit / name).write_bytes((kept / name).read_bytes())
        else:
            (kit / name).unlink(missing_ok=True)
    for written in ("out", "core/synth"):
        shutil.rmtree(kit / written, ignore_errors=True)
