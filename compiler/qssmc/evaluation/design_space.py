"""Design space: the weight bits and lanes of a crossbar design by its accuracy on drawn devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from qssmc.analysis.array_layout import lay_out
from qssmc.analysis.calibration import Calibration
from qssmc.artifact.manifest import read_manifest
from qssmc.artifact.stages import Stages
from qssmc.crossbar.options import ENCODINGS, ConductanceWindow, CrossbarOptions, Encoding
from qssmc.data import InputFormat, Sequences
from qssmc.data.npy import read_npy
from qssmc.errors import MalformedInputError, UsageError
from qssmc.evaluation.devices import Simulation, analog_of, calibration_of, ideal_accuracy
from qssmc.ir.graph import Graph
from qssmc.passes.pipeline import ARRAYS, run_rows
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from qssmc_sim.crossbar import Setup, Trials, run_trials
from qssmc_sim.crossbar.kernel import kernels_of

NAMES = ("cell-bits", "encoding")


@dataclass(frozen=True)
class DesignSpace:
    """The values of each parameter of the arrays; empty: that of the design."""

    weight_bits: tuple[int, ...] = ()
    encoding: tuple[Encoding, ...] = ()

    def candidates(self, options: CrossbarOptions) -> list[CrossbarOptions]:
        """Every combination, in order."""
        bits, lanes = self.weight_bits or (options.weight_bits,), self.encoding or (options.encoding,)
        return [replace(options, weight_bits=b, encoding=e) for b, e in product(bits, lanes)]


@dataclass(frozen=True)
class CandidateResult:
    """One candidate and its trials. ideal: accuracy in percent without errors; cells: that are programmed."""

    options: CrossbarOptions
    ideal: float
    trials: Trials
    arrays: int
    cells: int

    @property
    def flags(self) -> str:
        """What compiles it so."""
        return f"--cell-bits {self.options.weight_bits} --encoding {self.options.encoding}"

    @property
    def cost(self) -> tuple[int, int, int]:
        """The cheaper the smaller: arrays, then cells, then levels that a cell must tell apart."""
        return self.arrays, self.cells, self.options.weight_bits

    def record(self) -> dict[str, Any]:
        """Everything as plain values."""
        low, high = self.trials.interval()
        return {
            "weight_bits": self.options.weight_bits,
            "encoding": self.options.encoding,
            "ideal_accuracy": round(self.ideal, 3),
            "accuracy": round(self.trials.accuracy, 3),
            "low": round(low, 3),
            "high": round(high, 3),
            "arrays": self.arrays,
            "programmed_cells": self.cells,
        }


def parse_space(texts: Sequence[str]) -> DesignSpace:
    """The design space, from NAME=VALUE,VALUE each. Raises UsageError."""
    found: dict[str, Any] = {}
    for text in texts:
        name, _, values = text.partition("=")
        parts = tuple(values.split(","))
        if name in ("cell-bits", "weight-bits") and all(part.isdecimal() for part in parts):
            found["weight_bits"] = tuple(int(part) for part in parts)
        elif name == "encoding" and set(parts) <= set(ENCODINGS):
            found["encoding"] = parts
        else:
            raise UsageError(
                f"--choose must be cell-bits=BITS,BITS or encoding={','.join(ENCODINGS)}, not {text or 'nothing'}"
            )
    return DesignSpace(**found)


def evaluate_candidates(
    folder: Path, asked: Simulation, space: DesignSpace, data: Sequences, calib: str | None, root: Path | None,
    progress: Callable[[], None],
) -> tuple[CandidateResult, ...]:  # fmt: skip
    """Lay the digital design of a folder on every kind of arrays and classify data with drawn devices of each.

    Ranges of converters are those of the sequences that the folder records. All see devices of the same seeds.
    """
    learnt = calibration_of(folder, asked, calib, root, analog_of(folder, data))
    samples = data.samples.astype(np.int64)
    found = []
    for options in space.candidates(_options(folder)):
        laid, graph = _laid(folder, options)
        kernels_of(graph)
        setup = Setup(graph, asked.device, asked.correction, learnt, lanes=options.lanes)  # type: ignore[arg-type]
        told = lambda done: progress()  # noqa: E731
        trials = run_trials(setup, samples, data.labels, asked.trials, seed=asked.seed, jobs=asked.jobs, progress=told)
        arrangement = lay_out(laid, options)
        cells = (options.lanes // 2) * sum(int(np.count_nonzero(read.weight)) for read in arrangement.reads)
        found.append(
            CandidateResult(options, ideal_accuracy(graph, samples, data.labels), trials, arrangement.arrays, cells)
        )
    return tuple(found)


def cheapest_within(tried: Sequence[CandidateResult], within: float) -> CandidateResult:
    """The cheapest of those that lose at most so many points on the most accurate one."""
    most = max(one.trials.accuracy for one in tried)
    return min((one for one in tried if one.trials.accuracy >= most - within), key=lambda one: one.cost)


def _options(folder: Path) -> CrossbarOptions:
    """The arrays that a folder was compiled for."""
    found = read_manifest(folder).get("config", {}).get("crossbar")
    if found is None:
        raise UsageError("this design has no array; compile the model with --target crossbar")
    try:
        return CrossbarOptions(
            **{**found, "size": tuple(found["size"]), "window": ConductanceWindow(**found["window"])}
        )
    except (KeyError, TypeError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error


def _laid(folder: Path, options: CrossbarOptions) -> tuple[Graph, Graph]:
    """The digital design of a folder on other arrays: what they are laid from, and their golden model.

    Of oscillators, it is the graph of one product a head that devices are simulated with.
    """
    try:
        integers = Calibration(read_npy(folder / "vectors" / "samples.npy").astype(np.int64), run)
        form = InputFormat(**read_manifest(folder)["input_format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    digital = Stages.read(folder).until("prove")
    plan = PassPlan(digital.float, QuantiseOptions(), form, integers, arrays=options)
    stages = run_rows(ARRAYS, plan, digital)
    return stages.products, stages.oscillators or stages.golden
