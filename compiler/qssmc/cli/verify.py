"""`qssmc verify`: the emitted files against the golden model, bit for bit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import Progress

from qssmc.cli.config import configurable
from qssmc.cli.terminal import PipeConsole, Terminal, common_options
from qssmc.verify import verify_folder
from qssmc_sim.emitted_verilog import SIMULATORS


@click.command("verify")
@configurable
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--cc", help="C compiler  [default: $CC, else gcc]")
@click.option("--cxx", help="C++ compiler, for hls  [default: $CXX, else g++]")
@click.option(
    "--ap-types",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="hls: folder with the open ap_int.h  [default: the stand-in that comes with the design]",
)
@click.option(
    "--simulator",
    type=click.Choice(SIMULATORS),
    default=SIMULATORS[0],
    show_default=True,
    help="verilog: Icarus needs no building, Verilator is for hundreds of sequences.",
)
@click.option(
    "--sequences", type=click.IntRange(1), help="Only the first of those recorded  [default: all; crossbar: 4]"
)
@common_options
@click.pass_obj
def verify(
    terminal: Terminal,
    /,
    folder: Path,
    cc: str | None,
    cxx: str | None,
    ap_types: Path | None,
    simulator: str,
    sequences: int | None,
) -> None:
    """Compare golden with every target in FOLDER: every op, every step; a difference ends with exit code 1."""
    console = PipeConsole(stderr=True)
    with Progress(console=console, transient=True, disable=terminal.quiet or not console.is_terminal) as bar:
        task = bar.add_task("comparing", total=None)
        verified = verify_folder(
            folder,
            cc=cc,
            cxx=cxx,
            ap_types=ap_types,
            simulator=simulator,
            limit=sequences,
            progress=lambda what, done, of: bar.update(task, completed=done, total=of, description=what),
        )
    terminal.result(
        {"verified": True, **asdict(verified)},
        f"{folder}: verified. {verified.values:,} values of {verified.ops} ops over {verified.sequences} sequences of "
        f"{verified.steps} steps are the same in golden and in the emitted {' and '.join(verified.targets)} "
        f"({verified.compiler}); "
        f"{verified.accumulators} accumulator bounds follow from the emitted tables.",
    )
