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
from qssmc.driver.verify import Verified, verify_folder
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
@click.option(
    "--coverage",
    type=click.Choice(("default", "thorough")),
    default="default",
    show_default=True,
    help="How long to search for inputs that reach every clamp edge and table entry: seconds, or minutes.",
)
@click.option(
    "--time-limit",
    type=click.IntRange(1, 1_000_000),
    metavar="SECONDS",
    default=600,
    show_default=True,
    help="After which a build, or a run that gives no value, is stopped.",
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
    coverage: str,
    time_limit: int,
    **compilers: Any,
) -> None:
    """Compare golden with every target in FOLDER: every op, every step; a difference ends with exit code 1.

    This builds and runs what is in FOLDER, in processes with limits of time and memory; verify only what you trust.
    """
    console = PipeConsole(stderr=True)
    with Progress(console=console, transient=True, disable=terminal.quiet or not console.is_terminal) as bar:
        task = bar.add_task("comparing", total=None)
        verified = verify_folder(
            folder,
            tools=Toolchain(simulator=simulator, seconds=time_limit, **compilers),
            only=None if target is None else named(target),
            limit=sequences,
            thorough=coverage == "thorough",
            progress=lambda what, done, of: bar.update(task, completed=done, total=of, description=what),
        )
    terminal.result(
        {"verified": True, **asdict(verified), "coverage": verified.coverage.as_json()},
        "\n".join([f"{folder}: verified.", *_lines(verified)]),
    )


def _lines(verified: Verified) -> list[str]:
    """What ran, for the terminal."""
    found = [f"{verified.values:,} values of {verified.ops} ops are the same in golden and in what was emitted:"]
    for run, what in zip(verified.ran, verified.targets, strict=True):
        found.append(
            f"  {what}: {run.sequences} sequences of {run.steps:,} steps in all ({run.made} of them made to reach "
            f"edges), every value of {run.traced}; {run.values:,} values ({run.by})"
        )
        if len(run.variants) > 1:
            found.append(f"    variants: {'; '.join(run.variants)}")
        found += [f"    not run: {variant}" for variant in run.not_run]
    found.append(f"reached by golden: {verified.coverage.sentence()}")
    found.append(f"{verified.accumulators} accumulator bounds follow from the golden IR")
    found.append(
        "; ".join(f"{of.numbers:,} numbers of {of.tables} tables in {name}/" for name, of in verified.tables.items())
        + " are those that the golden IR gives"
        if verified.tables
        else "the emitted tables were not compared with the golden IR, for another version of qssmc compiled them"
    )
    if verified.files is not None:
        found.append(f"{verified.files} files are what the golden IR gives when it is emitted again, byte for byte")
    if verified.relative_rms is not None:
        found.append(
            f"the answers are {100 * verified.relative_rms:.3g} % of their deviation off the float model (RMS)"
        )
    return found
