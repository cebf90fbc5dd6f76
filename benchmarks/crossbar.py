"""Crossbar: accuracy of designs on arrays over the errors of cells and converters, written to docs/results/crossbar.md.

Every point is kept in --work as JSON and read back, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crossbar_page import page
from qssmc.compile import CompileOptions, compile_checkpoint, file_sha256
from qssmc.crossbar import CrossbarOptions
from qssmc.data import load_split
from qssmc.folder import write_folder
from qssmc.ir import parse
from qssmc.models import load_checkpoint
from qssmc.passes.methods import Methods
from qssmc.passes.quantise import QuantiseOptions
from qssmc.passes.realise import plan
from qssmc.simulate import ideal_accuracy
from qssmc.targets import TargetOptions
from qssmc_sim.crossbar import Device, Setup, preset, run_trials

DAY = 86_400.0
GAUSSIAN = preset("gaussian")


@dataclass(frozen=True)
class Case:
    """A model in oscillator form with so many states a head."""

    name: str
    model: str
    data: str
    states: float | None
    adc: int = 6


MNIST = Case("S4D-16, 8 states", "s4d16_mnist.pt", "mnist", 8.0)
SPOKEN = Case("zero or one, 8 states", "s4d3_zero_one.pt", "zero-one", 8.0, 8)
CORRECTED = ("none", "scale", "refit")


def points(case: Case) -> list[tuple[str, float, Device, str, int]]:
    """(sweep, value, device, correction, ADC bits) of every measurement."""
    found = []
    for correction in CORRECTED:
        for sigma in (0.0, 0.01, 0.02, 0.03, 0.05, 0.1):
            found.append(("programming", sigma, GAUSSIAN.with_(programming=sigma), correction, case.adc))
    for read in (0.003, 0.01, 0.03):
        found.append(("read", read, GAUSSIAN.with_(programming=0.01, read=read), "refit", case.adc))
    for bits in (3, 4, 5, 6, 7, 8):
        found.append(("adc", bits, GAUSSIAN.with_(programming=0.01), "refit", bits))
    for age in (0.0, 3600.0, DAY):
        for how in ("none", "column"):
            found.append(
                (f"drift, compensation {how}", age, preset("pcm").with_(age=age, compensation=how), "refit", case.adc)
            )
    for share in (0.005, 0.01, 0.02):
        for which in ("stuck_on", "stuck_off"):
            found.append((which, share, GAUSSIAN.with_(programming=0.01, **{which: share}), "refit", case.adc))
    found.append(("taox", 0.0, preset("taox"), "refit", case.adc))
    found.append(("wire", 2.0, GAUSSIAN.with_(programming=0.01, wire=2.0), "refit", case.adc))
    found.append(("idle", 0.01, GAUSSIAN.with_(programming=0.01, idle=True), "refit", case.adc))
    return found


class Bench:
    """Designs and points of one run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.work
        self.work.mkdir(parents=True, exist_ok=True)

    def design(self, case: Case, adc: int) -> Path:
        """The compiled folder, made if it is not there."""
        folder = self.work / f"{Path(case.model).stem}_{case.states}_{adc}"
        if not folder.is_dir():
            path = Path("examples") / case.model
            options = CompileOptions(
                Path(case.model).stem,
                QuantiseOptions(state_bits=10, a_bits=10, dither=True, max_steps=5120),
                ("crossbar",),
                calib=f"{case.data}:112",
                vectors=16,
                methods=Methods(states=case.states, refit=True),
                target=TargetOptions(crossbar=CrossbarOptions(weight_bits=8, adc_bits=adc, form="oscillator")),
            )
            made = compile_checkpoint(load_checkpoint(path), file_sha256(path), options, data=None, say=lambda _: None)
            write_folder(made.files, folder, force=False)
        return folder

    def measure(self, case: Case, point: tuple[str, float, Device, str, int]) -> dict[str, Any]:
        """One point, read back where it is there."""
        sweep, value, device, correction, adc = point
        kept = (
            self.work
            / f"{case.data}_{sweep}_{value}_{correction}_{self.options.count}_{self.options.trials}.json".replace(
                " ", "_"
            )
        )
        if not kept.is_file():
            graph = parse(next(self.design(case, adc).glob("ir/*_oscillate.ir")).read_text())
            test = load_split(case.data, "test").take(self.options.count)
            learn = load_split(case.data, "train").take(64, 0).samples.astype(np.int64)
            samples = test.samples.astype(np.int64)
            started = time.monotonic()
            setup = Setup(graph, device, correction, learn)  # type: ignore[arg-type]
            trials = run_trials(setup, samples, test.labels, self.options.trials, jobs=self.options.jobs)
            seconds = time.monotonic() - started
            low, high = trials.interval()
            kept.write_text(json.dumps({
                "sweep": sweep, "value": value, "correction": correction, "adc": adc, "case": case.name,
                "ideal": ideal_accuracy(graph, samples, test.labels), "accuracy": trials.accuracy,
                "low": low, "high": high, "worst": float(trials.accuracies.min()), "seconds": seconds,
                "sequences": len(test), "devices": self.options.trials,
            }))  # fmt: skip
            print(kept.name, f"{trials.accuracy:.2f} % in {seconds:.0f} s", flush=True)
        found: dict[str, Any] = json.loads(kept.read_text())
        return found

    def arrays(self, case: Case) -> dict[str, Any]:
        """What the arrays of a design hold, and its effort."""
        folder = self.design(case, case.adc)
        graph = parse(next(folder.glob("ir/*_oscillate.ir")).read_text())
        laid = plan(graph, CrossbarOptions(weight_bits=8, adc_bits=case.adc, form="oscillator"))
        cells = sum(int((read.weight != 0).sum()) for read in laid.reads)
        report = json.loads((folder / "report" / "effort.json").read_text())
        storage = json.loads((folder / "report" / "storage.json").read_text())
        return {
            "case": case.name, "arrays": laid.arrays, "cells": cells,
            "utilisation": 100.0 * cells / (laid.arrays * 4096),
            "ace": report["ace_times_less"], "adc": report["adc_times_less"], "size": storage["times_smaller"],
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("out/crossbar_results"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/crossbar.md"))
    parser.add_argument("--count", type=int, default=1000, help="test sequences")
    parser.add_argument("--trials", type=int, default=10, help="devices a point")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="sweeps whose names begin with this")
    options = parser.parse_args()
    bench = Bench(options)
    found = []
    for case in (MNIST, SPOKEN):
        for point in points(case):
            if not options.only or point[0].startswith(options.only):
                found.append(bench.measure(case, point))
    options.out.write_text(page(found, [bench.arrays(case) for case in (MNIST, SPOKEN)], options))


if __name__ == "__main__":
    main()
