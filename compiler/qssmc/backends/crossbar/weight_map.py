"""Weight map: what to program, from the graph of the arrays and the plan that it was made by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout import ArrayLayout, PlannedRead, converter_of, lay_out, products_of
from qssmc.backends.crossbar.registers import Register, sources, targets
from qssmc.crossbar.map import (
    CELLS,
    FORMAT,
    VERSION,
    Array,
    ArrayEntry,
    Column,
    CrossbarMap,
    Dither,
    Drive,
    MapFile,
    MapRow,
    Read,
    RowLine,
    Size,
    WindowRecord,
)
from qssmc.crossbar.names import ADC, original
from qssmc.crossbar.options import CrossbarOptions
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Advance, Requant

STEP = (
    "convert every row's value to its DAC code",
    "phase by phase: for each read drive its rows, all others at 0 V, and let its columns settle",
    "convert the difference of each column's plus and minus line to its ADC code",
    "shift each code by its exponent and add those of one register; round, add to the state or replace it, saturate",
    "advance the phase that dithers",
)


def map_of(graph: Graph, fused: Graph, options: CrossbarOptions) -> CrossbarMap:
    """The map of a graph of arrays. fused: the graph that they were laid from, with the same options."""
    laid = lay_out(fused, options)
    products = products_of(fused)
    rows = {name: sources(fused, op) for name, op in products.items()}
    columns = {name: targets(fused, op) for name, op in products.items()}
    converters = _converters(graph) if graph is not fused else _behind(graph, laid, columns)
    cells = [_Cells(options) for _ in range(laid.arrays)]
    for read in laid.reads:
        cells[read.array].add(read, _read(read, laid, rows, columns, converters[read.name]))
    arrays = tuple(
        Array(name=f"array_{index}", levels=own.levels, conductance=own.conductance, reads=tuple(own.reads))
        for index, own in enumerate(cells)
    )
    return CrossbarMap(file=_file(graph, options, laid, arrays), arrays=arrays)


def _file(graph: Graph, options: CrossbarOptions, laid: ArrayLayout, arrays: Sequence[Array]) -> MapFile:
    window = options.window
    return MapFile.model_validate(
        {
            "format": FORMAT,
            "version": VERSION,
            "name": graph.name,
            "form": options.form,
            "encoding": options.encoding,
            "size": Size(rows=options.size[0], columns=options.size[1]),
            "weight_bits": options.weight_bits,
            "dac_bits": options.dac_bits,
            "adc_bits": options.adc_bits,
            "window": WindowRecord(g_min=window.g_min, g_max=window.g_max, v_read=window.v_read),
            "dither": _dither(graph),
            "cells": CELLS,
            "step": STEP,
            "arrays": tuple(ArrayEntry(name=array.name, reads=array.reads) for array in arrays),
        }
    )


def _dither(graph: Graph) -> Dither | None:
    """The counter that the dithered converters share."""
    dithered = (op for op in graph.ops if isinstance(op, Requant) and op.name.endswith(ADC) and len(op.inputs) == 2)
    phases = [graph.updates.get(op.inputs[1]) for op in dithered]
    found = [graph[name] for name in phases if name is not None]
    advance = next((op for op in (*found, *graph.ops) if isinstance(op, Advance)), None)
    return Dither(bits=advance.bits, step=advance.step) if advance is not None else None


class _Converter:
    """The ADC of one column: its place in a requant's tables."""

    def __init__(self, op: Requant, at: int) -> None:
        self.op, self.at = op, at

    def value(self, attribute: str) -> int:
        """This column's number in a table."""
        data = getattr(self.op, attribute).data
        return int(data if not data.ndim else data[self.at])


def _converters(graph: Graph) -> dict[str, dict[int, _Converter]]:
    """The converter of every column of every read."""
    found: dict[str, dict[int, _Converter]] = {}
    for op in graph.ops:
        if (product := converter_of(graph, op)) is not None:
            assert isinstance(op, Requant)
            for at, column in enumerate(product[1].tolist()):
                found.setdefault(original(product[0].name), {}).setdefault(column, _Converter(op, at))
    return found


def _behind(graph: Graph, laid: ArrayLayout, columns: dict[str, list[Register]]) -> dict[str, dict[int, _Converter]]:
    """The same for a graph whose kernels the arrays hold as they are, each column with the converter behind it."""
    found: dict[str, dict[int, _Converter]] = {}
    placed: set[tuple[str, int]] = set()
    for read in laid.reads:
        for at, column in enumerate(read.columns):
            if (column.op, column.column) in placed:
                raise UsageError(
                    f"%{column.op} does not fit on one array of {laid.options.size[0]}x{laid.options.size[1]}, and the "
                    "oscillator form splits no head; give a larger --array, or fewer --states"
                )
            placed.add((column.op, column.column))
            target = columns[column.op][column.column]
            converter = graph[target.name]
            assert isinstance(converter, Requant)
            found.setdefault(read.name, {})[at] = _Converter(converter, target.element)
    return found


def _read(
    read: PlannedRead,
    laid: ArrayLayout,
    rows: dict[str, list[Register]],
    columns: dict[str, list[Register]],
    converters: dict[int, _Converter],
) -> Read:
    options = laid.options
    top = max([1, *np.abs(read.weight).ravel().tolist()])
    made = []
    for at, column in enumerate(read.columns):
        adc, target = converters[at], columns[column.op][column.column]
        largest = int(np.abs(read.weight[at]).max(initial=0)) or top
        made.append(
            Column(
                register=target.name,
                element=target.element,
                exponent=column.exponent + adc.value("shift"),
                shift=adc.value("shift"),
                low=adc.value("low"),
                high=adc.value("high"),
                dithered=len(adc.op.inputs) == 2,
                plus=column.plus,
                minus=column.minus,
                unit=(options.window.g_max - options.window.g_min) / largest,
            )
        )
    return Read(op=read.name, phase=read.phase, rows=tuple(_rows(read, laid, rows)), columns=tuple(made))


def _rows(read: PlannedRead, laid: ArrayLayout, rows: dict[str, list[Register]]) -> list[MapRow]:
    made = []
    for row in read.rows:
        source = rows[row.op][row.row]
        drives: tuple[Drive, ...] = ("inverted",) if row.inverted else ("signed",)
        if laid.options.encoding == "four-lane":
            drives = ("positive", "negative")
        lines = tuple(RowLine(line=row.line + lane, drive=drive) for lane, drive in enumerate(drives))
        gain = int(laid.gains[row.op][row.row])
        made.append(MapRow(register=source.name, element=source.element, gain=gain, bits=laid.dac_bits, lines=lines))
    return made


class _Cells:
    """One array in the making."""

    def __init__(self, options: CrossbarOptions) -> None:
        self.options = options
        self.levels: NDArray[np.int64] = np.zeros(options.size, np.int64)
        self.conductance: NDArray[np.float64] = np.full(options.size, options.window.g_min)
        self.reads: list[Read] = []

    def add(self, planned: PlannedRead, read: Read) -> None:
        """Program the cells of a read: a weight's magnitude on the line of its sign."""
        for j, column in enumerate(read.columns):
            for i, row in enumerate(read.rows):
                weight = int(planned.weight[j, i])
                for line in row.lines:
                    sign = -1 if line.drive in ("inverted", "negative") else 1
                    side = column.plus if weight * sign > 0 else column.minus
                    if weight:
                        self.levels[line.line, side] = abs(weight)
                        self.conductance[line.line, side] += abs(weight) * column.unit
        self.reads.append(read)
