"""Pareto: the best designs of many budgets, accuracy over memory and over effort, as rows, CSV and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qssmc.errors import UsageError
from qssmc.search.accuracy import ladder
from qssmc.search.candidate import Candidate
from qssmc.search.explore import Explorer
from qssmc.search.objective import Measured, float_bytes


@dataclass(frozen=True)
class Point:
    """One design of the sweep."""

    candidate: Candidate
    measured: Measured
    times_smaller: float


def sweep(explorer: Explorer, count: int) -> tuple[Point, ...]:
    """The best candidate of each of `count` budgets, tried in full; budgets with the same candidate are one point."""
    if explorer.objective.labelled is None:
        raise UsageError("--pareto needs labelled sequences; give --calib DATASET:COUNT")
    # Shapes and sensitivities first, all at once, so that a executor has something to share.
    shapes = [explorer.base(shape) for shape in explorer.shapes()]
    explorer.say(f"search: {len(shapes)} shapes")
    explorer.measured([(candidate, "trial") for candidate in shapes])
    candidates = [explorer.proven(budget).candidate for budget in ladder(explorer, count)]
    unique = list(dict.fromkeys(candidates))
    explorer.say(f"search: {len(unique)} designs")
    found = explorer.measured([(candidate, "full") for candidate in unique])
    whole = float_bytes(explorer.objective)
    points = [
        Point(candidate, measured, round(whole / measured.bytes, 3))
        for candidate, measured in zip(unique, found, strict=True)
    ]
    return tuple(sorted(points, key=lambda point: (point.measured.bits, point.measured.ace)))


def rows(points: Sequence[Point]) -> list[dict[str, Any]]:
    """The numbers of every point."""
    return [
        {
            "bytes": point.measured.bytes,
            "times_smaller": point.times_smaller,
            "ace": point.measured.ace,
            "accuracy": point.measured.accuracy,
            "loss": float(f"{point.measured.loss:.6g}"),
            "states": point.candidate.shape.states,
            "heads": point.candidate.shape.heads,
            "channels": point.candidate.shape.channels,
            "bits": " ".join(f"{name}={bits:g}" for name, bits in point.candidate.bits),
        }
        for point in points
    ]


def to_csv(points: Sequence[Point]) -> str:
    """A line a point, smallest first."""
    import csv
    import io

    stream = io.StringIO()
    table = rows(points)
    writer = csv.DictWriter(stream, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return stream.getvalue()
