"""Shelves: tiles side by side on bands of rows of their own, so that an array read several times is full both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spot:
    """Where a tile lies: its array, how many tiles that array took before it, its first row and its first column."""

    array: int
    place: int
    row: int
    column: int


@dataclass
class _Shelf:
    """A band of rows from `row` on; columns are taken from the left."""

    array: int
    row: int
    height: int
    taken: int = 0


def shelve(extents: Sequence[tuple[int, int]], size: tuple[int, int], most: int) -> list[Spot]:
    """A spot for every tile of so many (rows, columns), on few arrays of a size that hold `most` tiles at most.

    Tiles share no cell, and a read drives the rows of one alone, so that what else lies in its columns stays dark. The
    highest come first, each on the first shelf with room for it. Every tile must fit on an empty array.
    """
    order: Sequence[int] = range(len(extents))
    if most > 1:
        order = sorted(order, key=lambda index: (-extents[index][0], -extents[index][1]))
    shelves: list[_Shelf] = []
    heights: list[int] = []  # rows of each array that shelves have taken
    counts: list[int] = []
    spots: dict[int, Spot] = {}
    for index in order:
        rows, columns = extents[index]
        room = (s for s in shelves if counts[s.array] < most and s.height >= rows and s.taken + columns <= size[1])
        shelf = next(room, None)
        if shelf is None:
            fits = (a for a, height in enumerate(heights) if counts[a] < most and height + rows <= size[0])
            array = next(fits, len(heights))
            if array == len(heights):
                heights.append(0)
                counts.append(0)
            shelf = _Shelf(array, heights[array], rows)
            shelves.append(shelf)
            heights[array] += rows
        spots[index] = Spot(shelf.array, counts[shelf.array], shelf.row, shelf.taken)
        shelf.taken += columns
        counts[shelf.array] += 1
    return [spots[index] for index in range(len(extents))]
