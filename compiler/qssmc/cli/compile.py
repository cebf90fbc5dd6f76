"""`qssmc compile`: from a model to a folder with the design in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from qssmc.artifact.folder import check_edited, check_target
from qssmc.cli.config import config_file, configurable
from qssmc.cli.heartbeat import Heartbeat
from qssmc.cli.options import GroupedCommand, GroupedOption, given_of, made_from
from qssmc.cli.sweeping import asked_sweep, sweep_to
from qssmc.cli.terminal import Terminal, common_options
from qssmc.data import InputFormat
from qssmc.driver.compile import compile_source
from qssmc.driver.design import CompiledDesign
from qssmc.driver.model_source import read_model
from qssmc.driver.options import SweepOptions, choices, choices_of, elsewhere, make_options
from qssmc.driver.settle import settle
from qssmc.targets.registry import ALL, BACKENDS, named

_CHOICES = choices()
_SWEEP = choices_of(SweepOptions, "sweep", "Sweep")
OUTPUT = "Output"
_NOTHING = 1e-4  # of a deviation: what changes less is not worth a line


@click.command("compile", cls=GroupedCommand)
@configurable
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    default="c",
    show_default=True,
    metavar="NAME[,NAME]",
    cls=GroupedOption,
    title=OUTPUT,
    help=f"What to emit: {', '.join(BACKENDS)}, or {ALL} but the last.",
)
@click.option(
    "-o",
    "--output-dir",
    type=click.Path(path_type=Path),
    required=True,
    cls=GroupedOption,
    title=OUTPUT,
    help="Folder to write.",
)
@click.option("--force", is_flag=True, cls=GroupedOption, title=OUTPUT, help="Replace an existing design.")
@click.option(
    "--input-format",
    metavar="u8.8",
    cls=GroupedOption,
    title="Model and data",
    help="Of a sample of an ONNX step: u or s, bits, a point, fractional bits; x and scales; @ and zero points.  "
    "[default: what the file says; u8.8]",
)
@made_from((*_CHOICES, *_SWEEP))
@common_options
@click.pass_obj
def compile_(
    terminal: Terminal,
    /,
    model: Path,
    target: str,
    output_dir: Path,
    force: bool,
    input_format: str | None,
    **values: Any,
) -> None:
    """Compile MODEL into OUTPUT_DIR.

    MODEL is a checkpoint (.pt, .safetensors), a traced model that qssmc.save wrote (.qssm), or a float step graph
    (.onnx).
    """
    asked = asked_sweep(given_of(values, _SWEEP))
    targets = named(target)
    chosen = make_options(_of_targets(terminal, given_of(values, _CHOICES), targets), targets)
    if not asked.pareto:
        check_target(output_dir, force=force)
    given_format = None if input_format is None else InputFormat.parse(input_format)
    source = read_model(model, chosen.model.state, given_format)
    if asked.pareto:
        options = settle(chosen, targets, source, searches=True)
        sweep_to(terminal, source, options, asked, output_dir, chosen.model.data)
        return
    options = settle(chosen, targets, source)
    check_edited(output_dir, options.name, targets)
    with Heartbeat(terminal) as heartbeat:
        design = compile_source(
            source,
            options,
            data=chosen.model.data,
            say=terminal.note,
            detail=terminal.detail,
            progress=heartbeat.told,
        )
    design.write(output_dir, force=force)
    for path, content in sorted(design.files.items()):
        terminal.detail(f"wrote {path}, {len(content):,} bytes")
    terminal.result({**design.summary, "folder": str(output_dir)}, summary_table(design, str(output_dir)))
    if len(targets) > 1:
        terminal.note(design.files["report/targets.txt"].decode().rstrip())
    for note in design.notes:
        terminal.note(note)
    terminal.note(f"next: qssmc verify {output_dir}")


def _of_targets(terminal: Terminal, given: dict[str, Any], targets: tuple[str, ...]) -> dict[str, Any]:
    """The options without those of other targets that a config file holds, which serves several; a line says so."""
    context = click.get_current_context()
    left = [
        name
        for name in elsewhere(given, targets)
        if context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT_MAP
    ]
    if left:
        flags = ", ".join(name.replace("_", "-") for name in left)
        terminal.note(f"{config_file(context)}: {flags} of other targets than {', '.join(targets)}: not used")
    return {name: value for name, value in given.items() if name not in left}


def summary_table(design: CompiledDesign, title: str) -> Table:
    """Bits and bytes by part."""
    facts = design.summary
    table = Table(title=title, show_header=True)
    table.add_column("part")
    table.add_column("bytes", justify="right")
    for kind, bits in facts["bits_by_kind"].items():
        table.add_row(kind, f"{bits / 8:,.0f}")
    table.add_section()
    table.add_row("parameters", f"{facts['parameter_bytes']:,}")
    table.add_row("state", f"{facts['state_bytes']:,}")
    table.add_row("float32 parameters + state", f"{facts['float32_bytes']:,}  ({facts['times_smaller']} x)")
    effort, alignment = facts["effort"], facts["alignment"]
    table.add_section()
    table.add_row("effort (ACE), a step", f"{effort['ace']:,}  ({effort['ace_times_less']} x less)")
    table.add_row(
        "alignment, a step",
        f"{alignment['shifts_per_step']} shifts, {alignment['multiplications_per_step']} multiplications",
    )
    seen = facts["bounds"]
    table.add_row("saturated states", f"{seen['state_saturations']:,} of {seen['state_values']:,} values")
    if "arrays" in facts:
        ours, published = facts["arrays"], facts["arrays"]["published"]
        table.add_row("arrays", f"{ours['arrays']}  (published mapping: {published['arrays']})")
        full, theirs = ours["utilisation_percent"], published["utilisation_percent"]
        table.add_row("cells programmed", f"{full:.2f} %  (published mapping: {theirs:.2f} %)")
    widest = facts["widest_accumulator"]
    table.add_row("widest accumulator", f"{widest['bits']} bits (%{widest['op']})")
    _error_rows(table, facts["error"])
    table.add_row("float IR against torch", f"{facts['float_check_relative_error']:.1e} relative")
    return table


def _percent(share: float) -> str:
    """Percent of three digits, and of what is next to nothing only that."""
    return f"< {100 * _NOTHING:g} %" if share < _NOTHING else f"{100 * share:.3g} %"


def _error_rows(table: Table, error: Mapping[str, Any]) -> None:
    """How far the design is from the float model, by output and by pass."""
    table.add_section()
    for where in ("calibration", "held_out"):
        for name, found in (error[where] or {}).items():
            text = f"{100 * found['relative_rms']:.3g} % RMS, worst {100 * found['worst']:.3g} %"
            table.add_row(f"error of {name} ({found['kind']}), {where.replace('_', '-')}", text)
            if "decisions" in found:
                of = found["decisions"]
                low, high = of["percent_interval"]
                text = f"{of['changed']:,} of {of['of']:,}  ({low:.2g} to {high:.2g} %)"
                table.add_row(f"changed decisions of {name}, {where.replace('_', '-')}", text)
    if error["held_out"] is None:
        table.add_row("error, held-out", "not known: no held-out sequences")
    table.add_row(f"on {error['passes_sequences']} of them, after the pass", "RMS   share of the error in the end")
    for row in error["passes"]:
        if row["moved"] < _NOTHING:
            continue
        names = " and ".join([row["pass"], *row["with"]])
        table.add_row(f"  {names}", f"{_percent(row['relative_rms'])} {100 * row['share'] + 0.0:27.0f} %")
    gone = error["pruned"]
    text = f"{gone['states_removed']:,} of {gone['states']:,} states, {gone['heads_removed']:,} heads, "
    table.add_row("pruned", text + f"{gone['channels_removed']:,} channels")
    table.add_section()
