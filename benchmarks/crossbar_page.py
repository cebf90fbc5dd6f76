"""Crossbar page: the measurements of crossbar.py as Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

_HEAD = """# Designs on crossbar arrays

Written by `make results-crossbar` (`benchmarks/crossbar.py`). {count} test sequences at most, {trials} drawn devices a
point; intervals are 95 % bootstrap intervals over devices and sequences. Oscillator form, 8-bit weights, 8-bit DACs,
64x64 arrays; nothing is trained.

The errors: `programming` is the standard deviation of every programmed weight relative to its column's largest weight;
`read` the same of every single read. Cells of weight zero are unformed and hold nothing, but for the line `idle`, where
they have the errors of programmed ones. Corrections: `none`, no device is looked at; `scale`, the digital scale of each
state column follows its own cell as read back; `refit`, that, and the y columns are fitted to the device's own states
and programmed last, cell by cell. Wires are a series resistance model: each cell sees its own path. Drift is that of
the PCM-like preset, age in seconds since the first read.
"""


def page(found: Sequence[dict[str, Any]], arrays: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """The whole page."""
    return (
        "\n".join([_HEAD.format(count=options.count, trials=options.trials), *_sweeps(found), *_arrays(arrays)]) + "\n"
    )


def _sweeps(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for case, own in groupby(found, key=lambda point: point["case"]):
        rows = list(own)
        yield f"## {case}\n"
        yield "| error | value | ADC bits | correction | ideal % | accuracy % | 95 % interval | worst device % | s |"
        yield "|---|---|---|---|---|---|---|---|---|"
        for p in rows:
            yield (
                f"| {p['sweep']} | {p['value']:g} | {p['adc']} | {p['correction']} | {p['ideal']:.2f} "
                f"| {p['accuracy']:.2f} | {p['low']:.2f} to {p['high']:.2f} | {p['worst']:.2f} | {p['seconds']:.0f} |"
            )
        yield ""


def _arrays(arrays: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Arrays and effort\n"
    yield (
        "| design | arrays | cells of weight | utilisation % (published 6) "
        "| ACE x less | size x less | ADC effort x less |"
    )
    yield "|---|---|---|---|---|---|---|"
    for a in arrays:
        yield (
            f"| {a['case']} | {a['arrays']} | {a['cells']} | {a['utilisation']:.1f} | {a['ace']:.1f} | {a['size']:.1f} "
            f"| {a['adc']:.1f} |"
        )
    yield "| QS4D with retraining (arXiv 2507.06079) | | | | 130 | 12.2 | 10.8 |"
    yield "| QS4D, PTQ alone | | | | 11.3 | 4.2 | 2.7 |"
