"""Readout: y columns by least squares on the DAC codes of noisy devices, against what the ideal array reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Scale, Slice, State
from qssmc_sim.crossbar.array import Block
from qssmc_sim.crossbar.layer import Layer
from qssmc_sim.crossbar.machine import ArrayMachine

_RIDGE = 1e-4  # of each row's energy
_AT_ONCE = 64  # sequences


@dataclass
class Readout:
    """Normal equations of each y column over the rows of its block."""

    layer: Layer
    rows: Sequence[NDArray[np.int64]]
    gram: list[NDArray[np.float64]] = field(default_factory=list)
    moment: list[NDArray[np.float64]] = field(default_factory=list)

    @classmethod
    def of(cls, layer: Layer, blocks: Sequence[Block]) -> Readout:
        """Nothing seen yet. A column gets weights where the rows of its head are, and those are the driven ones."""
        del blocks
        weight = layer.weight
        rows = []
        for column in range(layer.states, len(weight)):
            own = np.flatnonzero(weight[column])
            # All rows of the head: those of its y column, and those that its state columns look at.
            beside = [np.flatnonzero(weight[c]) for c in range(layer.states) if np.isin(np.flatnonzero(weight[c]), own).any()]
            rows.append(np.unique(np.concatenate([own, *beside])).astype(np.int64))
        found = cls(layer, rows)
        found.gram = [np.zeros((len(own), len(own))) for own in rows]
        found.moment = [np.zeros(len(own)) for own in rows]
        return found

    def compare(self, graph: Graph, noisy: ArrayMachine, samples: NDArray[np.int64]) -> None:
        """Add the trajectories of one device beside those of the ideal array."""
        ideal = ArrayMachine(graph, {})
        codes, product = self.layer.codes, self.layer.array.name
        for start in range(0, len(samples), _AT_ONCE):
            part = samples[start : start + _AT_ONCE]
            wanted: list[NDArray[np.float64]] = []
            ideal.run(part, lambda t, values: _keep(values, product, self.layer.states, wanted))

            def see(t: int, values: Mapping[str, NDArray[Any]], wanted: list[NDArray[np.float64]] = wanted) -> None:
                if codes in values and t < len(wanted):
                    self._add(values[codes].astype(np.float64), wanted[t])

            noisy.run(part, see)

    def solve(self) -> NDArray[np.float64]:
        """Weights (y columns, rows) in the units of the array's levels."""
        weights = np.zeros((len(self.rows), self.layer.weight.shape[1]))
        for column, own in enumerate(self.rows):
            size = np.sqrt(np.diag(self.gram[column]))
            alive = size > 0
            scale = size[alive]
            gram = self.gram[column][np.ix_(alive, alive)] / np.outer(scale, scale)
            found = np.linalg.solve(gram + _RIDGE * np.eye(len(scale)), self.moment[column][alive] / scale)
            weights[column, own[alive]] = found / scale
        return weights

    def _add(self, codes: NDArray[np.float64], wanted: NDArray[np.float64]) -> None:
        for column, own in enumerate(self.rows):
            seen = codes[own]
            self.gram[column] += seen @ seen.T
            self.moment[column] += seen @ wanted[column]


def _keep(values: Mapping[str, Any], product: str, states: int, wanted: list[NDArray[np.float64]]) -> None:
    if product in values:
        wanted.append(values[product][states:].astype(np.float64))
