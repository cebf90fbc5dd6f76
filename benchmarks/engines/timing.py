"""Timing: one interleaved run over several engines, so that a slow moment of the machine touches all alike."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CLOCKS: dict[str, Callable[[], int]] = {"wall": time.perf_counter_ns, "cpu": time.process_time_ns}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """One thing to time; a call does `steps` steps (of all its sequences together)."""

    name: str
    call: Callable[[], object]
    steps: int


@dataclass(frozen=True)
class Timing:
    """ns a step and sequence over the rounds; stolen is the share of wall time in which the core did something else."""

    name: str
    median: float
    minimum: float
    maximum: float
    stolen: float


def pin() -> int | None:
    """One thread for every library loaded from here on, and one core for the process, where the system lets us.

    Returns the core, or None. Call it before numpy, torch or onnxruntime are imported.
    """
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def interleave(tasks: Sequence[Task], rounds: int, seconds: float, clock: str = "wall") -> list[Timing]:
    """Time every task `rounds` times for about `seconds` each, one task after the other within a round.

    Each round starts with another task; a warm-up call sets the number of repetitions.
    """
    repeats = [_repeats(task, seconds) for task in tasks]
    wall: list[list[float]] = [[] for _ in tasks]
    cpu: list[list[float]] = [[] for _ in tasks]
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for k in range(len(tasks)):
                index = (turn + k) % len(tasks)
                elapsed = _measure(tasks[index], repeats[index])
                wall[index].append(elapsed[0])
                cpu[index].append(elapsed[1])
    finally:
        gc.enable()
    chosen = wall if clock == "wall" else cpu
    return [
        Timing(task.name, statistics.median(found), min(found), max(found), max(0.0, 1.0 - sum(busy) / sum(whole)))
        for task, found, whole, busy in zip(tasks, chosen, wall, cpu, strict=True)
    ]


def _repeats(task: Task, seconds: float) -> int:
    task.call()
    wall, _ = _measure(task, 1)
    return max(1, round(seconds * 1e9 / max(1.0, wall * task.steps)))


def _measure(task: Task, repeats: int) -> tuple[float, float]:
    """Wall and CPU ns a step."""
    starts = [clock() for clock in CLOCKS.values()]
    for _ in range(repeats):
        task.call()
    wall, cpu = (clock() - start for clock, start in zip(CLOCKS.values(), starts, strict=True))
    return wall / (repeats * task.steps), cpu / (repeats * task.steps)
