"""Forecast: time and memory of the passes that run calibration sequences, before they start.

What a step of a sequence costs is measured by a short run of the same graph on this machine. How often the passes go
through all sequences was counted: about four times, and three times more for every layer with complex states, which
refit measures one after another (`tests/driver/test_forecast.py` counts again).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qssmc.analysis.calibration import Calibration, Simulator
from qssmc.analysis.gram import EVERY
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph

RUNS, RUNS_A_LAYER = 4, 3
OWN_WORK = 2.0  # what passes make of the values that they are shown, and rounding, take about as long as the run
WORTH_A_LINE = 10.0  # seconds
_PROBED = 12  # steps
_NUMBER = 8  # bytes


@dataclass(frozen=True)
class Forecast:
    """Of sequences of so many steps. seconds: of the passes; memory: bytes that they hold at once, at least."""

    sequences: int
    steps: int
    seconds: float
    memory: int

    def __str__(self) -> str:
        seconds = self.seconds
        about = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
        held = f"{self.memory / 1e9:.1f} GB" if self.memory >= 1e8 else f"{self.memory / 1e6:.0f} MB"
        return f"calibration: {self.sequences:,} sequences of {self.steps:,} steps, about {about} and {held}"


def forecast(graph: Graph, calibration: Calibration, run: Simulator) -> Forecast:
    """Of the passes, from the float graph and the real calibration sequences."""
    count, steps = calibration.samples.shape[:2]
    layers = sum(op.type.complex for op in graph.states)
    times = RUNS + RUNS_A_LAYER * layers
    seconds = OWN_WORK * times * count * steps * _seconds(graph, calibration, run)
    return Forecast(count, steps, seconds, _memory(graph, calibration))


def check_memory(found: Forecast) -> None:
    """Raise UsageError where the passes would need more memory than is free."""
    free = free_memory()
    if free is not None and found.memory > free:
        raise UsageError(
            f"{found}, but only {free / 1e9:.1f} GB of memory are free; give fewer or shorter sequences with --calib"
        )


def free_memory() -> int | None:
    """Bytes that can be had without swapping, of the machine and of the group of processes; None where unknown."""
    found = [_of_machine(Path("/proc/meminfo")), _of_group(Path("/sys/fs/cgroup"))]
    return min((bytes_ for bytes_ in found if bytes_ is not None), default=None)


def _of_machine(path: Path) -> int | None:
    try:
        rows = dict(line.split(":", 1) for line in path.read_text(encoding="ascii").splitlines() if ":" in line)
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, LookupError):
        return None


def _of_group(folder: Path) -> int | None:
    try:
        most, used = ((folder / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current"))
        return None if most == "max" else int(most) - int(used)
    except (OSError, ValueError):
        return None


def _seconds(graph: Graph, calibration: Calibration, run: Simulator) -> float:
    """Of a step of one sequence, as they run side by side; the faster of two tries."""
    batch = next(calibration.batches(graph))[:, :_PROBED]
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        run(graph, batch)
        best = min(best, time.perf_counter() - start)
    return best / float(batch.shape[0] * batch.shape[1])


def _memory(graph: Graph, calibration: Calibration) -> int:
    """The sequences as integers and as real numbers, and, of every third step, what each linear op of the teacher
    gives."""
    kept = sum(int(np.prod(op.type.array_shape)) for op in graph.ops if op.mnemonic in ("matvec", "readout"))
    count, steps = calibration.samples.shape[:2]
    return int(_NUMBER * (2 * calibration.samples.size + count * -(-steps // EVERY) * kept))
