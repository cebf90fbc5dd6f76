"""Engines: ns a step of the emitted C beside what a user would pick instead, in one interleaved run on one core."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks.engines.timing import CLOCKS, Task, interleave, pin
from benchmarks.shared.machine import machine
from qssmc.errors import QssmcError, UsageError

if TYPE_CHECKING:
    from benchmarks.engines.engine import Engine
    from benchmarks.engines.report import Report
    from benchmarks.engines.workload import Workload


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return run(options, Console(highlight=False, soft_wrap=True))
    except QssmcError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code


def run(options: argparse.Namespace, console: Console) -> int:
    """Measure every model, print its table as soon as it is done, and write the JSON at the end."""
    if options.rounds < 1 or not options.seconds > 0:
        raise UsageError("--rounds must be at least 1 and --seconds above 0")
    if options.eval and options.peers:
        raise UsageError("--eval times the emitted C; leave --peers out")
    # Before the first import of numpy, torch and onnxruntime: they size their thread pools when they are loaded.
    found = machine(pin())
    compiled = _compiled(options.compiled)
    from benchmarks.engines.workload import load_workload

    # All of them before the first is measured: a missing file is told at once.
    workloads = [load_workload(name, options.data) for name in options.models.split(",")]
    console.print("\n".join(f"{name:<12}{value}" for name, value in found.items()))
    reports, evaluations = [], []
    with tempfile.TemporaryDirectory(prefix="qssmc-bench-") as scratch:
        for workload in workloads:
            with nullcontext() if options.peers else _own(workload, compiled, Path(scratch)) as own:
                report = measure(workload, own, options.rounds, options.seconds, options.clock)
                report.show(console)
                reports.append(report)
                if options.eval and own is not None:
                    from benchmarks.engines.accuracy import evaluate

                    evaluations.append(evaluate(workload.name, own, options.data))
                    evaluations[-1].show(console)
    if options.json:
        tables = {"models": [row.to_json() for row in reports], "evaluations": [row.to_json() for row in evaluations]}
        _write({"machine": found, "rounds": options.rounds, **tables}, Path(options.json))
    return 0


def measure(workload: Workload, own: Engine | None, rounds: int, seconds: float, clock: str = "wall") -> Report:
    """Check every engine, then time all of them in turn on the sequences of `workload`; own is the emitted C."""
    from benchmarks.engines.report import Report

    engines = [*([own] if own else []), *workload.peers()]
    agreement = workload.agreement(own) if own else None
    timings = interleave([_task(workload, engine) for engine in engines], rounds, seconds, clock)
    return Report(workload.name, workload.source, clock, timings, own.name if own else None, agreement)


def _task(workload: Workload, engine: Engine) -> Task:
    inputs = workload.inputs(engine)[: engine.batch]
    return Task(engine.name, lambda: engine.run(inputs), inputs.shape[0] * inputs.shape[1])


def _own(workload: Workload, compiled: dict[str, Path], scratch: Path) -> AbstractContextManager[Engine]:
    """The emitted C of a model: from the folder given for it, else compiled here."""
    from benchmarks.engines.engine_c import compile_model, emitted_c

    folder = compiled.get(workload.name)
    return emitted_c(folder or compile_model(workload.path, scratch / workload.name))


def _compiled(given: list[str]) -> dict[str, Path]:
    pairs = [item.partition("=") for item in given]
    faults = [f"{name}{equals}{folder}" for name, equals, folder in pairs if not (name and folder)]
    if faults:
        raise UsageError(f"--compiled must be MODEL=DIR, not {', '.join(faults)}")
    return {name: Path(folder) for name, _, folder in pairs}


def _write(values: object, path: Path) -> None:
    try:
        path.write_text(json.dumps(values, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); give --json another path") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--models", default="S4D-16,S4D-64", help="shipped names or checkpoint paths, by comma")
    parser.add_argument("--rounds", type=int, default=15, help="times that every engine has its turn")
    parser.add_argument("--seconds", type=float, default=0.1, help="time of one turn")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall", help="cpu: robust on a busy machine")
    parser.add_argument("--compiled", action="append", default=[], metavar="MODEL=DIR", help="a folder compiled before")
    parser.add_argument("--peers", action="store_true", help="measure the peers alone, without the emitted C")
    parser.add_argument("--eval", action="store_true", help="also run all 10 000 MNIST test images through the C")
    parser.add_argument("--data", help="folder of the data sets")
    parser.add_argument("--json", metavar="FILE", help="write the numbers here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
