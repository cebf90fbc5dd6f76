"""`qssmc synth`: a compiled core placed on a board, or counted for a family."""

from __future__ import annotations

from pathlib import Path

import click

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.errors import ToolError
from qssmc.synth import BOARDS, CHOICES, FAMILIES, Choice, synthesise
from qssmc.synth.report import text


@click.command("synth")
@configurable
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", type=click.Choice([*BOARDS]), help="Place, route and make a bitstream.")
@click.option("--family", type=click.Choice([*FAMILIES]), help="Count cells alone.")
@click.option(
    "--tools",
    type=click.Choice(CHOICES),
    default=CHOICES[0],
    show_default=True,
    help="Programs on PATH, those of the yowasp packages, or what is there.",
)
@click.option(
    "--clock-mhz",
    type=click.FloatRange(0.1, 1000),
    help="Clock that must be met, in MHz  [default: the board's oscillator]",
)
@click.option("--force", is_flag=True, help="Replace what an earlier run wrote.")
@common_options
@click.pass_obj
def synth(
    terminal: Terminal,
    /,
    folder: Path,
    board: str | None,
    family: str | None,
    tools: Choice,
    clock_mhz: float | None,
    force: bool,
) -> None:
    """Synthesise the Verilog in FOLDER; the bitstream and the report go to FOLDER/synth."""
    target = board or family
    if target is None or (board and family):
        raise click.UsageError(f"give --board ({', '.join(BOARDS)}) or --family ({', '.join(FAMILIES)})")
    terminal.note(f"synthesising {folder} for {target}; this takes a few minutes")
    made = synthesise(folder, target, tools=tools, clock=clock_mhz, force=force)
    if made.fault:
        raise ToolError(f"{made.fault}; see {made.folder}/report.txt")
    terminal.result({**made.report, "folder": str(made.folder)}, text(made.report).rstrip())
