"""Executor: who tries candidates out: this process, several processes, or the workers of a Dask cluster."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from qssmc.errors import ToolError, UsageError
from qssmc.search.candidate import Candidate
from qssmc.search.objective import Effort, Measured, Objective, measure

Trial = tuple[Candidate, Effort]
Seen = Callable[[int, int], Any]  # told how many of how many trials of a batch are done


class Executor(Protocol):
    """Gives what each trial measured, in the order of the trials; the same whoever did them."""

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        """One by one, in order."""
        ...


class InProcess:
    """This process, one after the other."""

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        """One by one, in order."""
        for trial in trials:
            yield measure(objective, *trial)


class ProcessPool:
    """So many processes of this machine."""

    def __init__(self, jobs: int) -> None:
        self.pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        """One by one, in order."""
        running = [self.pool.submit(measure, objective, *trial) for trial in trials]
        for one in running:
            yield one.result()

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.shutdown(cancel_futures=True)


class DaskCluster:
    """The workers of a Dask scheduler, by its address."""

    def __init__(self, address: str, timeout: float = 10.0) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise ToolError("--scheduler needs Dask; install it with: pip install 'qssmc[dask]'") from error
        try:
            self.client: Any = Client(address, timeout=timeout)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"no Dask scheduler answers at {address}; start one or give another address") from error

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        """One by one, in order."""
        sent = self.client.scatter(objective, broadcast=True, hash=False)
        running = [self.client.submit(measure, sent, *trial, pure=False) for trial in trials]
        for one in running:
            yield one.result()

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()


class Cached:
    """Another executor whose results are kept, and not asked for twice: in memory, and in a folder if one is given."""

    def __init__(self, executor: Executor, folder: Path | None = None, seen: Seen | None = None) -> None:
        self.executor, self.folder, self.seen = executor, folder, seen
        self.known: dict[tuple[str, Candidate, Effort], Measured] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        """One by one, in order."""
        unknown = [trial for trial in dict.fromkeys(trials) if self._recalled(objective, trial) is None]
        if self.seen:
            self.seen(0, len(unknown))
        for count, (trial, found) in enumerate(zip(unknown, self.executor.results(objective, unknown), strict=True), 1):
            self._keep(objective, trial, found)
            if self.seen:
                self.seen(count, len(unknown))
        yield from (self.known[objective.fingerprint, *trial] for trial in trials)

    def _recalled(self, objective: Objective, trial: Trial) -> Measured | None:
        key = (objective.fingerprint, *trial)
        path = self._path(objective, trial)
        if key not in self.known and path is not None and path.is_file():
            try:
                self.known[key] = Measured(**json.loads(path.read_text())["measured"])
            except (ValueError, KeyError, TypeError):
                return None  # half written when a run was ended
        return self.known.get(key)

    def _keep(self, objective: Objective, trial: Trial, found: Measured) -> None:
        self.known[objective.fingerprint, *trial] = found
        path = self._path(objective, trial)
        if path is not None:
            candidate, effort = trial
            text = {"candidate": candidate.plain(), "effort": effort, "measured": asdict(found)}
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(text, indent=1, sort_keys=True) + "\n")
            fresh.replace(path)

    def _path(self, objective: Objective, trial: Trial) -> Path | None:
        return None if self.folder is None else self.folder / f"{objective.fingerprint}-{_digest(trial)}.json"


def _digest(trial: Trial) -> str:
    candidate, effort = trial
    return hashlib.sha256(json.dumps([candidate.plain(), effort], sort_keys=True).encode()).hexdigest()[:16]
