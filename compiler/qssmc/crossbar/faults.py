"""Faults: what a well-formed map can still have wrong, each with the field it is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qssmc.crossbar.map import Array, MapFile, Read

_CLOSE = 1e-9  # of the window: how near a conductance must be to that of its level


def faults_of(file: MapFile, arrays: Sequence[Array]) -> Iterator[str]:
    """Every fault of a map whose fields have the right types and whose cells have the right shape."""
    if file.window.g_max <= file.window.g_min:
        yield f"window.g_max: it is {file.window.g_max:g} µS, not above g_min ({file.window.g_min:g} µS)"
        return
    names = [read.op for array in arrays for read in array.reads]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"arrays: two reads are both named {name}"
    for index, array in enumerate(arrays):
        where = f"arrays[{index}]"
        lines = list(_line_faults(file, array, where))
        yield from lines
        if not lines:
            yield from _level_faults(file, array, where)


def _line_faults(file: MapFile, array: Array, where: str) -> Iterator[str]:
    """Lines that do not exist or are named twice, and drives that do not suit the encoding."""
    wanted = ("positive", "negative") if file.encoding == "four-lane" else None
    for number, read in enumerate(array.reads):
        at = f"{where}.reads[{number}]"
        seen: dict[int, str] = {}
        for i, row in enumerate(read.rows):
            drives = tuple(line.drive for line in row.lines)
            if wanted is not None and drives != wanted:
                yield f"{at}.rows[{i}].lines: four lanes need a positive and a negative line, not {', '.join(drives)}"
            if wanted is None and drives not in (("signed",), ("inverted",)):
                yield f"{at}.rows[{i}].lines: two lanes need one signed or inverted line, not {', '.join(drives)}"
            for line in row.lines:
                yield from _line(line.line, file.size.rows, f"{at}.rows[{i}].lines", "rows", seen)
        yield from _column_faults(file, array, read, at)


def _column_faults(file: MapFile, array: Array, read: Read, at: str) -> Iterator[str]:
    seen: dict[int, str] = {}
    lines = [line.line for row in read.rows for line in row.lines if line.line < file.size.rows]
    for j, column in enumerate(read.columns):
        if column.low > column.high:
            yield f"{at}.columns[{j}].low: {column.low} is above high, which is {column.high}"
        if file.adc_bits is not None and column.high - column.low >= 1 << file.adc_bits:
            yield f"{at}.columns[{j}].high: {column.low}..{column.high} are more codes than {file.adc_bits} bits have"
        if column.plus == column.minus:
            yield f"{at}.columns[{j}].minus: it is line {column.minus}, the same as plus"
        for side in ("plus", "minus"):
            line = getattr(column, side)
            empty = line < file.size.columns and not array.levels[lines, line].any()
            yield from _line(line, file.size.columns, f"{at}.columns[{j}].{side}", "columns", {} if empty else seen)


def _line(line: int, count: int, where: str, kind: str, seen: dict[int, str]) -> Iterator[str]:
    if line >= count:
        yield f"{where}: there is no line {line} in an array of {count} {kind}"
    elif line in seen:
        yield f"{where}: line {line} is already taken by {seen[line]}"
    seen.setdefault(line, where)


def _level_faults(file: MapFile, array: Array, where: str) -> Iterator[str]:
    """Levels beyond a cell, cells that nothing reads, and conductances that are not those of their levels."""
    top, window = (1 << (file.weight_bits - 1)) - 1, file.window
    if (found := _first((array.levels < 0) | (array.levels > top))) is not None:
        yield (
            f"{where}: {array.name}.levels{list(found)} is {array.levels[found]}, but cells of {file.weight_bits}-bit "
            f"weights have levels 0 to {top}"
        )
        return
    expected = np.full(array.levels.shape, window.g_min)
    used = np.zeros(array.levels.shape, bool)
    for read in array.reads:
        lines = np.array([line.line for row in read.rows for line in row.lines], np.int64)
        for column in read.columns:
            for side in (column.plus, column.minus):
                used[lines, side] = True
                expected[lines, side] = window.g_min + array.levels[lines, side] * column.unit
        yield from _lane_faults(file, array, read, where)
    if (found := _first((array.levels != 0) & ~used)) is not None:
        yield f"{where}: {array.name}.levels{list(found)} is {array.levels[found]}, but no read has that row and column"
    span = window.g_max - window.g_min
    if (found := _first(~(np.abs(array.conductance - expected) <= _CLOSE * span))) is not None:
        yield (
            f"{where}: {array.name}.conductance{list(found)} is {array.conductance[found]:.9g} µS, but level "
            f"{array.levels[found]} of its column is {expected[found]:.9g} µS"
        )
    elif (found := _first(array.conductance > window.g_max + _CLOSE * span)) is not None:
        yield f"{where}: {array.name}.conductance{list(found)} is {array.conductance[found]:.9g} µS, above window.g_max"


def _lane_faults(file: MapFile, array: Array, read: Read, where: str) -> Iterator[str]:
    """Of four lanes, the negative row must hold what the positive one holds, with plus and minus exchanged."""
    if file.encoding != "four-lane":
        return
    plus, minus = ([getattr(column, side) for column in read.columns] for side in ("plus", "minus"))
    for i, row in enumerate(read.rows):
        one, other = (array.levels[line.line] for line in row.lines)
        if (one[plus] != other[minus]).any() or (one[minus] != other[plus]).any():
            of = f"rows[{i}] ({row.register_}[{row.element}]) of {read.op}"
            yield f"{where}: the two lines of {of} hold different weights"


def _first(mask: NDArray[np.bool_]) -> tuple[int, int] | None:
    found = np.argwhere(mask)
    return (int(found[0][0]), int(found[0][1])) if len(found) else None
