"""Verilog page: clocks a step and placed cores as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from benchmarks.verilog.cases import CASES, Placed, Replayed

Found = Sequence[tuple[Placed, Mapping[str, Any]]]


def page(
    paces: Sequence[Mapping[str, Any]],
    replays: Sequence[tuple[Replayed, Mapping[str, Any] | None]],
    reports: Sequence[tuple[Placed, Mapping[str, Any] | None]],
) -> str:
    """The whole of verilog.md. None for what has not been replayed or placed yet."""
    found = [(placed, report) for placed, report in reports if report is not None]
    missing = [f"{placed.board}, P = {placed.lanes}" for placed, report in reports if report is None]
    lines = [*_head(), *_paces(paces), *_replays(replays), *_boards(found, missing), *_expected(found)]
    lines += _commands(replays, found)
    return "\n".join(lines) + "\n"


def _head() -> Iterator[str]:
    yield "# Verilog cores: scheduled, simulated and placed"
    yield ""
    yield "Made by `.venv/bin/python -m benchmarks.verilog` (`make results-verilog`); every row's command is below."
    yield ""


def _paces(paces: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Clocks a step"
    yield ""
    yield "Clocks between samples as the compiler's schedule has them; `hw_tests` and `qssmc verify` hold the schedule"
    yield "against what the simulation counts. The engine's bound is the states of the largest layer over P; its beats"
    yield "are more where heads are short and ragged: two may share a beat, but a beat begins one alone. The whole"
    yield "core's bound is all multiplications of a step over all multipliers, as if each could do any product; what"
    yield "adders multiply, one or two bits at a time, counts on neither side. Multipliers are those of a device that"
    yield "has plenty. The unpruned designs here are calibrated on few sequences only, so that they compile fast; for"
    yield "accuracy see ptq.md."
    yield ""
    yield (
        "| design | P | multipliers | multiplications a step | core's bound | engine's bound | its beats "
        "| clocks a step | ÷ core's | ÷ engine's |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for pace in paces:
        core = pace["multiplications"] / pace["multipliers"]
        engine = ceil(max(pace["states"]) / pace["lanes"])
        yield (
            f"| {pace['case'].title} | {pace['lanes']} | {pace['multipliers']} | {pace['multiplications']:,} "
            f"| {core:,.1f} | {engine:,} | {max(pace['beats']):,} | **{pace['interval']:,}** "
            f"| {pace['interval'] / core:.2f} | {pace['interval'] / engine:.2f} |"
        )
    yield ""


def _replays(replays: Sequence[tuple[Replayed, Mapping[str, Any] | None]]) -> Iterator[str]:
    yield "## Whole sequences in simulators"
    yield ""
    yield "Images of 784 steps, one behind the other: every output is golden's, and so every prediction; under Icarus"
    yield "every value of every op that the core holds as well. The clocks a step are those of the schedule."
    yield ""
    yield "| design | P | simulator | sequences | values equal | clocks a step | CPU seconds |"
    yield "|---|---|---|---|---|---|---|"
    for replay, found in replays:
        if found is not None:
            by = str(found["by"]).split(",", maxsplit=1)[0]
            yield (
                f"| {replay.case.title} | {replay.lanes} | {by} | {replay.sequences} | {found['values']:,} "
                f"| {found['interval']:,} | {found['seconds']:,} |"
            )
    yield ""
    missing = [f"{r.case.title}, {r.sequences} in {r.simulator}" for r, found in replays if found is None]
    if missing:
        yield f"Not run yet: {'; '.join(missing)}."
        yield ""


def _boards(found: Found, missing: Sequence[str]) -> Iterator[str]:
    yield "## Placed and routed"
    yield ""
    yield "The core behind the board's serial line, by yosys and nextpnr. Steps a second are"
    yield "Fmax, or the board's oscillator, over the clocks a step."
    yield ""
    yield (
        "| design | device | P | LUTs | flip-flops | RAM blocks | multipliers | Fmax, MHz | aim "
        "| steps a second at Fmax | at the oscillator | aim |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for placed, report in found:
        cells = report["found"]
        used = {name: f"{use['used']:,} of {use['available']:,}" for name, use in report["utilisation"].items()}
        row = [
            placed.case.title,
            report["device"],
            str(placed.lanes),
            f"{cells['lut']:,}",
            f"{cells['ff']:,}",
            used.get("RAM blocks", str(cells["ram_blocks"])),
            used.get("multipliers", str(cells["dsp"])),
        ]
        if "fmax_mhz" in report:
            fast, own = report["at_fmax"], report["at_clock"]
            row += [
                f"**{report['fmax_mhz']:.1f}**",
                _aim(placed.least_mhz, report["fmax_mhz"]),
                f"{fast['steps_per_second']:,}",
                f"{own['steps_per_second']:,} ({own['clock_mhz']:g} MHz)",
                _aim(placed.least_steps, own["steps_per_second"]),
            ]
        else:
            row += [report["verdict"], "", "", "", ""]
        yield "| " + " | ".join(row) + " |"
    yield ""
    if missing:
        yield f"Not placed yet: {'; '.join(missing)}."
        yield ""
    yield "Critical paths:"
    yield ""
    for placed, report in found:
        if "critical_path" in report:
            path = report["critical_path"]
            yield (
                f"- {report['device']}, P = {placed.lanes}: {path['ns']} ns, {path['ns_in_wires']} of them in wires, "
                f"{path['cells']} cells, from `{path['from']}` to `{path['to']}`"
            )
    yield ""


def _aim(least: float | None, reached: float) -> str:
    """At least so much, and whether that is reached."""
    return "" if least is None else f"≥ {least:,.0f}: {'reached' if reached >= least else 'missed'}"


def _expected(found: Found) -> Iterator[str]:
    yield "## Expected and found"
    yield ""
    yield "What the compiler says before synthesis, and what came of it. A memory takes whole blocks, or is logic where"
    yield "it is small; a product with no multiplier left is logic, and the HX8K has none."
    yield ""
    yield "| device | P | multipliers expected | found | memory bits expected | bits found, in RAM blocks |"
    yield "|---|---|---|---|---|---|"
    for placed, report in found:
        expected, cells = report["expected"], report["found"]
        yield (
            f"| {report['device']} | {placed.lanes} | {expected['multipliers']} | {cells['dsp']} "
            f"| {expected['memory_bits']:,} | {cells['ram_block_bits']:,} in {cells['ram_blocks']} |"
        )
    yield ""


def _commands(replays: Sequence[tuple[Replayed, Mapping[str, Any] | None]], found: Found) -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield "Clocks a step, with `--lanes P` each, in `DIR/verilog/design.json`:"
    yield ""
    yield "```"
    yield from (case.command for case in CASES)
    yield "```"
    yield ""
    yield "Whole sequences:"
    yield ""
    yield "```"
    yield from (replay.command for replay, _ in replays)
    yield "```"
    yield ""
    yield "Placed, with the report in `DIR/synth/report.txt`:"
    yield ""
    yield "```"
    yield from (placed.command for placed, _ in found)
    yield "```"
    yield ""
    tools = {f"{name}: {version}" for _, report in found for name, version in report["tools"].items()}
    yield f"Tools: {'; '.join(sorted(tools))}."
