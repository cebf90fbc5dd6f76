"""Pack: parts onto as few tiles as can be, then with the shortest wires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qssmc.analysis.array_layout.parts import CellPart, LogicalBlock, part_of
from qssmc.crossbar.options import CrossbarOptions
from qssmc.errors import UsageError


@dataclass
class Tile:
    """What one row drive reads: parts that share no line, on so many rows and columns."""

    rows: int
    columns: int
    parts: list[CellPart] = field(default_factory=list)

    def takes(self, part: CellPart, encoding: str) -> bool:
        """Whether a part still fits."""
        rows, columns = lines_of([*self.parts, part], encoding)
        return rows <= self.rows and columns <= self.columns


def lines_of(parts: Sequence[CellPart], encoding: str) -> tuple[int, int]:
    """Rows and columns that parts take together; slices with one lane share a reference column."""
    rows = sum(len(part.rows) for part in parts)
    if encoding == "four-lane":
        return 2 * rows, 2 * sum(len(part.columns) for part in parts)
    columns = sum(int(part.lanes.sum()) for part in parts)
    return rows, columns + any(part.single for part in parts)


def wire_length(tile: Tile) -> int:
    """Lines' lengths, in cells, from every programmed cell to its row driver and its converter."""
    rows = np.sort(np.concatenate([(part.cells != 0).sum(axis=0) for part in tile.parts]))[::-1]
    columns = np.sort(np.concatenate([(part.cells != 0).sum(axis=1) for part in tile.parts]))[::-1]
    return int((rows * np.arange(len(rows))).sum() + (columns * np.arange(len(columns))).sum())


def pack(blocks: Sequence[LogicalBlock], size: tuple[int, int], options: CrossbarOptions) -> list[Tile]:
    """Tiles of a size (rows, columns) that hold all blocks.

    Two ways are tried: filling tile after tile, where a block goes on in the next, and whole blocks, the largest first.
    Raises UsageError if an atom of a block is larger than a tile.
    """
    if options.packing == "one-head":
        return [tile for block in blocks for tile in _Packer(size, options).filled([block])]
    if options.form == "oscillator":  # whose y has one converter
        return _Packer(size, options).whole(blocks)
    tried = [_Packer(size, options).filled(blocks), _Packer(size, options).whole(blocks)]
    return min(tried, key=lambda tiles: (len(tiles), sum(map(wire_length, tiles))))


class _Packer:
    """Tiles in the making."""

    def __init__(self, size: tuple[int, int], options: CrossbarOptions) -> None:
        self.size, self.options = size, options
        self.tiles: list[Tile] = []

    def part(self, block: LogicalBlock, atoms: Sequence[int]) -> CellPart:
        """A part as cells of the user's bits."""
        two = self.options.encoding == "two-lane"
        return part_of(block, atoms, self.options.weight_bits - 1, drop_lanes=two)

    def filled(self, blocks: Sequence[LogicalBlock]) -> list[Tile]:
        """One tile after another is filled up."""
        for block in blocks:
            self.split(block, lambda: self.tiles[-1:])
        return self.tiles

    def whole(self, blocks: Sequence[LogicalBlock]) -> list[Tile]:
        """Blocks stay whole where a tile can hold them; each goes to the first tile that does."""
        every = [(block, self.part(block, range(len(block.atoms)))) for block in blocks]
        for block, part in sorted(every, key=lambda both: -max(lines_of([both[1]], self.options.encoding))):
            tile = next((tile for tile in self.tiles if tile.takes(part, self.options.encoding)), None)
            if tile is not None:
                tile.parts.append(part)
            else:
                self.split(block, lambda: ())
        return self.tiles

    def split(self, block: LogicalBlock, open_tiles: Callable[[], Sequence[Tile]]) -> None:
        """As many atoms as fit onto an open tile, the others onto fresh ones."""
        left = list(range(len(block.atoms)))
        for tile in open_tiles():
            left = left[self.put(block, left, tile) :]
        while left:
            tile = Tile(*self.size)
            taken = self.put(block, left, tile)
            if not taken:
                raise self.too_small(block, left[0])
            self.tiles.append(tile)
            left = left[taken:]

    def put(self, block: LogicalBlock, atoms: Sequence[int], tile: Tile) -> int:
        """Put as many of the atoms, from the first on, as a tile takes; returns how many."""
        fits, too_many = 0, len(atoms) + 1
        found: CellPart | None = None
        while too_many - fits > 1:
            trial = (fits + too_many) // 2 if fits or too_many <= len(atoms) else len(atoms)
            part = self.part(block, atoms[:trial])
            if tile.takes(part, self.options.encoding):
                fits, found = trial, part
            else:
                too_many = trial
        if found is not None:
            tile.parts.append(found)
        return fits

    def too_small(self, block: LogicalBlock, atom: int) -> UsageError:
        """Which array would do."""
        part = self.part(block, [atom])
        rows, columns = lines_of([part], self.options.encoding)
        what = "one state" if block.logical.kernel else "one column"
        return UsageError(
            f"an array of {self.size[0]}x{self.size[1]} cannot hold {what} of %{block.logical.name}, which takes "
            f"{rows} rows and {columns} columns ({len(part.columns)} slices of {self.options.weight_bits} bits, "
            f"{self.options.encoding}); give a larger --array, more --cell-bits, or fewer bits of the poles"
        )
