"""Calibrate: observes the range of every value on real sequences and notes it in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import State
from qssmc.ir.table import Table

# Bins of magnitudes from 2^-28 to 2^12, 16 to the octave: the exponent and 4 mantissa bits of a float64 name the bin.
_MANTISSA, _OCTAVES, _SMALLEST = 4, 40, -28
_BINS = _OCTAVES << _MANTISSA
_FIRST = (1023 + _SMALLEST) << _MANTISSA


@dataclass(frozen=True)
class Calibrate:
    """The graph with ranges (see RANGE_ROWS): min, max, the 99.9 and 99.999 % two-sided percentiles, and rms.

    calibration: real sequences. Percentiles come from a histogram with 16 bins an octave: their magnitude is up to
    6.25 % above the true one, never below it, and never beyond the extremes.
    every: percentiles are of every so many steps, for neighbouring ones say almost the same; extremes are of all.

    >>> from qssmc.ir import parse
    >>> from qssmc_sim import run
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %r : f64[1] = activation %u kind=tanh
    ... output y : step = %r''')
    >>> after = Calibrate(Calibration(np.array([[[-1.0], [0.5]]]), run))(before)
    >>> after.ranges["u"].data[:2].tolist()
    [[-1.0], [0.5]]
    """

    calibration: Calibration
    every: int = 1

    def __call__(self, graph: Graph) -> Graph:
        shape = self.calibration.samples.shape
        if len(shape) != 3 or 0 in shape:
            raise UsageError(f"calibration data must hold at least one sequence, but its shape is {shape}")
        trackers: dict[str, _Tracker] = {}

        def observe(t: int, values: Mapping[str, NDArray[Any]]) -> None:
            for name, value in values.items():
                if isinstance(graph[name], State):
                    continue  # what it becomes is observed already
                if name not in trackers:
                    trackers[name] = _Tracker(value.shape[1:])
                trackers[name].see(value, count=t % self.every == 0)

        self.calibration.observe(graph, observe)
        ranges = {op.name: trackers[op.name].table() for op in graph.ops if op.name in trackers}
        faults = [name for name, table in ranges.items() if not np.isfinite(table.data).all()]
        if faults:
            raise UsageError(f"calibration makes values that are not finite: {', '.join(faults[:5])}")
        return replace(graph, ranges=ranges)


class _Tracker:
    """Running statistics of one value, element by element."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.count = shape, 0
        size = int(np.prod(shape))
        self.low, self.high = np.full(size, np.inf), np.full(size, -np.inf)
        self.squares = np.zeros(size)
        # Bins 0.._BINS-1 hold negative values from large to small, the rest positive ones from small to large.
        self.histogram = np.zeros(size * 2 * _BINS, np.int32)
        self.offsets = np.arange(size)[:, None] * 2 * _BINS

    def see(self, value: NDArray[Any], *, count: bool = True) -> None:
        """Add one step of a batch, to the histogram too if it is to be counted."""
        # A row for each element, so that its bins stay in the cache while its samples are counted.
        rows = np.ascontiguousarray(value.reshape(len(value), -1).T, np.float64)
        self.low = np.minimum(self.low, rows.min(axis=1))
        self.high = np.maximum(self.high, rows.max(axis=1))
        if not count:
            return
        self.count += len(value)
        self.squares += (rows**2).sum(axis=1)
        level = np.clip((np.abs(rows).view(np.int64) >> (52 - _MANTISSA)) - _FIRST, 0, _BINS - 1)
        sign = rows.view(np.int64) >> 63  # 0 or -1; level ^ -1 is -1 - level
        index = (level ^ sign) + (_BINS + self.offsets)
        np.add.at(self.histogram, index.ravel(), np.int32(1))

    def table(self) -> Table:
        """The rows of RANGE_ROWS."""
        rows = [self.low, self.high]
        for share in (0.999, 0.99999):
            rows += self._percentiles(share)
        rows.append(np.sqrt(self.squares / max(1, self.count)))
        return Table.real(np.stack(rows).reshape(len(rows), *self.shape))

    def _percentiles(self, share: float) -> list[NDArray[np.float64]]:
        """Values below and above which (1 - share) of the samples lie together, clipped to the extremes."""
        counts = self.histogram.reshape(-1, 2 * _BINS)
        octave, part = np.divmod(np.arange(1, _BINS + 1), 1 << _MANTISSA)
        edge = np.ldexp(1.0 + part / (1 << _MANTISSA), octave + _SMALLEST)
        edge[-1] = np.inf  # the last bin takes all that is larger
        edges = np.concatenate([-edge[::-1], edge])
        allowed = (1.0 - share) / 2.0 * self.count
        below = np.cumsum(counts, axis=1)
        above = np.cumsum(counts[:, ::-1], axis=1)
        low = edges[np.argmax(below > allowed, axis=1)]
        high = edges[2 * _BINS - 1 - np.argmax(above > allowed, axis=1)]
        return [np.clip(low, self.low, self.high), np.clip(high, self.low, self.high)]
