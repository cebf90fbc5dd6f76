"""`qssmc compile`: from a checkpoint to a folder with the design in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
from rich.table import Table

from qssmc.artifact.folder import check_target, write_folder
from qssmc.backends import hls, verilog
from qssmc.backends.c import as_prefix
from qssmc.backends.hls import FLAVORS, Flavor, HlsOptions
from qssmc.backends.verilog import Pace, VerilogOptions
from qssmc.cli.arrays import array_options, chosen_arrays
from qssmc.cli.config import configurable
from qssmc.cli.methods import chosen_methods, method_options
from qssmc.cli.searching import asked_search, given, search_options, search_space
from qssmc.cli.sweeping import sweep_to
from qssmc.cli.terminal import Terminal, common_options
from qssmc.driver.compile import CompileOptions, Design, compile_source, file_sha256
from qssmc.driver.model_source import ONNX_STEPS, Source, from_checkpoint, from_onnx
from qssmc.errors import UsageError
from qssmc.models import Checkpoint, load_checkpoint
from qssmc.passes.quantise import QuantiseOptions, parse_bits
from qssmc.passes.quantise.options import AForm, SchemeName
from qssmc.targets.registry import ALL, TARGETS, TargetOptions, named

DEFAULT = QuantiseOptions(state_bits=10, a_bits=10, dither=True)
_HLS = HlsOptions()
MOST_STEPS = 1 << 30  # what QuantiseOptions takes at most


@click.command("compile")
@configurable
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    default="c",
    show_default=True,
    metavar="NAME[,NAME]",
    help=f"What to emit: {', '.join(TARGETS)}, or {ALL} but the last.",
)
@click.option("-o", "--output-dir", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--force", is_flag=True, help="Replace an existing design.")
@click.option("--name", help="Prefix of every emitted symbol and file  [default: the model file's name]")
@click.option(
    "--scheme",
    type=click.Choice(get_args(SchemeName)),
    default="qssm",
    show_default=True,
    help="Our scheme with power-of-two state scales, or the published one (arXiv 2506.12480).",
)
@click.option("--bits", default="W8A8", show_default=True, metavar="W#A#", help="Bits of weights and activations.")
@click.option(
    "--state-bits",
    "--mean-state-bits",
    "state_bits",
    type=float,
    default=DEFAULT.state_bits,
    show_default=True,
    help="Bits of re and of im, in the mean.",
)
@click.option("--a-bits", type=float, default=DEFAULT.a_bits, show_default=True, help="Bits of the poles.")
@click.option(
    "--a-form",
    type=click.Choice(get_args(AForm)),
    default=DEFAULT.a_form,
    show_default=True,
    help="Poles as 1 plus a scaled difference, or as plain fixed-point numbers (qssm alone).",
)
@click.option(
    "--dither/--no-dither",
    default=DEFAULT.dither,
    show_default=True,
    help="Round states with a threshold that moves every step, so that slow ones do not stick (qssm alone).",
)
@method_options
@search_options
@click.option("--max-steps", type=int, help="Longest sequence that a mean is exact for  [default: 4 x the trained one]")
@click.option("--calib", metavar="SOURCE", help="FILE.npy or DATASET[:COUNT]  [default: what the model brings]")
@click.option("--vectors", type=int, default=112, show_default=True, help="Keep at most so many for verification.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw of calibration sequences.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets.")
@click.option("--lanes", type=int, default=1, show_default=True, help="hls, verilog: states worked on in one clock.")
@click.option("--multipliers", type=int, help="verilog: how many the device has; narrower products are adders then.")
@click.option("--argmax", is_flag=True, help="verilog: give the index of the largest output, not all of them.")
@click.option(
    "--steps-per-second", type=float, help="verilog: take the fewest lanes that are so fast at the --clock-period."
)
@click.option("--part", default=_HLS.part, show_default=True, help="hls: the device.")
@click.option(
    "--clock-period",
    type=float,
    default=_HLS.clock_period,
    show_default=True,
    help="hls; verilog with --steps-per-second: in ns.",
)
@click.option(
    "--hls-flavor",
    type=click.Choice(FLAVORS),
    default=_HLS.flavor,
    show_default=True,
    help="hls: of the vendor's tool.",
)
@array_options
@common_options
@click.pass_context
def compile_(
    ctx: click.Context,
    /,
    model: Path,
    target: str,
    output_dir: Path,
    force: bool,
    name: str | None,
    scheme: SchemeName,
    bits: str,
    state_bits: float,
    a_bits: float,
    a_form: AForm,
    dither: bool,
    max_steps: int | None,
    calib: str | None,
    vectors: int,
    seed: int,
    data: Path | None,
    lanes: int,
    multipliers: int | None,
    argmax: bool,
    steps_per_second: float | None,
    part: str,
    clock_period: float,
    hls_flavor: Flavor,
    **chosen: Any,
) -> None:
    """Compile MODEL (.pt, .safetensors, or a float step graph .onnx) into OUTPUT_DIR."""
    terminal: Terminal = ctx.obj
    arrays = chosen_arrays(chosen)
    asked = asked_search(chosen)
    targets = named(target)
    weight_bits, activation_bits = parse_bits(bits)
    if not asked.pareto:
        check_target(output_dir, force=force)
    source, steps = read_model(model)
    quantise = QuantiseOptions(
        scheme=scheme,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        state_bits=state_bits,
        a_bits=a_bits,
        a_form=a_form,
        dither=dither or (asked.searches and not given(ctx, "dither")),
        max_steps=steps if max_steps is None else max_steps,
    )
    pace = None if steps_per_second is None else Pace(steps_per_second, clock_period)
    if pace and given(ctx, "lanes"):
        raise UsageError("give --lanes or --steps-per-second, not both")
    cores = VerilogOptions(lanes, multipliers, pace, argmax)
    single = TargetOptions(HlsOptions(lanes, part, clock_period, hls_flavor), cores, arrays)
    name = symbol(model.stem) if name is None else name
    methods = chosen_methods(scheme, a_form, chosen)
    if asked.searches and not given(ctx, "prune_loss"):
        methods = replace(methods, prune_loss=None)  # how many states stay is a matter of the search
    space = search_space(ctx, (weight_bits, activation_bits), state_bits, a_bits)
    options = CompileOptions(name, quantise, targets, calib, seed, vectors, methods, asked.goal, space, single)
    if asked.pareto:
        sweep_to(terminal, source, options, asked, output_dir, data)
        return
    design = compile_source(source, options, data=data, say=terminal.note, detail=terminal.detail)
    try:
        write_folder(design.files, output_dir, force=force)
    except OSError as error:
        raise UsageError(
            f"output folder {output_dir} cannot be written ({error.strerror}); give another one"
        ) from error
    for path, content in sorted(design.files.items()):
        terminal.detail(f"wrote {path}, {len(content):,} bytes")
    terminal.result({**design.summary, "folder": str(output_dir)}, summary_table(design, str(output_dir)))
    if len(options.targets) > 1:
        terminal.note(design.files["report/targets.txt"].decode().rstrip())
    for what, path in (("hls", hls.ESTIMATE), ("verilog", verilog.ESTIMATE)):
        if path in design.files:
            terminal.note(estimate_text(what, json.loads(design.files[path])))
    terminal.note(f"next: qssmc verify {output_dir}")


def estimate_text(target: str, facts: dict[str, Any]) -> str:
    """Clocks and resources in a line."""
    at = f" for {facts['part']}" if "part" in facts else ""
    at += f" at {facts['clock_period_ns']:g} ns" if "clock_period_ns" in facts else ""
    every = f"{facts['interval_cycles']:,} clocks"
    every += f" ({facts['interval_us']:g} us)" if "interval_us" in facts else ""
    return (
        f"{target} estimate{at}, {facts['lanes']} lane(s): a sample every {every}, latency "
        f"{facts['latency_cycles']:,} clocks, {facts['dsp']} DSP, {facts['bram18']} BRAM18, about {facts['luts']:,} LUT"
    )


def read_model(path: Path) -> tuple[Source, int]:
    """A model by its file's ending, and the longest sequence that a mean is exact for if nothing else is asked for."""
    if path.suffix == ".onnx":
        return from_onnx(path), ONNX_STEPS
    checkpoint = load_checkpoint(path)
    return from_checkpoint(checkpoint, file_sha256(path)), default_steps(checkpoint)


def symbol(stem: str) -> str:
    """A file name as a C prefix."""
    return as_prefix(re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower()).rstrip("_")


def default_steps(checkpoint: Checkpoint) -> int:
    """The longest sequence that a mean is exact for, if nothing else is asked for."""
    return min(4 * checkpoint.sequence_length, MOST_STEPS)


def summary_table(design: Design, title: str) -> Table:
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
    table.add_row("float IR against torch", f"{facts['float_check_relative_error']:.1e} relative")
    return table
