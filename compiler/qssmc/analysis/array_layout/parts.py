"""Parts: what of a logical operation goes onto one array, as cells, and how many lines that takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout.slices import slices_of

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Logical:
    """One xbar op of a fused graph. weight: (columns, rows); gains: (rows,), code = value * 2^gain; kernel: a head."""

    name: str
    weight: Integers
    gains: Integers
    kernel: bool


@dataclass(frozen=True)
class Atom:
    """What must stand on one array: rows and columns of its own."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class LogicalBlock:
    """Atoms that share rows and columns: a head's states share u and y, a dense matrix's columns share its rows.

    A shared row drives every part in which an atom needs it; a shared column is a partial sum in every part, and the
    cells where shared rows meet shared columns stand in the part that holds the first atom.
    """

    logical: Logical
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    atoms: tuple[Atom, ...]


def blocks_of(logical: Logical, most_rows: int) -> Iterator[LogicalBlock]:
    """A head is one block; any other matrix is one block for every so many rows."""
    count, extent = logical.weight.shape
    if logical.kernel:
        yield _head(logical)
        return
    rows = [r for r in range(extent) if logical.weight[:, r].any()]
    for start in range(0, len(rows), most_rows):
        band = tuple(rows[start : start + most_rows])
        columns = [c for c in range(count) if logical.weight[c, list(band)].any()]
        yield LogicalBlock(logical, band, (), tuple(Atom((), (c,)) for c in columns))


def _head(logical: Logical) -> LogicalBlock:
    """Row u and column y are shared; what hangs together without them is a state."""
    weight = logical.weight
    y = weight.shape[0] - 1
    web: nx.Graph[tuple[str, int]] = nx.Graph()
    inner = [(c, r) for c, r in np.argwhere(weight).tolist() if c != y and r != 0]
    for c, r in inner:
        web.add_edge(("column", c), ("row", r))
    own = [r for r in range(1, weight.shape[1]) if ("row", r) not in web and weight[y, r]]
    driven = [c for c in range(y) if ("column", c) not in web and weight[c, 0]]
    groups = [sorted(group) for group in nx.connected_components(web)]
    atoms = [
        Atom(tuple(i for kind, i in group if kind == "row"), tuple(i for kind, i in group if kind == "column"))
        for group in groups
    ]
    atoms += [Atom((), (c,)) for c in driven]
    atoms.sort(key=lambda atom: atom.columns)
    return LogicalBlock(logical, (0, *own), (y,), tuple(atoms) or (Atom((), ()),))


@dataclass(frozen=True)
class CellPart:
    """Cells of one block. rows: logical rows; columns and exponents: of every slice; cells: (slices, rows), signed.

    flips: (rows,), -1 where a row is driven inverted; lanes: (slices, 2), whether a slice has a plus and a minus line.
    """

    name: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    exponents: tuple[int, ...]
    cells: Integers
    flips: Integers

    @cached_property
    def lanes(self) -> NDArray[np.bool_]:
        """Which of plus and minus a slice has cells in."""
        return lanes_of(self.cells * self.flips)

    @property
    def single(self) -> bool:
        """Whether a slice has one lane alone, which is read against a reference column."""
        return bool((self.lanes.sum(axis=1) == 1).any())


def part_of(block: LogicalBlock, atoms: Sequence[int], bits: int, *, drop_lanes: bool) -> CellPart:
    """The part of some atoms of a block. bits: of a cell's level; drop_lanes: inverts rows so that lanes fall empty."""
    logical, first = block.logical, 0 in atoms
    own = [r for atom in atoms for r in block.atoms[atom].rows]
    columns = [c for atom in atoms for c in block.atoms[atom].columns]
    shared = [
        r
        for r in block.rows
        if logical.weight[columns, r].any() or (first and logical.weight[list(block.columns), r].any())
    ]
    rows = [*shared, *own]
    at: list[int] = []
    exponents: list[int] = []
    cells: list[Integers] = []
    for column in [*columns, *block.columns]:
        values = logical.weight[column, rows].copy()
        if column in block.columns and not first:
            values[: len(shared)] = 0
        for piece in slices_of(values, logical.gains[rows], bits):
            at.append(column)
            exponents.append(piece.exponent)
            cells.append(piece.digits)
    matrix = np.array(cells, np.int64).reshape(len(cells), len(rows))
    flips = _flips(matrix) if drop_lanes else np.ones(len(rows), np.int64)
    return CellPart(logical.name, tuple(rows), tuple(at), tuple(exponents), matrix, flips)


def lanes_of(cells: Integers) -> NDArray[np.bool_]:
    """Whether each slice has positive, and negative, cells: (slices, 2)."""
    return np.stack([(cells > 0).any(axis=1), (cells < 0).any(axis=1)], axis=1)


def _flips(cells: Integers) -> Integers:
    """Rows to drive inverted, one after another as long as that empties lanes."""
    flips = np.ones(cells.shape[1], np.int64)
    fewest = int(lanes_of(cells).sum())
    improved = True
    while improved:
        improved = False
        for row in range(len(flips)):
            flips[row] *= -1
            count = int(lanes_of(cells * flips).sum())
            if count < fewest:
                fewest, improved = count, True
            else:
                flips[row] *= -1
    return flips
