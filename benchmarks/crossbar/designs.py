"""Crossbar designs: the oscillator designs whose accuracy is measured, compiled once and kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.crossbar.points import Case
from qssmc.analysis.calibration import Calibration
from qssmc.artifact.folder import write_folder
from qssmc.artifact.manifest import read_manifest
from qssmc.artifact.stages import Stages
from qssmc.crossbar import CrossbarOptions
from qssmc.data import InputFormat, load_split
from qssmc.driver.compile import compile_checkpoint, file_sha256
from qssmc.driver.compile_options import CompileOptions
from qssmc.evaluation.devices import ideal_accuracy
from qssmc.ir import Graph, parse
from qssmc.models import load_checkpoint
from qssmc.passes.methods import Methods
from qssmc.passes.pipeline import ARRAYS, run_rows
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run

_CALIBRATED = 112  # sequences


@cache
def folder_of(work: Path, case: Case) -> Path:
    """The folder of a case as compiled, made if it is not there."""
    folder = work / f"{Path(case.model).stem}_{case.states:g}_{case.activation_bits}_{case.adc}"
    if not folder.is_dir():
        path = Path("examples") / case.model
        options = CompileOptions(
            Path(case.model).stem,
            QuantiseOptions(
                activation_bits=case.activation_bits, state_bits=10, a_bits=10, dither=True, max_steps=5120
            ),
            ("crossbar",),
            calib=f"{case.data}:{_CALIBRATED}",
            vectors=_CALIBRATED,
            methods=Methods(states=case.states, refit=True),
            target={"crossbar": _arrays(case.adc)},
        )
        made = compile_checkpoint(load_checkpoint(path), file_sha256(path), options, data=None, say=lambda _: None)
        write_folder(made.files, folder, force=False)
    return folder


@cache
def graph_of(work: Path, case: Case, adc: int) -> Graph:
    """The golden model with ADCs of other bits, made from the stage before and the calibration sequences."""
    folder = folder_of(work, case)
    if adc == case.adc:
        return _stage(folder, "oscillate")
    manifest = read_manifest(folder)
    samples = np.load(folder / "vectors" / "samples.npy").astype(np.int64)
    digital, form = Stages.read(folder).until("prove"), InputFormat(**manifest["input_format"])
    plan = PassPlan(digital.float, QuantiseOptions(), form, Calibration(samples, run), arrays=_arrays(adc))
    laid = run_rows(ARRAYS, plan, digital).oscillators
    assert laid is not None
    return laid


@cache
def ideal_of(work: Path, case: Case, adc: int, count: int) -> float:
    """Accuracy in percent without any error of cells."""
    test = load_split(case.data, "test").take(count)
    return ideal_accuracy(graph_of(work, case, adc), test.samples.astype(np.int64), test.labels)


def _arrays(adc: int) -> CrossbarOptions:
    return CrossbarOptions(weight_bits=8, adc_bits=adc, form="oscillator")


def _stage(folder: Path, name: str) -> Graph:
    return parse(next(folder.glob(f"ir/*_{name}.ir")).read_text())
