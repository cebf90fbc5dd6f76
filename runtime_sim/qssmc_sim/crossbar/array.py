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


@dataclass(frozen=True)
class Held:
    """weights: (columns, rows) as an array really holds them, in the units of the targets; noise: the deviation of a
    read for a code of 1 on each row, or None where reads are exact.
    """

    weights: Real
    noise: Real | None


def hold(target: Real, device: Device, rng: np.random.Generator, places: Places | None = None) -> Held:
    """Program a product. target: (columns, rows)."""
    noise = None
    if device.read:
        seen = np.ones(target.shape, bool) if device.idle else target != 0
        noise = device.read * np.abs(target).max(axis=1, initial=0.0)[:, None] * seen
    return Held(program(np.asarray(target, np.float64), device, rng, places), noise)


def blocks_of(held: Held) -> tuple[tuple[Ints, Ints], ...]:
    """(columns, rows) of the independent blocks of a product: smaller products that give the same, faster."""
    graph: nx.Graph[tuple[str, int]] = nx.Graph()
    there = held.weights != 0 if held.noise is None else (held.weights != 0) | (held.noise != 0)
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

    def __call__(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.whole:
            return self._read(codes, *self.blocks[0][2:])
        z = np.zeros((self.count, codes.shape[1]), np.float32)
        for columns, rows, weight, variance in self.blocks:
            z[columns] = self._read(codes[rows], weight, variance)
        return z

    def _read(
        self, codes: NDArray[np.float32], weight: NDArray[np.float32], variance: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        z = weight @ codes
        if variance is not None:
            error = self.rng.standard_normal(z.shape, np.float32)
            error *= np.sqrt(variance @ (codes * codes))
            z += error
        return z


def _single(held: Held, columns: Ints, rows: Ints) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    place = np.ix_(columns, rows)
    variance = None if held.noise is None else np.ascontiguousarray(held.noise[place] ** 2, np.float32)
    return np.ascontiguousarray(held.weights[place], np.float32), variance
