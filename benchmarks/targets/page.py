"""Targets page: what was compared of each design and by what, as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Sequence[Mapping[str, Any]]


def page(found: Found, machine: Mapping[str, str], *, predictions: int, ap_types: bool) -> str:
    """The whole of targets.md. ap_types: whether the C++ was built with the open headers too."""
    lines = [*_head(ap_types), *_ops(found), *_predictions(found, predictions), *_csim(found), *_estimates(found)]
    return "\n".join([*lines, *_commands(found, machine)]) + "\n"


def _head(ap_types: bool) -> Iterator[str]:
    option = " --ap-types DIR" if ap_types else ""
    yield "# Targets, held against golden"
    yield ""
    yield f"Made by `.venv/bin/python -m benchmarks.targets{option}` (`make results-targets`), which ends with an"
    yield "error at the first difference: this page is written only where everything below is equal. Seconds are of"
    yield "CPU, of one process and the compilers that it calls."
    if ap_types:
        yield "DIR was the folder of the open `ap_int.h` that hls4ml ships (`hls4ml/templates/vivado/ap_types`)."
    else:
        yield "It was given no `--ap-types`, so the C++ was built with the stand-in of the project alone."
    yield ""


def _ops(found: Found) -> Iterator[str]:
    yield "## Every op, every step"
    yield ""
    yield "`qssmc verify DIR --sequences 20 --target ...`: every element of every op at every step of whole MNIST"
    yield "sequences, and again the outputs of what a user builds. The seconds are golden's too."
    yield ""
    yield "| design | by | ops | sequences × steps | values equal to golden | s |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        for what, run in one["runs"].items():
            ops = run["ops"]
            if ops is None:
                yield f"| {one['design'].case.title} | {what} | not run yet | | | |"
                continue
            yield (
                f"| {one['design'].case.title} | {what} | {ops['ops']} | {ops['sequences']} × {ops['steps']} "
                f"| {ops['values']:,} | {ops['cpu_seconds']:g} |"
            )
    yield ""


def _predictions(found: Found, count: int) -> Iterator[str]:
    yield "## Predictions"
    yield ""
    yield f"`qssmc eval DIR --engine ... --count {count} --dataset mnist`: the first {count:,} test images, on all of"
    yield "which each engine answers what golden answers. The open headers' streams lock a mutex at every element."
    yield ""
    columns = list(found[0]["runs"])
    yield f"| design | accuracy % | golden, s | {' | '.join(f'{what}, s' for what in columns)} |"
    yield "|" + "---|" * (3 + len(columns))
    for one in found:
        seconds = [_seconds(one["runs"][what]["predictions"]) for what in columns]
        if one["golden"] is None:
            yield f"| {one['design'].case.title} | not run yet |" + " |" * (1 + len(columns))
            continue
        row = [one["design"].case.title, f"{100 * one['right'] / count:.1f}", f"{one['golden']['cpu_seconds']:g}"]
        yield f"| {' | '.join([*row, *seconds])} |"
    yield ""


def _seconds(predictions: Mapping[str, Any] | None) -> str:
    return "not run yet" if predictions is None else f"{predictions['cpu_seconds']:g}"


def _csim(found: Found) -> Iterator[str]:
    yield "## The project by itself"
    yield ""
    yield "`make -C DIR/hls csim`, g++ and the stand-in alone, from nothing: both builds, every value of one sequence"
    yield "twice, and the outputs of all recorded ones."
    yield ""
    yield "| design | sequences | s |"
    yield "|---|---|---|"
    for one in (one for one in found if one["csim"] is not None):
        sequences, seconds = (one["csim"][name] for name in ("sequences", "cpu_seconds"))
        yield f"| {one['design'].case.title} | {sequences} | {seconds:g} |"
    yield ""


def _estimates(found: Found) -> Iterator[str]:
    yield "## Clocks and resources, expected"
    yield ""
    yield "What `qssmc compile --target hls,verilog --lanes P` tells (`report/targets.txt`): each target's schedule,"
    yield "and one model of what products and memories take on a Xilinx device, good to a factor of two, for LUTs to an"
    yield "order of magnitude. What yosys and nextpnr found on other devices is in verilog.md."
    yield ""
    yield "| design | P | target | clocks a sample | latency, clocks | DSP | BRAM18 | LUT |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in found:
        for (lanes, target), facts in one["estimates"].items():
            numbers = [facts[name] for name in ("interval_cycles", "latency_cycles", "dsp", "bram18", "luts")]
            told = " | ".join(f"{number:,}" for number in numbers)
            yield f"| {one['design'].case.title} | {lanes} | {target} | {told} |"
    yield ""


def _commands(found: Found, machine: Mapping[str, str]) -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield "```"
    yield from (one["design"].command for one in found)
    yield "```"
    yield ""
    compiler = machine["compiler"].split(" -")[0]
    runtime = f"onnx {machine['onnx']}, onnxruntime {machine['onnxruntime']}, numpy {machine['numpy']}"
    yield f"Measured on {machine['cpu']}, one process, {machine['system']}, {compiler}; {runtime}."
