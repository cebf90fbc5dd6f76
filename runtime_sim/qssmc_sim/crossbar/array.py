"""ArrayProduct: what one draw of an array makes of a vector of DAC codes, with the noise of every read."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc_sim.crossbar.cells import Places, program
from qssmc_sim.crossbar.device import Device

Real = NDArray[np.float64]
Ints = NDArray[np.int64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Held:
    """weights: (columns, rows) as an array really holds them, in the units of the targets; noise: the deviation of a
    read for a code of 1 on each row, or None where reads are exact. negative: of four lanes, the weights that codes
    below 0 meet, which are cells of their own.
    """

    weights: Real
    noise: Real | None
    negative: Real | None = None


def hold(
    target: Real, device: Device, rng: np.random.Generator, places: Places | None = None, *, lanes: int = 2
) -> Held:
    """Program a product. target: (columns, rows); lanes: 2, or 4, where codes below 0 drive lines of their own."""
    noise = None
    if device.read:
        seen = np.ones(target.shape, bool) if device.idle else target != 0
        noise = device.read * np.abs(target).max(axis=1, initial=0.0)[:, None] * seen
    target = np.asarray(target, np.float64)
    held = program(target, device, rng, places)
    return Held(held, noise, program(target, device, rng, places) if lanes == 4 else None)


def blocks_of(held: Held) -> tuple[tuple[Ints, Ints], ...]:
    """(columns, rows) of the independent blocks of a product: smaller products that give the same, faster."""
    graph: nx.Graph[tuple[str, int]] = nx.Graph()
    there = held.weights != 0
    for other in (held.noise, held.negative):
        there = there if other is None else there | (other != 0)
    for column, row in np.argwhere(there).tolist():
        graph.add_edge(("column", column), ("row", row))
    parts = [sorted(part) for part in nx.connected_components(graph)]
    pairs = [
        tuple(np.array([i for kind, i in part if kind == k], np.int64) for k in ("column", "row")) for part in parts
    ]
    return tuple((columns, rows) for columns, rows in sorted(pairs, key=lambda pair: int(pair[0][0])))


class ArrayProduct:
    """z = W codes. codes: (rows, sequences) of float32."""

    def __init__(self, held: Held, rng: np.random.Generator) -> None:
        self.rng, self.count = rng, len(held.weights)
        blocks = blocks_of(held)
        self.whole = len(blocks) == 1 and blocks[0][0].size == self.count and blocks[0][1].size == held.weights.shape[1]
        self.blocks = [(columns, rows, *_single(held, columns, rows)) for columns, rows in blocks]

    def __call__(self, codes: Single) -> Single:
        if self.whole:
            return self._read(codes, *self.blocks[0][2:])
        z = np.zeros((self.count, codes.shape[1]), np.float32)
        for columns, rows, weight, variance, negative in self.blocks:
            z[columns] = self._read(codes[rows], weight, variance, negative)
        return z

    def _read(self, codes: Single, weight: Single, variance: Single | None, negative: Single | None) -> Single:
        z = weight @ (codes if negative is None else np.maximum(codes, 0.0))
        if negative is not None:
            z += negative @ np.minimum(codes, 0.0)
        if variance is not None:
            error = self.rng.standard_normal(z.shape, np.float32)
            error *= np.sqrt(variance @ (codes * codes))
            z += error
        return z


def _single(held: Held, columns: Ints, rows: Ints) -> tuple[Single, Single | None, Single | None]:
    """Weights, variances and weights of negative codes of a block."""
    place = np.ix_(columns, rows)
    squares = None if held.noise is None else held.noise**2
    weight, variance, negative = (
        None if part is None else np.ascontiguousarray(part[place], np.float32)
        for part in (held.weights, squares, held.negative)
    )
    assert weight is not None
    return weight, variance, negative
