"""`qssmc opt`: runs passes on IR text and prints the text that they make of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from qssmc.artifact.manifest import MANIFEST, read_manifest
from qssmc.cli.config import configurable
from qssmc.cli.options import GroupedCommand, given_of, made_from
from qssmc.cli.output import check_new_file
from qssmc.cli.terminal import Terminal, common_options
from qssmc.data import InputFormat
from qssmc.driver.opt import OptOptions, apply_passes, passes_named
from qssmc.driver.options import choices, make_options
from qssmc.driver.settle import methods_of, quantise_of
from qssmc.errors import MalformedInputError, UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.text import print_graph, sound_graph
from qssmc.passes.pipeline import PASSES
from qssmc.passes.quantise import QuantiseOptions

# What passes can be told, of all that a compilation can be.
_CHOICES = [choice for choice in choices() if {place for place, _ in choice.places} & {"bits", "methods", "crossbar"}]


@click.command("opt", cls=GroupedCommand)
@configurable
@click.argument("file", required=False)
@click.option("-p", "--passes", metavar="NAME[,NAME]", help="The passes, in order, by their names in a design's ir/.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write instead of printing.")
@click.option("--force", is_flag=True, help="Replace that file.")
@click.option("--list", "listed", is_flag=True, help="Print every pass: its stages and why it is there.")
@click.option("--calib", metavar="FILE.npy", help="Sequences for passes that look at data (count x length x channels).")
@click.option(
    "--input-format",
    metavar="u8.8",
    help="Of a sample: u or s, bits, a point, fractional bits; x and scales; @ and zero points  [default: its own]",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="IR text of the float or discrete graph (refit, oscillate) or the fused one (convert) behind FILE.",
)
@click.option("--set", "notes", multiple=True, metavar="NAME=BITS", help="assign: bits of one value or table.")
@click.option(
    "--max-steps",
    type=int,
    default=QuantiseOptions().max_steps,
    show_default=True,
    help="Longest sequence that a mean is exact for.",
)
@made_from(_CHOICES)
@common_options
@click.pass_obj
def opt(
    terminal: Terminal,
    /,
    file: str | None,
    passes: str | None,
    output: Path | None,
    force: bool,
    listed: bool,
    calib: str | None,
    input_format: str | None,
    reference: Path | None,
    notes: tuple[str, ...],
    max_steps: int,
    **chosen: Any,
) -> None:
    """Run passes on the IR text in FILE (- reads stdin) and print the IR text of the result."""
    if listed:
        rows = [{"name": p.name, "before": p.before, "after": p.after, "reason": p.reason} for p in PASSES]
        terminal.result({"passes": rows}, _table(rows))
        return
    if file is None or passes is None:
        raise UsageError("give FILE and -p NAME,NAME, or --list to see the passes")
    wanted = passes_named(passes)
    if output is not None:
        check_new_file(output, force=force)
    settings = make_options(given_of(chosen, _CHOICES), ["crossbar"])
    quantise = quantise_of(settings, max_steps)
    options = OptOptions(
        quantise,
        replace(methods_of(settings, quantise), notes=tuple(_note(text) for text in notes)),
        settings.targets["crossbar"],
        _npy(calib),
        _input_format(input_format, file),
        None if reference is None else _read(str(reference)),
    )
    done = apply_passes(
        _read(file), wanted, options, lambda name, graph: terminal.note(f"pass {name}: {len(graph.ops)} ops")
    )
    text = print_graph(done)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
        terminal.note(f"wrote {output}")
    elif terminal.json:
        terminal.result({"stage": done.stage, "ops": len(done.ops), "ir": text}, "")
    else:
        sys.stdout.write(text)


def _read(file: str) -> Graph:
    """The graph of a file or of stdin. Raises UsageError or MalformedInputError."""
    name = "stdin" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return sound_graph(text, name)
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}); give a file of IR text, or - for stdin") from error
    except UnicodeDecodeError as error:
        raise MalformedInputError(f"{name} is no IR text ({error})") from error


def _npy(calib: str | None) -> str | None:
    if calib is not None and not calib.endswith(".npy"):
        raise UsageError(f"--calib must be FILE.npy here, not {calib}")
    return calib


def _note(text: str) -> tuple[str, int]:
    name, _, bits = text.rpartition("=")
    if not name or not bits.isascii() or not bits.isdecimal():
        raise UsageError(f"--set must be NAME=BITS, such as encoder.weight=6, not {text}")
    return name, int(bits)


def _input_format(text: str | None, file: str) -> InputFormat | None:
    """What the user gave, else that of the design whose ir/ the file lies in, else None."""
    if text is None:
        design = Path(file).absolute().parent.parent
        if file == "-" or not (design / MANIFEST).is_file():
            return None
        return InputFormat(**read_manifest(design)["input_format"])
    return InputFormat.parse(text)


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table()
    for column in ("pass", "takes", "gives", "because"):
        table.add_column(column, no_wrap=column != "because")
    for row in rows:
        table.add_row(*row.values())
    return table
