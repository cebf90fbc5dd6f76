"""Crossbar page: the measurements of crossbar.py as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from benchmarks.crossbar.points import CASES
from qssmc_sim.crossbar import PRESETS

_HEAD = """# Designs on crossbar arrays

Written by `make results-crossbar` (`benchmarks/crossbar`), but for what names another command. Nothing is trained
for the errors of arrays. Accuracies are of the test sets; how many sequences and drawn devices a point has stands
beside it, and its interval is a 95 % bootstrap interval over both. Designs are in oscillator form with 8-bit weights,
8-bit DACs and 64x64 arrays; `ideal %` is the same design on the same sequences without any error of cells:

    plain="--target crossbar --form oscillator --weight-bits 8 --states 8 --state-bits 10 --a-bits 10 --fill 0 \\
      --bits-by none --no-place --no-clip"
    qssmc compile examples/s4d16_mnist.pt $plain --adc-bits 6 --calib mnist:112 -o out
    qssmc simulate out --dataset mnist --noise 0.01 --correct refit --calib mnist:64 --trials 10 --count 1000
    qssmc compile examples/s4d3_zero_one.pt $plain --bits W8A12 --adc-bits 8 --calib zero-one:112 -o three
    qssmc simulate three --dataset zero-one --noise 0.01 --correct refit --calib zero-one:64 --trials 10

The errors: `programming` is the standard deviation of every programmed weight relative to its column's largest weight;
`read` the same of every single read. Cells of weight zero are unformed and hold nothing, but for the line `idle`, where
they have the errors of programmed ones. Corrections: `none`, no device is looked at; `scale`, the digital scale of each
state column follows its own cell as read back; `refit`, that, and the y columns are fitted to the device's own states
and programmed last, cell by cell. Wires are a series resistance model: each cell sees its own path. Where no other
error is named, the programming error is 1 %.

| device | source of its numbers |
|---|---|
{presets}
"""
_EXACT = """## Exact with ideal converters

S4D-16 pruned to six states a head, whole test sequences in integers. `arrays`: the graph of the arrays with ideal
converters beside that of the fused products, every value of every op that both have, at every step. `unfused`: outputs
of the fused graph beside those of the design before, which are the same where y comes late; looking ahead leaves out a
rounding of the state, so that y has other last bits by design. `qssmc verify` does the same on the recorded sequences
of any compiled folder.

| form | steps that y is late | sequences × steps | arrays: values the same | unfused: outputs the same |
|---|---|---|---|---|"""
_CHECKED = """## Checked against others

The exported conductances loaded into aihwkit (ideal inference tile, float32) and into CrossSim (float64 core) give the
products of every read to float precision: the largest differences over 28 arrays and 32 random drives each are 0.049
and 1.2e-10 levels, about 5 % of what the rounding of their floats allows (`examples/crossbar/load_aihwkit.py` and
`load_crosssim.py`; [the map](../crossbar_map.md) says how).
"""
_TRIED = """## Three heads: what was tried

Golden accuracy on the 60 test recordings, of 8 states a head on one array. By hand: the compile command above with the
flags named, and `qssmc eval three --engine golden --dataset zero-one`; the model without a norm is
`qssmc train --dataset zero-one --norm none -o plain.pt`. Loudness is the trouble: recordings differ forty times in it,
and the quietest reach no more than a code or two of an 8-bit row driver.

| model | bits between ops | DAC, ADC bits | accuracy % |
|---|---|---|---|
| no norm | `--bits W8A8` | 8, 8 | 81.7 (4, 6, 10 states: 76.7, 80.0, 83.3; `--clip`: 78.3) |
| no norm | `--bits W8A8` | 8, 12 | 83.3 |
| no norm | `--bits W8A12 --state-bits 12 --a-bits 12` | 8, 8 | 76.7 (`--clip --input-bits 12`: 80.0) |
| no norm | the same | 12, 8 | 86.7 |
| no norm | the same | 12, 12 | 98.3 |
| layer norm before the heads, shipped | `--bits W8A8` | 8, 8 | 95.0 |
| layer norm before the heads, shipped | `--bits W8A12` | 8, 8 | 100.0 |
| layer norm before the heads, shipped | `--bits W8A12` | 8, 6 | 96.7 |

60 of 60 right is a share above 95.1 % with 95 % confidence (one-sided).
"""
_FULL = """## How full the arrays are

A cell counts where its target is above the window's lowest conductance: one of the pair of a signed weight that is
not zero, and once however often it is read. The share is of all cells of all arrays that are used. With `--reads`
above 1 an array is read that often in a step, each time with the rows of one tile driven and its columns converted,
so that tiles lie side by side in both directions; the price is time, for the reads of an array come one after
another. Published is the mapping of the same model before pruning, each head on arrays of its own, four lanes a state
(`report/arrays.json` of any compile).

| design | array | bits | packing | `--reads` | arrays | reads | cells | share % | theirs: arrays | share % | fuller |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def page(
    found: Sequence[dict[str, Any]],
    efforts: Sequence[dict[str, Any]],
    layouts: Sequence[dict[str, Any]],
    exact: Sequence[dict[str, Any]],
) -> str:
    """The whole page. exact: of every form, what was the same."""
    presets = "\n".join(f"| {name} | {device.source} |" for name, device in PRESETS.items())
    parts = [_HEAD.format(presets=presets), *_asked(found), *_exact(exact), _CHECKED, *_layouts(layouts), _TRIED]
    return "\n".join([*parts, *_efforts(efforts), *_sweeps(found)]) + "\n"


def _asked(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What was asked, and what came of it."""
    yield "## What was asked\n"
    yield "| asked | measured |"
    yield "|---|---|"
    large, small = (case.name for case in CASES)
    for sigma, most in ((0.01, 2), (0.03, 6)):
        p = _one(found, large, sigma, "refit")
        yield (
            f"| {large}, {100 * sigma:g} % programming error, 6-bit ADC: at most {most} points lost "
            f"| {p['ideal'] - p['accuracy']:.2f} points ({p['accuracy']:.2f} of {p['ideal']:.2f} %, {p['sequences']} "
            f"sequences × {p['devices']} devices); published with retraining at 1 %: 8 points |"
        )
    ideal, one = _one(found, small, 0.0, "none"), _one(found, small, 0.01, "refit")
    yield (
        f"| three heads, zero or one, on one 64x64 array: above 95 % | {ideal['ideal']:.2f} % ideal, "
        f"{one['accuracy']:.2f} % ({one['low']:.2f} to {one['high']:.2f}) at 1 % programming error, {one['sequences']} "
        f"recordings × {one['devices']} devices; published: 95.06 % in software, 81.69 % on three arrays |"
    )
    speed = _one(found, large, 0.03, "none")
    alone = f"{speed['cpu_seconds']:.0f} CPU seconds in one process, " if speed["jobs"] == 1 else ""
    yield (
        f"| {speed['sequences']} sequences of 784 steps on {speed['devices']} devices within 120 s on two cores "
        f"| {alone}{speed['seconds']:.0f} s by the clock with `--jobs {speed['jobs']}` |\n"
    )


def _one(found: Sequence[dict[str, Any]], case: str, sigma: float, correction: str) -> dict[str, Any]:
    """A point of the programming sweep."""
    asked = (case, "programming", sigma, correction)
    return next(p for p in found if (p["case"], p["sweep"], p["value"], p["correction"]) == asked)


def _exact(exact: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield _EXACT
    for e in exact:
        unfused = f"{e['unfused']} of {e['unfused']}" if e["late"] else "not compared"
        yield (
            f"| {e['form']} | {e['late']} | {e['sequences']} × {e['steps']} | {e['arrays']:,} of {e['arrays']:,} "
            f"({e['ops']} ops) | {unfused} |"
        )
    yield ""


def _layouts(layouts: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield _FULL
    for a in layouts:
        theirs = a["published"]
        yield (
            f"| {a['title']} | {a['size'][0]}x{a['size'][1]} | {a['weight_bits']} | {a['packing']} | {a['allowed']} "
            f"| {a['arrays']} | {a['reads_per_step']} | {a['programmed_cells']} | {a['utilisation_percent']:.1f} "
            f"| {theirs['arrays']} | {theirs['utilisation_percent']:.1f} | {a['times_fuller']:.2f} |"
        )
    yield ""


def _efforts(efforts: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Effort\n"
    yield "Times less than the float model; [what counts](crossbar_complexity.md). The three heads have 12 bits between"
    yield "ops, whose tables of 4,096 entries outweigh the 302 parameters many times.\n"
    yield "| design | arrays | ACE × less | size × less | ADC effort × less |"
    yield "|---|---|---|---|---|"
    for e in efforts:
        yield f"| {e['case']} | {e['arrays']} | {e['ace']:.1f} | {e['size']:.1f} | {e['adc']:.1f} |"
    yield "| QS4D with retraining (arXiv 2507.06079) | | 130 | 12.2 | 10.8 |"
    yield "| QS4D, PTQ alone | | 11.3 | 4.2 | 2.7 |\n"


def _sweeps(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for case, own in groupby(found, key=lambda point: point["case"]):
        yield f"## {case}\n"
        yield "| error | value | ADC bits | correction | ideal % | accuracy % | interval | worst device % | measured |"
        yield "|---|---|---|---|---|---|---|---|---|"
        for p in own:
            yield (
                f"| {p['sweep']} | {p['value']:g} | {p['adc']} | {p['correction']} | {p['ideal']:.2f} "
                f"| {p['accuracy']:.2f} | {p['low']:.2f} to {p['high']:.2f} | {p['worst']:.2f} "
                f"| {p['sequences']} × {p['devices']} |"
            )
        yield ""
