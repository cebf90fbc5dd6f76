"""`qssmc simulate`: accuracy of a crossbar design on drawn devices, with the errors of their cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress
from rich.table import Table

from qssmc.artifact.folder import write_files
from qssmc.artifact.manifest import read_manifest
from qssmc.cli.config import configurable
from qssmc.cli.terminal import PipeConsole, Terminal, common_options
from qssmc.data import DATASETS, load_split
from qssmc.errors import UsageError
from qssmc.evaluation.design_space import CandidateResult, cheapest_within, evaluate_candidates, parse_space
from qssmc.evaluation.devices import SWEPT, Simulation, SimulationResult, pictures, simulate, spread, sweep_of
from qssmc_sim.crossbar import CORRECTIONS, PRESETS, preset


@click.command("simulate")
@configurable
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    help="What to classify (its test split)  [default: what the model was trained on]",
)
@click.option("--count", type=click.IntRange(1), help="Only the first sequences  [default: all]")
@click.option("--trials", type=click.IntRange(1), default=10, show_default=True, help="Devices to draw.")
@click.option("--device", type=click.Choice(list(PRESETS)), default="gaussian", show_default=True, help="The cells.")
@click.option("--noise", type=float, help="Programming error of a weight, relative to its column's largest.")
@click.option("--read-noise", type=float, help="The same of every single read.")
@click.option("--age", type=float, help="Seconds since the first read, of a device that drifts.")
@click.option("--compensation", type=click.Choice(("none", "global", "column")), help="Of drift  [default: column]")
@click.option("--stuck-on", type=float, help="Share of cells stuck at the largest conductance.")
@click.option("--stuck-off", type=float, help="Share of cells stuck at the smallest conductance.")
@click.option("--wire", type=float, help="Ohm of a wire between two cells.")
@click.option("--idle/--no-idle", default=None, help="Whether cells of weight zero have the errors of programmed ones.")
@click.option("--sweep", metavar="NAME=VALUES", help=f"Values, with commas, of {', '.join(SWEPT)}.")
@click.option(
    "--choose",
    multiple=True,
    metavar="NAME=VALUES",
    help="cell-bits=4,6,8 or encoding=two-lane,four-lane: lay the design on arrays of each kind and name "
    "the cheapest that is accurate enough.",
)
@click.option(
    "--within",
    type=click.FloatRange(0.0),
    default=1.0,
    show_default=True,
    help="For --choose: points of accuracy that a cheaper choice may lose on the best.",
)
@click.option(
    "--correct",
    "correction",
    type=click.Choice(CORRECTIONS),
    default="none",
    show_default=True,
    help="What is done about a device once read back: scale, the columns' digital scales; refit, and the readout; "
    "or draws, a readout for all devices of the kind (oscillator form alone).",
)
@click.option("--calib", metavar="SOURCE", help="FILE.npy or DATASET[:COUNT], for refit and draws.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of devices and reads.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes; no part of the result.")
@click.option("-o", "--output-dir", type=click.Path(path_type=Path), help="Folder for the record and pictures.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@common_options
@click.pass_obj
def simulate_(
    terminal: Terminal,
    /,
    path: Path,
    dataset: str | None,
    count: int | None,
    trials: int,
    device: str,
    sweep: str | None,
    choose: tuple[str, ...],
    within: float,
    correction: str,
    calib: str | None,
    data: Path | None,
    seed: int,
    jobs: int,
    output_dir: Path | None,
    force: bool,
    **cells: Any,
) -> None:
    """Classify a test set with a crossbar design in PATH, on so many drawn devices."""
    cells["programming"], cells["read"] = cells.pop("noise"), cells.pop("read_noise")
    drawn = preset(device).with_(**{name: value for name, value in cells.items() if value is not None})
    asked = Simulation(drawn, correction, trials, seed, jobs, sweep_of(sweep) if sweep else None)
    if choose and (sweep or output_dir):
        raise UsageError("--choose goes with neither --sweep nor --output-dir; compile the choice and simulate that")
    points = asked.points()
    sequences = load_split(dataset or _trained_on(path), "test", data)
    if count:
        sequences = sequences.take(count)
    console = PipeConsole(stderr=True)
    with Progress(console=console, transient=True, disable=terminal.quiet or not console.is_terminal) as bar:
        task = bar.add_task("devices", total=None if choose else len(points) * trials)
        if choose:
            tried = evaluate_candidates(
                path, asked, parse_space(choose), sequences, calib, data, lambda: bar.advance(task)
            )
            bar.stop()
            terminal.result(*_choice(path, tried, cheapest_within(tried, within), asked))
            return
        found, setup = simulate(path, asked, sequences, calib, data, lambda: bar.advance(task))
    if output_dir:
        write_files(pictures(setup, found, asked, sequences.samples.astype("int64")), output_dir, force=force)
    terminal.result(found.record(asked), _table(path, found, asked))


def _trained_on(path: Path) -> str:
    """The data set that the model of a compiled folder names. Raises UsageError if it names none."""
    name = read_manifest(path).get("data_set")
    if name not in DATASETS:
        raise UsageError(f"the model does not say what to classify; give --dataset with one of {', '.join(DATASETS)}")
    return str(name)


def _choice(
    path: Path, tried: Sequence[CandidateResult], chosen: CandidateResult, asked: Simulation
) -> tuple[dict[str, Any], Table]:
    """The record and the table of all that was tried."""
    table = Table(title=f"{path}: {asked.device.name}, correction {asked.correction}; choose {chosen.flags}")
    for name in ("weight bits", "encoding", "ideal %", "accuracy %", "95 % interval", "arrays", "cells", ""):
        table.add_column(name)
    for one in tried:
        low, high = one.trials.interval()
        numbers = f"{one.ideal:.2f}", f"{one.trials.accuracy:.2f}", f"{low:.2f} to {high:.2f}"
        kind = str(one.options.weight_bits), one.options.encoding
        table.add_row(*kind, *numbers, str(one.arrays), str(one.cells), "chosen" if one is chosen else "")
    return {"chosen": chosen.record(), "tried": [one.record() for one in tried]}, table


def _table(path: Path, found: SimulationResult, asked: Simulation) -> Table:
    table = Table(title=f"{path}: {asked.device.name}, correction {asked.correction}; ideal {found.ideal:.2f} %")
    for name in (asked.sweep[0] if asked.sweep else "devices", "accuracy %", "95 % interval", "worst to best device"):
        table.add_column(name)
    for value, trials in found.points:
        low, high = trials.interval()
        first = f"{value:g}" if value is not None else str(asked.trials)
        table.add_row(first, f"{trials.accuracy:.2f}", f"{low:.2f} to {high:.2f}", spread(trials.accuracies.tolist()))
    return table
