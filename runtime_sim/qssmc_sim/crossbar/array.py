"""ArrayProduct: what one draw of the arrays makes of a vector of DAC codes, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc_sim.crossbar.cells import Places, program
from qssmc_sim.crossbar.device import Device

Single = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Rows and columns of a logical product that share an array. name: of the array, for reports."""

    name: str
    rows: Ints
    columns: Ints
    places: Places | None = None


def blocks_of(weight: NDArray[np.int64]) -> tuple[Block, ...]:
    """The independent blocks of a matrix (columns, rows): those of its heads. Columns of zeros belong to none."""
    graph: nx.Graph[tuple[str, int]] = nx.Graph()
    for column, row in zip(*np.nonzero(weight), strict=True):
        graph.add_edge(("row", int(row)), ("column", int(column)))
    found = []
    for part in sorted(nx.connected_components(graph), key=min):
        rows, columns = (np.array(sorted(i for kind, i in part if kind == what), np.int64) for what in ("row", "column"))
        found.append((rows, columns))
    found.sort(key=lambda block: int(block[1][0]))
    return tuple(Block(f"block{index}", rows, columns) for index, (rows, columns) in enumerate(found))


@dataclass(frozen=True)
class Held:
    """A block with the weights that it holds, and the deviation of a read for a code of 1 on each row.

    weights: (columns, rows) in the units of the targets; noise: (columns, rows), or None where reads are exact.
    """

    block: Block
    weights: NDArray[np.float64]
    noise: NDArray[np.float64] | None


def hold(
    weight: NDArray[np.float64], blocks: Sequence[Block], device: Device, rng: np.random.Generator
) -> tuple[Held, ...]:
    """Program every block. weight: (columns, rows), the targets."""
    return tuple(_hold(weight, block, device, rng) for block in blocks)


def _hold(weight: NDArray[np.float64], block: Block, device: Device, rng: np.random.Generator) -> Held:
    target = weight[np.ix_(block.columns, block.rows)].astype(np.float64)
    held = program(target, device, rng, block.places)
    noise = None
    if device.read:
        seen = np.ones(target.shape, bool) if device.idle else target != 0
        noise = device.read * np.abs(target).max(axis=1, initial=0.0)[:, None] * seen
    return Held(block, held, noise)


class ArrayProduct:
    """z = W codes for held blocks, with the noise of every single read. codes: (rows, sequences) of float32."""

    def __init__(self, held: Sequence[Held], columns: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rows = np.concatenate([h.block.rows for h in held]) if held else np.zeros(0, np.int64)
        order = np.concatenate([h.block.columns for h in held]) if held else np.zeros(0, np.int64)
        self.weights = [np.ascontiguousarray(h.weights, np.float32) for h in held]
        self.variances = [None if h.noise is None else np.ascontiguousarray(h.noise**2, np.float32) for h in held]
        self.noisy = any(v is not None for v in self.variances)
        # A column in no block reads zero; it takes the place of one more row of the result.
        self.back = np.full(columns, len(order), np.int64)
        self.back[order] = np.arange(len(order))
        self.count = len(order)

    def __call__(self, codes: Single) -> Single:
        codes = codes[self.rows]
        z = np.zeros((self.count + 1, codes.shape[1]), np.float32)
        squares = codes * codes if self.noisy else codes
        row = column = 0
        for weight, variance in zip(self.weights, self.variances, strict=True):
            driven = slice(row, row + weight.shape[1])
            into = z[column : column + len(weight)]
            np.matmul(weight, codes[driven], out=into)
            if variance is not None:
                error = self.rng.standard_normal(into.shape, np.float32)
                error *= np.sqrt(variance @ squares[driven])
                into += error
            row, column = row + weight.shape[1], column + len(weight)
        return z[self.back]
