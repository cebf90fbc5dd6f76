"""`qssmc compile --pareto`: the sweep over budgets, who does it, how far it is, and the files it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from qssmc.cli.terminal import Terminal
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.model_source import ModelSource
from qssmc.driver.options import SweepOptions
from qssmc.driver.traced_source import trace_source
from qssmc.errors import UsageError
from qssmc.search import Cached, DaskCluster, Executor, Explorer, InProcess, ProcessPool
from qssmc.search.curve import curve
from qssmc.search.executors import Seen
from qssmc.search.pareto import Point, rows, sweep, to_csv


def asked_sweep(given: dict[str, Any]) -> SweepOptions:
    """Whether and how budgets are swept, of the options that were given."""
    asked = SweepOptions(**given)
    if not asked.pareto and (asked.scheduler is not None or asked.jobs != 1):
        raise UsageError("--jobs and --scheduler are for --pareto")
    if asked.points < 2 or asked.jobs < 1:
        raise UsageError(f"--points must be at least 2 and --jobs at least 1, not {asked.points} and {asked.jobs}")
    return asked


def sweep_to(
    terminal: Terminal,
    source: ModelSource,
    options: CompileOptions,
    asked: SweepOptions,
    folder: Path,
    data: Path | None,
) -> None:
    """Sweep budgets into a folder; trials that are in it already are not repeated."""
    if options.goal is not None:
        raise UsageError("--pareto sweeps budgets; give no --budget-bytes, --saving or --min-accuracy with it")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"output {folder} exists and is not a folder; give another one")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "trials").is_dir():
        raise UsageError(f"output folder {folder} holds other things than a sweep; give another one")
    traced = trace_source(source, options, data, terminal.note, labels=True)
    objective = traced.objective(options)
    with _executor(asked) as executor, _progress(terminal) as seen:
        kept = Cached(executor, folder / "trials", seen)
        points = sweep(Explorer(objective, kept, options.space.most, options.space.fixed, terminal.note), asked.points)
    for name, text in files(points, options.name).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    terminal.result({"points": rows(points), "folder": str(folder)}, table(points))


def files(points: tuple[Point, ...], name: str) -> dict[str, str]:
    """The table and the two pictures."""
    memory = [(float(point.measured.bytes), point.measured.accuracy or 0.0) for point in points]
    effort = [(float(point.measured.ace), point.measured.accuracy or 0.0) for point in points]
    return {
        "pareto.csv": to_csv(points),
        "accuracy_over_memory.svg": curve(memory, f"{name}: accuracy over memory", "bytes of parameters and state"),
        "accuracy_over_ace.svg": curve(effort, f"{name}: accuracy over effort", "ACE a step"),
    }


def table(points: tuple[Point, ...]) -> Table:
    """A line a design."""
    found = Table()
    for column in ("bytes", "times smaller", "ACE, a step", "accuracy", "states a head"):
        found.add_column(column, justify="right")
    for point in points:
        measured = point.measured
        states = f"{point.candidate.shape.states:g}" if point.candidate.shape.states else "all"
        found.add_row(
            f"{measured.bytes:,}", f"{point.times_smaller:.2f}", f"{measured.ace:,}", f"{measured.accuracy} %", states
        )
    return found


@contextmanager
def _executor(asked: SweepOptions) -> Iterator[Executor]:
    """Whoever was asked for."""
    if asked.scheduler is not None:
        with DaskCluster(asked.scheduler) as cluster:
            yield cluster
    elif asked.jobs > 1:
        with ProcessPool(asked.jobs) as processes:
            yield processes
    else:
        yield InProcess()


@contextmanager
def _progress(terminal: Terminal) -> Iterator[Seen]:
    """A bar on stderr of the batch of trials that runs; none with -q."""
    with Progress(console=Console(stderr=True), disable=terminal.quiet, transient=True) as bar:
        task = bar.add_task("trials", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=max(1, total))
