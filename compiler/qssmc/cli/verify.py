"""`qssmc verify`: the emitted files against the golden model, bit for bit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from qssmc.cli.compilers import compiler_options
from qssmc.cli.config import configurable
from qssmc.cli.terminal import PipeConsole, Terminal, common_options
from qssmc.driver.verify import verify_folder
from qssmc.targets.registry import named
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_verilog import SIMULATORS


@click.command("verify")
@configurable
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--target", metavar="NAME[,NAME]", help="Only these of the folder's targets  [default: all]")
@compiler_options
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
    target: str | None,
    simulator: str,
    sequences: int | None,
    **compilers: Any,
) -> None:
    """Compare golden with every target in FOLDER: every op, every step; a difference ends with exit code 1."""
    console = PipeConsole(stderr=True)
    with Progress(console=console, transient=True, disable=terminal.quiet or not console.is_terminal) as bar:
        task = bar.add_task("comparing", total=None)
        verified = verify_folder(
            folder,
            tools=Toolchain(simulator=simulator, **compilers),
            only=None if target is None else named(target),
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
