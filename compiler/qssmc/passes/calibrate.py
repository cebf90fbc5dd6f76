"""Calibrate: observes the range of every value on real sequences and notes it in the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.table import Table

# (graph, samples, observe): runs the sequences and shows observe every value of every step.
ObserveRun = Callable[[Graph, NDArray[Any], Callable[[int, Mapping[str, NDArray[Any]]], None]], None]
_PER_OCTAVE, _OCTAVES, _SMALLEST = 16, 40, -28
_BINS = _PER_OCTAVE * _OCTAVES


@dataclass(frozen=True)
class Calibrate:
    """The graph with ranges (see RANGE_ROWS): min, max, the 99.9 and 99.999 % two-sided percentiles, and rms.

    samples: real sequences (batch, length, d_input); run: an interpreter. Percentiles come from a histogram with 16
    bins an octave, so they are exact to 4.4 % and never below the true value.
    """

    samples: NDArray[np.float64]
    run: ObserveRun

    def __call__(self, graph: Graph) -> Graph:
        if self.samples.ndim != 3 or 0 in self.samples.shape:
            raise UsageError(f"calibration data must hold at least one sequence, but its shape is {self.samples.shape}")
        trackers: dict[str, _Tracker] = {}

        def observe(t: int, values: Mapping[str, NDArray[Any]]) -> None:
            for name, value in values.items():
                if name not in trackers:
                    trackers[name] = _Tracker(value.shape[1:])
                trackers[name].see(value)

        self.run(graph, self.samples, observe)
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
        self.histogram = np.zeros(size * 2 * _BINS, np.int64)
        self.offsets = np.arange(size) * 2 * _BINS

    def see(self, value: NDArray[Any]) -> None:
        """Add one step of a batch."""
        flat = value.reshape(len(value), -1)
        self.count += len(flat)
        self.low = np.minimum(self.low, flat.min(axis=0))
        self.high = np.maximum(self.high, flat.max(axis=0))
        self.squares += (flat**2).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            octave = np.floor((np.log2(np.abs(flat)) - _SMALLEST) * _PER_OCTAVE)
        level = np.clip(np.nan_to_num(octave, nan=0.0, neginf=0.0), 0, _BINS - 1).astype(np.int64)
        index = np.where(flat < 0, _BINS - 1 - level, _BINS + level) + self.offsets
        self.histogram += np.bincount(index.ravel(), minlength=len(self.histogram))

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
        level = np.arange(_BINS)
        edge = np.exp2((level + 1) / _PER_OCTAVE + _SMALLEST)
        edges = np.concatenate([-edge[::-1], edge])
        allowed = (1.0 - share) / 2.0 * self.count
        below = np.cumsum(counts, axis=1)
        above = np.cumsum(counts[:, ::-1], axis=1)
        low = edges[np.argmax(below > allowed, axis=1)]
        high = edges[2 * _BINS - 1 - np.argmax(above > allowed, axis=1)]
        return [np.clip(low, self.low, self.high), np.clip(high, self.low, self.high)]
