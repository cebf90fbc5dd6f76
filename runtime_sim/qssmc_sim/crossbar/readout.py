"""Readout: y columns by least squares on the DAC codes of noisy devices, against what the ideal arrays read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc_sim.crossbar.kernel import Kernel
from qssmc_sim.crossbar.machine import ArrayMachine

Real = NDArray[np.float64]
_RIDGE = 1e-4  # of each row's energy
_AT_ONCE = 64  # sequences


class ReadoutCorrection:
    """Normal equations of the y column of every kernel of a layer, over its rows."""

    def __init__(self, graph: Graph, kernels: Sequence[Kernel]) -> None:
        self.graph, self.kernels = graph, kernels
        self.gram = {kernel.name: np.zeros((kernel.weight.shape[1],) * 2) for kernel in kernels}
        self.moment = {kernel.name: np.zeros(kernel.weight.shape[1]) for kernel in kernels}

    def compare(self, noisy: ArrayMachine, samples: NDArray[np.int64]) -> None:
        """Add the trajectories of one device, beside those of the ideal arrays. samples: calibration sequences."""
        ideal = ArrayMachine(self.graph, {})
        for start in range(0, len(samples), _AT_ONCE):
            part = samples[start : start + _AT_ONCE]
            wanted: list[dict[str, Real]] = []

            def keep(t: int, values: Mapping[str, NDArray[Any]], wanted: list[dict[str, Real]] = wanted) -> None:
                if all(kernel.name in values for kernel in self.kernels):
                    wanted.append({k.name: values[k.name][-1].astype(np.float64) for k in self.kernels})

            def see(t: int, values: Mapping[str, NDArray[Any]], wanted: list[dict[str, Real]] = wanted) -> None:
                if t < len(wanted):
                    self._add(values, wanted[t])

            ideal.run(part, keep)
            noisy.run(part, see)

    def solve(self, name: str, free: NDArray[np.bool_], fixed: Real) -> Real:
        """The best weights of the rows that are free, (rows,), in levels, while the others stay at `fixed`."""
        size = np.sqrt(np.diag(self.gram[name]))
        alive = np.flatnonzero(free & (size > 0))
        rest = self.moment[name][alive] - self.gram[name][np.ix_(alive, np.flatnonzero(~free))] @ fixed[~free]
        scale = size[alive]
        gram = self.gram[name][np.ix_(alive, alive)] / np.outer(scale, scale)
        found = np.where(free, 0.0, fixed)
        found[alive] = np.linalg.solve(gram + _RIDGE * np.eye(len(alive)), rest / scale) / scale
        return found

    def written(self, kernel: Kernel, write: Callable[[Real], Real]) -> tuple[Real, Real]:
        """Program a y column cell by cell, the strongest first; what a cell misses its target by, the cells that are
        not yet written make up for. Returns targets and what is held, both (rows,), in levels.

        write: programs one cell of a column whose largest weight is given, [target, largest] -> held.
        """
        name, rows = kernel.name, kernel.weight.shape[1]
        free, held = np.ones(rows, bool), np.zeros(rows)
        start = self.solve(name, free, held)
        largest = float(np.abs(start).max()) or 1.0
        targets = np.zeros(rows)
        energy = np.abs(start) * np.sqrt(np.diag(self.gram[name]))
        level = largest / float(np.abs(kernel.weight).max())
        for row in np.argsort(-energy, kind="stable"):
            aim = self.solve(name, free, held)[row]
            targets[row] = np.clip(np.rint(aim / level) * level, -largest, largest)
            held[row] = write(np.array([targets[row], largest]))[0] if targets[row] else 0.0
            free[row] = False
        return targets, held

    def add(self, other: ReadoutCorrection) -> None:
        """Add what another device showed."""
        for name in self.gram:
            self.gram[name] += other.gram[name]
            self.moment[name] += other.moment[name]

    def _add(self, values: Mapping[str, NDArray[Any]], wanted: Mapping[str, Real]) -> None:
        for kernel in self.kernels:
            codes = values[kernel.codes].astype(np.float64)
            self.gram[kernel.name] += codes @ codes.T
            self.moment[kernel.name] += codes @ wanted[kernel.name]
