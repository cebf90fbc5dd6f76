"""`qssmc import`: from weights that others saved, and what their model answers, to a model that compiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from qssmc.cli.config import configurable
from qssmc.cli.options import GroupedCommand, GroupedOption
from qssmc.cli.output import check_new_file
from qssmc.cli.terminal import Terminal, common_options
from qssmc.driver.importing import ImportedModel, import_model
from qssmc.driver.traced_model import SUFFIX
from qssmc.errors import UsageError
from qssmc.frontend.importing.questions import MEANINGS
from qssmc.frontend.importing.trial import TOLERANCE
from qssmc.ir.answers import KINDS

F = TypeVar("F", bound=Callable[..., Any])
_OPEN = "What weights do not tell (tried against --expect where it is not given)"


def _keyword(question: str) -> str:
    return "open_" + question.replace("-", "_")


def _questions(command: F) -> F:
    """An option for each question that weights may leave open."""
    for name, meaning in reversed(list(MEANINGS.items())):
        help_ = meaning[0].upper() + meaning[1:] + "."
        option = click.option(
            f"--{name}", _keyword(name), default=None, metavar="VALUE", cls=GroupedOption, title=_OPEN, help=help_
        )
        command = option(command)
    return command


@click.command("import", cls=GroupedCommand)
@configurable
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--expect",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="X.npy Y.npy",
    help="Sequences (count, length, channels), as the sensor gives them or as the model takes them, and its answers.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help=f"File to write, NAME{SUFFIX}.")
@click.option("--calib", metavar="SOURCE", help="Calibration: FILE.npy or DATASET[:COUNT].  [default: X.npy]")
@click.option("--answer", type=click.Choice(list(KINDS)), help="What the outputs say.")
@click.option("--name", help="Prefix of emitted symbols.  [default: the file's name]")
@click.option("--tolerance", type=float, default=TOLERANCE, show_default=True, help="Largest relative difference to Y.")
@click.option("--seed", type=int, default=0, help="Of the draw of calibration sequences.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@_questions
@common_options
@click.pass_obj
def import_(
    terminal: Terminal,
    /,
    file: Path,
    expect: tuple[Path, Path] | None,
    output: Path,
    calib: str | None,
    answer: Any,
    name: str | None,
    tolerance: float,
    seed: int,
    data: Path | None,
    force: bool,
    **given: str | None,
) -> None:
    """Make a model that compiles of FILE, the weights of a state-space model of anyone's code.

    FILE is a PyTorch state dict (also within a checkpoint of a training), a .safetensors, a HuggingFace folder or a
    .npz of named arrays, as JAX users save them. No code in it is run. What weights do not tell is tried, and the one
    combination that gives the answers Y to the sequences X is taken; without one, or with two, nothing is written.
    """
    if output.suffix != SUFFIX:
        raise UsageError(f"-o must name a file {SUFFIX}, not {output.name}")
    if not 0 < tolerance < 1:
        raise UsageError(f"--tolerance must lie between 0 and 1, not {tolerance}")
    check_new_file(output, force=force)
    answers = {question: value for question in MEANINGS if (value := given[_keyword(question)]) is not None}
    imported = import_model(
        file,
        expect,
        answers,
        name=name,
        tolerance=tolerance,
        calibration=calib,
        answer=answer,
        seed=seed,
        data=data,
        say=terminal.note,
    )
    imported.model.save(output)
    terminal.result(_record(imported, output), _table(imported, output))
    terminal.note(f"next: qssmc compile {output} -o OUT")


def _record(imported: ImportedModel, output: Path) -> dict[str, Any]:
    reading = imported.reading
    open_ = {question.name: reading.answers[question.name] for question in reading.asked if question.is_open}
    return {
        "file": str(output),
        "found": imported.what,
        "layers": reading.stack.told,
        "parameters": reading.stack.parameters,
        "tried": reading.tried,
        "proven": open_,
        "left_out": reading.ending or None,
        "error": imported.error,
        "next_error": reading.next_error if reading.next_error < float("inf") else None,
    }


def _table(imported: ImportedModel, output: Path) -> Table:
    record = _record(imported, output)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("found", f"{record['found']} with {record['layers']}, {record['parameters']:,} parameters")
    for name, value in record["proven"].items():
        table.add_row(name, value)
    if record["left_out"]:
        table.add_row("left out", f"{record['left_out']} at the end; the largest answer stays the largest")
    following = f", the next by {record['next_error']:.1e}" if record["next_error"] is not None else ""
    table.add_row(
        "answers", f"differ from Y by {record['error']:.1e} of the largest{following}; {record['tried']:,} tried"
    )
    table.add_row("written", record["file"])
    return table
