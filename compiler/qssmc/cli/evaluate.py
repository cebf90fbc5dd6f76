"""`qssmc eval`: accuracy through torch, golden or what was emitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from qssmc.cli.compilers import compiler_options
from qssmc.cli.config import configurable
from qssmc.cli.terminal import PipeConsole, Terminal, common_options
from qssmc.data import DATASETS, load_split
from qssmc.evaluation.accuracy import engines, evaluate
from qssmc.verification.toolchain import Toolchain


@click.command("eval")
@configurable
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--engine", metavar="NAME", default="c", show_default=True, help=f"What computes: {', '.join(engines())}."
)
@click.option("--dataset", "--data-set", type=click.Choice(DATASETS), help="What to classify (its test split).")
@click.option("--data", help="Folder of the data sets, or the name of one as a short form of --dataset.")
@click.option("--count", type=click.IntRange(1), help="Only the first sequences  [default: all]")
@compiler_options
@common_options
@click.pass_obj
def eval_(
    terminal: Terminal,
    /,
    path: Path,
    engine: str,
    dataset: str | None,
    data: str | None,
    count: int | None,
    **compilers: Any,
) -> None:
    """Classify a test set with PATH: a model file for --engine torch, a compiled folder for the others."""
    if dataset is None and data in DATASETS:
        dataset, data = data, None
    if dataset is None:
        raise click.UsageError(f"say what to classify: --dataset with one of {', '.join(DATASETS)}")
    sequences = load_split(dataset, "test", data)
    if count:
        sequences = sequences.take(count)
    console = PipeConsole(stderr=True)
    with Progress(console=console, transient=True, disable=terminal.quiet or not console.is_terminal) as bar:
        task = bar.add_task(f"{engine}", total=len(sequences))
        found = evaluate(
            path,
            engine,
            sequences,
            tools=Toolchain(**compilers),
            progress=lambda done: bar.update(task, completed=done),
        )
    record = {
        "engine": engine,
        "data_set": dataset,
        "sequences": found.count,
        "right": found.right,
        "accuracy": round(found.accuracy, 3),
        "seconds": round(found.seconds, 3),
        "predictions": found.predictions.tolist(),
    }
    terminal.result(
        record,
        f"{path}, {engine}: {found.accuracy:.2f} % of {found.count:,} {dataset} sequences in {found.seconds:.1f} s",
    )
