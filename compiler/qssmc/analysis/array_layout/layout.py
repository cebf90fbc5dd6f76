"""Layout: which cell of which array holds what, from a fused graph and the arrays that a user has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout.pack import Tile, lines_of, pack, wire_length
from qssmc.analysis.array_layout.parts import CellPart, Logical, LogicalBlock, blocks_of
from qssmc.analysis.array_layout.shelves import Spot, shelve
from qssmc.analysis.bounds import bounds
from qssmc.crossbar.names import KERNEL, original
from qssmc.crossbar.options import CrossbarOptions, Packing
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Xbar
from qssmc.ir.types import width_of

Integers = NDArray[np.int64]
Phased = tuple[int, Tile]  # the phase of a step in which a tile is read


@dataclass(frozen=True)
class PlannedColumn:
    """A slice of column `column` of an op; plus and minus are lines of the array."""

    op: str
    column: int
    exponent: int
    plus: int
    minus: int


@dataclass(frozen=True)
class PlannedRow:
    """Row `row` of an op on a line of the array (four-lane: on that line and the next), driven inverted or not."""

    op: str
    row: int
    line: int
    inverted: bool


@dataclass(frozen=True)
class PlannedRead:
    """One row drive of one array. weight: (columns, rows), signed levels; reads of one phase need no other."""

    name: str
    array: int
    phase: int
    rows: tuple[PlannedRow, ...]
    columns: tuple[PlannedColumn, ...]
    weight: Integers


@dataclass(frozen=True)
class ArrayLayout:
    """options with dac_bits as they came to be; gains: of every op's rows; wires: their length, in cells."""

    options: CrossbarOptions
    dac_bits: int
    gains: Mapping[str, Integers]
    reads: tuple[PlannedRead, ...]
    arrays: int
    wires: int

    def reads_of(self, op: str) -> tuple[PlannedRead, ...]:
        """The reads that hold columns of an op."""
        return tuple(read for read in self.reads if any(column.op == op for column in read.columns))


def products_of(graph: Graph) -> dict[str, Xbar]:
    """The products of a graph by original name, each as it first appears."""
    found: dict[str, Xbar] = {}
    for op in graph.ops:
        if isinstance(op, Xbar):
            found.setdefault(original(op.name), op)
    return found


def lay_out(graph: Graph, options: CrossbarOptions) -> ArrayLayout:
    """Lay every xbar op of a fused integer graph onto arrays.

    Raises UsageError where an array is smaller than one state, UnsupportedModelError where there is nothing to lay.
    """
    products = products_of(graph)
    if not products:
        raise UnsupportedModelError(f"graph {graph.name} has no SSM kernel that an array could hold")
    widths = _row_widths(graph, products)
    dac = options.dac_bits or max(int(bits.max(initial=1)) for bits in widths.values())
    # The rows of oscillators are DAC codes already, however few of them a calibration found.
    codes = options.form == "oscillator"
    gains = {name: np.zeros_like(bits) if codes else dac - bits for name, bits in widths.items()}
    groups: dict[tuple[bool, int], list[Logical]] = {}
    depths, every_step = _depths(graph), {op.name for op in graph.step_ops}
    for name, op in products.items():
        logical = Logical(name, op.weight.data, gains[name], KERNEL in name)
        groups.setdefault((op.name in every_step, depths[op.name]), []).append(logical)
    ordered = [groups[key] for key in sorted(groups, key=lambda key: (not key[0], key[1]))]
    tiles, spots = _tiles(ordered, options)
    return _placed(tiles, spots, options, dac, gains)


def _row_widths(graph: Graph, products: Mapping[str, Xbar]) -> dict[str, Integers]:
    """The bits of each row's value, as a signed number."""
    proven = bounds(graph)

    def signed(low: int, high: int) -> int:
        width, has_sign = width_of(low, high)
        return width if has_sign else width + 1

    found = {}
    for name, op in products.items():
        value = proven[op.inputs[0]].value
        found[name] = np.array([signed(int(a), int(b)) for a, b in zip(value.low, value.high, strict=True)], np.int64)
    return found


def _depths(graph: Graph) -> dict[str, int]:
    """How many products lie before each op within a step: those of one depth can be read at once."""
    depth: dict[str, int] = {}
    for op in graph.ops:
        depth[op.name] = max([depth[name] + isinstance(graph[name], Xbar) for name in op.inputs], default=0)
    return depth


def _tiles(groups: Sequence[Sequence[Logical]], options: CrossbarOptions) -> tuple[list[Phased], list[Spot]]:
    """The tiles and where each lies: on the fewest arrays, then with the fewest reads, then with the shortest wires.

    Tiles of several greatest sizes are tried: the smaller they are, the fuller an array gets, and the more reads a step
    takes.
    """
    best: tuple[tuple[int, ...], list[Phased], list[Spot]] | None = None
    fault: UsageError | None = None
    for cut, packing in _cuts(options):
        size = options.size[0] // cut[0], options.size[1] // cut[1]
        packed = replace(options, packing=packing)
        try:
            tiles = [
                (phase, tile)
                for phase, group in enumerate(groups)
                for tile in pack(_blocks(group, size, options), size, packed)
            ]
        except UsageError as error:  # tiles too small; whole arrays are the first that is tried
            fault = fault or error
            continue
        if options.form == "oscillator" and best is not None and _splits(tiles):
            continue  # its y has one converter
        spots = shelve([lines_of(tile.parts, options.encoding) for _, tile in tiles], options.size, options.reads)
        cost = (1 + max(spot.array for spot in spots), len(tiles), _wires(tiles, spots))
        if best is None or cost < best[0]:
            best = cost, tiles, spots
    if best is None:
        assert fault is not None
        raise fault
    return best[1], best[2]


def _cuts(options: CrossbarOptions) -> list[tuple[tuple[int, int], Packing]]:
    """Into how many parts an array is cut downwards and across for its largest tile, first into one; and whether heads
    share tiles, which takes the fewest reads, or have their own, which are fuller.
    """
    rows, columns = options.size
    cuts = {(1, 1): None}
    for height in range(rows, 0, -1):
        down = rows // height
        if down <= options.reads and rows // down == height:
            cuts |= {(down, 1): None, (down, min(columns, options.reads // down)): None}
    ways: tuple[Packing, ...] = (options.packing,)
    if options.reads > 1:
        ways = (options.packing, "one-head")
    return [(cut, way) for cut in cuts for way in dict.fromkeys(ways)]


def _splits(tiles: Sequence[Phased]) -> bool:
    names = [part.name for _, tile in tiles for part in tile.parts]
    return len(set(names)) < len(names)


def _wires(tiles: Sequence[Phased], spots: Sequence[Spot]) -> int:
    """Lines' lengths in cells, from every programmed cell to the edges of its array."""
    return sum(
        wire_length(tile) + (spot.row + spot.column) * sum(int(np.count_nonzero(part.cells)) for part in tile.parts)
        for (_, tile), spot in zip(tiles, spots, strict=True)
    )


def _blocks(group: Sequence[Logical], size: tuple[int, int], options: CrossbarOptions) -> list[LogicalBlock]:
    lines = options.lanes // 2  # of a row
    return [block for logical in group for block in blocks_of(logical, max(1, size[0] // lines))]


def _placed(
    tiles: Sequence[Phased], spots: Sequence[Spot], options: CrossbarOptions, dac: int, gains: Mapping[str, Integers]
) -> ArrayLayout:
    """Lines for every tile: rows and columns with the most cells nearest to their drivers and converters."""
    arrays = 1 + max(spot.array for spot in spots)
    reads = []
    for spot, (phase, tile) in sorted(zip(spots, tiles, strict=True), key=lambda at: (at[0].array, at[0].place)):
        name = f"array_{spot.array}" if options.reads == 1 else f"array_{spot.array}_read_{spot.place}"
        reads.append(_read(tile, name, spot.array, phase, (spot.row, spot.column), options))
    return ArrayLayout(options, dac, gains, tuple(reads), arrays, _wires(tiles, spots))


def _read(
    tile: Tile, name: str, array: int, phase: int, corner: tuple[int, int], options: CrossbarOptions
) -> PlannedRead:
    rows = [(part, r) for part in tile.parts for r in range(len(part.rows))]
    columns = [(part, c) for part in tile.parts for c in range(len(part.columns))]
    rows.sort(key=lambda at: -int((at[0].cells[:, at[1]] != 0).sum()))
    columns.sort(key=lambda at: -int((at[0].cells[at[1]] != 0).sum()))
    weight = np.zeros((len(columns), len(rows)), np.int64)
    for j, (part, c) in enumerate(columns):
        for i, (other, r) in enumerate(rows):
            if other is part:
                weight[j, i] = part.cells[c, r]
    lines = options.lanes // 2
    planned_rows = tuple(
        PlannedRow(part.name, part.rows[r], corner[0] + lines * i, bool(part.flips[r] < 0))
        for i, (part, r) in enumerate(rows)
    )
    return PlannedRead(name, array, phase, planned_rows, _columns(columns, corner[1], options), weight)


def _columns(
    columns: Sequence[tuple[CellPart, int]], start: int, options: CrossbarOptions
) -> tuple[PlannedColumn, ...]:
    """The two lines of every slice; where one lane has no cell, it is the tile's last line, which has none at all."""
    wanted = [
        (True, True) if options.encoding == "four-lane" else tuple(map(bool, part.lanes[c])) for part, c in columns
    ]
    line, lines = start, []
    for lanes in wanted:
        at = []
        for used in lanes:
            at.append(line if used else -1)
            line += used
        lines.append(at)
    return tuple(
        PlannedColumn(part.name, part.columns[c], part.exponents[c], *(line if at < 0 else at for at in pair))
        for (part, c), pair in zip(columns, lines, strict=True)
    )
