"""Mapped: the golden machine with its array products made of a weight map's conductances."""

from __future__ import annotations

import numpy as np

from qssmc.crossbar import CrossbarMap
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Xbar
from qssmc_sim.machine import Array, Machine
from qssmc_sim.rules import Rule

_NEAR = 0.25  # of a level: an ideal array is exact but for the rounding of floats


class MappedMachine(Machine):
    """An ideal array: volts times siemens, summed on every line, two lines subtracted, in levels.

    Raises KeyError where the map has no read for an xbar op, ValueError where a product is not near a whole number.
    """

    def __init__(self, graph: Graph, batch: int, crossbar: CrossbarMap) -> None:
        super().__init__(graph, batch)
        self.crossbar = crossbar
        self._step = [(op, self._rule(op, rule)) for op, rule in self._step]
        self._last = [(op, self._rule(op, rule)) for op, rule in self._last]

    def _rule(self, op: Op, rule: Rule | None) -> Rule | None:
        if not isinstance(op, Xbar):
            return rule
        name = op.name.split("_flush")[0]
        array, read = self.crossbar.find(name)
        if op.weight.shape != (len(read.columns), len(read.rows)):
            raise ValueError(f"the map's {name} is {len(read.columns)}x{len(read.rows)}, the graph's {op.weight.shape}")
        lines = [line.line for row in read.rows for line in row.lines]
        drives = [line.drive for row in read.rows for line in row.lines]
        owner = [at for at, row in enumerate(read.rows) for _ in row.lines]
        siemens = array.conductance[lines]
        plus = siemens[:, [column.plus for column in read.columns]]
        minus = siemens[:, [column.minus for column in read.columns]]
        units = np.array([column.unit for column in read.columns])

        def product(codes: Array) -> Array:
            volts = np.stack([_driven(drive, codes[:, at]) for at, drive in zip(owner, drives, strict=True)], axis=1)
            levels = (volts @ plus - volts @ minus) / units
            whole = np.rint(levels)
            if (np.abs(levels - whole) > _NEAR).any():
                raise ValueError(
                    f"{name}: an ideal array gives {np.abs(levels - whole).max():.3g} levels beside an integer"
                )
            return np.asarray(whole, np.int64)

        return product


def _driven(drive: str, code: Array) -> Array:
    """The voltage of a row line, in steps of its DAC."""
    if drive in ("positive", "negative"):
        return np.asarray(np.maximum(code if drive == "positive" else -code, 0), np.float64)
    return np.asarray(code if drive == "signed" else -code, np.float64)
