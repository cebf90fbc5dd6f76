"""Crossbar: accuracy of designs on arrays over the errors of cells and converters, written to docs/results/crossbar.md.

Run by `make results-crossbar`. Needs MNIST and the spoken digits (see `qssmc fetch`). Every point is kept in --work, so
that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crossbar.arrays import layouts, same
from benchmarks.crossbar.designs import folder_of, graph_of, ideal_of
from benchmarks.crossbar.page import page
from benchmarks.crossbar.points import CASES, Case, Point, points
from qssmc.data import load_split
from qssmc_sim.crossbar import Setup, run_trials

_LEARNT_FROM = 64  # calibration sequences of a correction


class Bench:
    """Designs and points of one run, kept in options.work."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.work
        self.work.mkdir(parents=True, exist_ok=True)

    def measure(self, case: Case, point: Point) -> dict[str, Any]:
        """One point, read back where it is there."""
        if self.options.tiny:
            point = Point(*list(vars(point).values())[:5], 20, 1)
        kept = self.work / f"{_name(case, point)}.json"
        if not kept.is_file():
            graph = graph_of(self.work, case, point.adc)
            test = load_split(case.data, "test").take(point.count)
            learn = load_split(case.data, "train").take(_LEARNT_FROM, 0).samples.astype(np.int64)
            setup = Setup(graph, point.device, point.correction, learn)  # type: ignore[arg-type]
            wall, cpu = time.monotonic(), time.process_time()
            trials = run_trials(setup, test.samples.astype(np.int64), test.labels, point.trials, jobs=self.options.jobs)
            seconds, cpu = time.monotonic() - wall, time.process_time() - cpu
            low, high = trials.interval()
            record = {
                "sweep": point.sweep, "value": point.value, "correction": point.correction, "adc": point.adc,
                "case": case.name, "ideal": ideal_of(self.work, case, point.adc, point.count),
                "accuracy": trials.accuracy, "low": low, "high": high, "worst": float(trials.accuracies.min()),
                "sequences": len(test), "devices": point.trials, "seconds": seconds,
                "cpu_seconds": cpu, "jobs": self.options.jobs,
            }  # fmt: skip
            kept.write_text(json.dumps(record))
            print(kept.name, f"{trials.accuracy:.2f} % in {seconds:.0f} s", flush=True)
        found: dict[str, Any] = json.loads(kept.read_text())
        return found

    def effort(self, case: Case) -> dict[str, Any]:
        """Arrays of a design, and its effort and size beside the float model's."""
        report = folder_of(self.work, case) / "report"
        effort, storage, arrays = (
            json.loads((report / f"{n}.json").read_text()) for n in ("effort", "storage", "arrays")
        )
        return {
            "case": case.name, "arrays": arrays["arrays"], "ace": effort["ace_times_less"],
            "adc": effort["adc_times_less"], "size": storage["times_smaller"],
        }  # fmt: skip


def _name(case: Case, point: Point) -> str:
    return f"{case.data}_{point.key}"


def main() -> None:
    """Measure every point that is not there yet, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crossbar", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("out/crossbar_results"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/crossbar.md"))
    parser.add_argument("--tiny", action="store_true", help="20 sequences and one device a point: whether it runs")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--only", default="", help="data sets and sweeps whose names begin with this, such as mnist_adc"
    )
    options = parser.parse_args()
    bench = Bench(options)
    chosen = [(case, point) for case in CASES for point in points(case)]
    asked = [one for one in chosen if (one[1].count, one[1].trials) == one[0].headline]
    for one in asked:  # what matters most comes first
        if _name(*one).startswith(options.only):
            bench.measure(*one)
    found = [bench.measure(*one) for one in chosen if _name(*one).startswith(options.only)]
    if not options.only:
        exact = [same(form, options.work) for form in ("delayed", "lookahead", "incremental", "incremental-lookahead")]
        options.out.write_text(page(found, [bench.effort(case) for case in CASES], layouts(options.work), exact))


if __name__ == "__main__":
    main()
