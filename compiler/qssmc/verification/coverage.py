"""Coverage: the clamp edges and table entries of a graph, which of them sequences reach, and which none can.

A requant has two edges an element (re and im apart): it is reached where the rounded value lies beyond the clamp, not
where it lies on it by itself. A table has its entries, by row where rows differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Lut, Op, Requant
from qssmc.ir.table import Table

Values = Mapping[str, NDArray[Any]]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """Where the points of an op lie among all of them: first is the first one's number.

    kind: "low" and "high", the edges of every element of a requant in the order of its array, or "entry" of a table.
    """

    op: Op
    kind: str
    first: int
    count: int


class Points:
    """Every point of a graph, numbered."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.places: list[Place] = []
        self.count = 0
        steps = {op.name for op in graph.step_ops}
        self.every_step = frozenset(steps)
        for op in (*graph.step_ops, *(op for op in graph.last_ops if op.name not in steps)):
            if isinstance(op, Requant):
                for kind in ("low", "high"):
                    self._place(op, kind, int(np.prod(op.type.array_shape)))
            elif isinstance(op, Lut):
                self._place(op, "entry", op.entries.data.size)

    def _place(self, op: Op, kind: str, count: int) -> None:
        self.places.append(Place(op, kind, self.count, count))
        self.count += count

    def place_of(self, point: int) -> tuple[Place, int]:
        """The place of a point and its index there."""
        place = next(p for p in self.places if p.first <= point < p.first + p.count)
        return place, point - place.first

    def named(self, point: int) -> str:
        """A point in words."""
        place, index = self.place_of(point)
        if place.kind == "entry":
            assert isinstance(place.op, Lut)
            at = np.unravel_index(index, place.op.entries.data.shape)
            return f"%{place.op.name} entry {', '.join(str(int(i)) for i in at)}"
        at = np.unravel_index(index, place.op.type.array_shape)
        lane = ("", " re", " im")[len(at) > 1 and 1 + int(at[1])]
        return f"%{place.op.name} {place.kind} edge of element {int(at[0])}{lane}"


class Recorder:
    """Which points each of some sequences reaches; an observer of golden."""

    def __init__(self, points: Points, sequences: int) -> None:
        self.points = points
        self._entries = np.zeros((sequences, points.count), bool)
        self._rows = np.arange(sequences)[:, None]
        self._tables = [(p, _entry_of(p.op)) for p in points.places if isinstance(p.op, Lut)]
        self._extremes = {p.op.name: _Extremes(p.op, sequences) for p in points.places if isinstance(p.op, Requant)}

    def __call__(self, t: int, values: Values) -> None:
        """See every value of a step, or of the closing."""
        is_step = self.points.every_step <= values.keys()
        for place, entry in self._tables:
            if (place.op.name in self.points.every_step) == is_step:
                self._entries[self._rows, place.first + entry(values)] = True
        for name, extremes in self._extremes.items():
            if (name in self.points.every_step) == is_step:
                extremes.see(values)

    @property
    def seen(self) -> Flags:
        """(sequences, points)."""
        found = self._entries.copy()
        for place in self.points.places:
            if isinstance(place.op, Requant):
                beyond = self._extremes[place.op.name].beyond(place.kind)
                found[:, place.first : place.first + place.count] = beyond.reshape(len(found), -1)
        return found


class _Extremes:
    """The least and the most that a requant rounded to, of every sequence and element, before it clamped."""

    def __init__(self, op: Requant, sequences: int) -> None:
        self.op = op
        self._rounded = rounding_of(op)
        wide = np.iinfo(np.int64)
        self._least = np.full((sequences, *op.type.array_shape), wide.max)
        self._most = np.full((sequences, *op.type.array_shape), wide.min)

    def see(self, values: Values) -> None:
        rounded = self._rounded(values)
        np.minimum(self._least, rounded, out=self._least)
        np.maximum(self._most, rounded, out=self._most)

    def beyond(self, kind: str) -> Flags:
        low, high = (_over_parts(table, self.op) for table in (self.op.low, self.op.high))
        return np.asarray(self._least < low if kind == "low" else self._most > high)


def rounding_of(op: Requant) -> Callable[[Values], NDArray[Any]]:
    """A function of values that gives a requant's before they are clamped, by code apart from golden's rule."""
    multiplier, shift = (_over_parts(table, op) for table in (op.multiplier, op.shift))
    if len(op.inputs) == 1:
        (source,), half = op.inputs, (np.int64(1) << shift) >> 1
        return lambda values: (values[source] * multiplier + half) >> shift
    source, phase = op.inputs
    down, up = np.maximum(op.phase_bits - shift, 0), np.maximum(shift - op.phase_bits, 0)

    def rounded(values: Values) -> NDArray[Any]:
        start = values[phase][..., None] if op.type.complex else values[phase]
        value = values[source] * multiplier
        value += (start >> down) << up
        value >>= shift
        return np.asarray(value)

    return rounded


def _over_parts(table: Table, op: Op) -> NDArray[Any]:
    """A per-element table, repeated for re and im where the op is complex."""
    return np.repeat(table.data[..., None], 2, axis=-1) if op.type.complex and table.shape else table.data


def _entry_of(op: Lut) -> Callable[[Values], NDArray[Any]]:
    """A function of values that says which entries of a table are read."""
    first, (source,) = op.first.data, op.inputs
    if op.entries.data.ndim == 1:
        return lambda values: values[source] - first
    rows = np.arange(op.entries.shape[0]) * op.entries.shape[1]
    return lambda values: rows + values[source] - first


@dataclass(frozen=True)
class Coverage:
    """Of every op with edges or entries: how many there are, were reached, and cannot be.

    rows: (op, "clamp edges" or "table entries", all, reached, unreachable); open: points neither reached nor proven
    unreachable, in words.
    """

    rows: tuple[tuple[str, str, int, int, int], ...]
    open: tuple[str, ...]

    def total(self, what: str) -> tuple[int, int, int]:
        """All, reached and unreachable of one kind."""
        rows = [row[2:] for row in self.rows if row[1] == what]
        return sum(r[0] for r in rows), sum(r[1] for r in rows), sum(r[2] for r in rows)

    def as_json(self) -> dict[str, Any]:
        """For the command's JSON."""
        found: dict[str, Any] = {}
        for what in ("clamp edges", "table entries"):
            total, reached, never = self.total(what)
            found[what.replace(" ", "_")] = {
                "all": total,
                "reached": reached,
                "proven_unreachable": never,
                "not_reached": total - reached - never,
            }
        found["ops"] = [
            {"op": op, "kind": what, "all": total, "reached": reached, "proven_unreachable": never}
            for op, what, total, reached, never in self.rows
        ]
        found["not_reached"] = list(self.open)
        return found

    def sentence(self) -> str:
        """For the terminal."""
        parts = []
        for what in ("clamp edges", "table entries"):
            total, reached, never = self.total(what)
            if total:
                left = total - reached - never
                parts.append(
                    f"{reached} of {total} {what} reached, {never} proven unreachable"
                    + (f", {left} not reached and not proven unreachable" if left else "")
                )
        return "; ".join(parts) or "no clamp edge and no table"


def coverage_of(points: Points, seen: Flags, unreachable: Flags) -> Coverage:
    """What sequences reached. seen and unreachable: (points,)."""
    counted: dict[tuple[str, str], list[int]] = {}
    for place in points.places:
        part = slice(place.first, place.first + place.count)
        key = (place.op.name, "table entries" if place.kind == "entry" else "clamp edges")
        row = counted.setdefault(key, [0, 0, 0])
        row[0] += place.count
        row[1] += int(seen[part].sum())
        row[2] += int((unreachable[part] & ~seen[part]).sum())
    left = np.flatnonzero(~seen & ~unreachable)
    return Coverage(
        tuple((op, what, row[0], row[1], row[2]) for (op, what), row in counted.items()),
        tuple(points.named(int(point)) for point in left),
    )


def greedy_cover(seen: Flags) -> list[int]:
    """Sequences that together reach what all of them reach, the one that adds most first. seen: (sequences, points)."""
    return list(_greedy(seen))


def _greedy(seen: Flags) -> Iterator[int]:
    left = seen.copy()
    while left.any():
        best = int(left.sum(axis=1).argmax())
        yield best
        left[:, left[best]] = False
