"""Heads: c and d of every head, solved on the trajectories of the rounded states and rounded with compensation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.gram import HeadNormals
from qssmc.analysis.least_squares import Normal, ridged, solve
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Readout, Scale
from qssmc.ir.table import Grid, Table
from qssmc.passes.refit.fits import HeadFit, unit_of
from qssmc.passes.refit.rounding import Levels, round_group

Real = NDArray[np.float64]
RIDGE = 1e-6
_NO_LEVELS = 0.0


class HeadGather:
    """Sums up the equations of a fit, in units of the operands' steps."""

    def __init__(self, graph: Graph, fit: HeadFit) -> None:
        readout = graph[fit.readout]
        assert isinstance(readout, Readout)
        assert readout.heads is not None
        self.fit, self.states = fit, readout.inputs[0]
        self.channels = readout.channels
        self.normals = HeadNormals(readout.heads.data, self.channels)
        unit = unit_of(graph, self.states)
        assert unit is not None
        self.state_unit = unit
        self.feed = graph[fit.feed].inputs[0] if fit.feed else None
        found = unit_of(graph, self.feed) if self.feed else None
        self.feed_unit = np.ones(self.channels) if found is None else found
        self.values = [self.states] if self.feed is None else [self.states, self.feed]

    def see(self, values: Mapping[str, NDArray[Any]], target: Real) -> None:
        """Add one step. target: (batch, channels)."""
        u = np.zeros(target.shape) if self.feed is None else values[self.feed] / self.feed_unit
        self.normals.see(values[self.states] / self.state_unit[:, None], u, target)

    def solved(self, graph: Graph, *, refit: bool) -> dict[str, Op]:
        """The ops with new tables: c, and d where there is one. refit False only rounds what is there."""
        self.normals.flush()
        readout = graph[self.fit.readout]
        assert isinstance(readout, Readout)
        assert readout.c.grid is not None
        feed = graph[self.fit.feed] if self.fit.feed else None
        assert feed is None or isinstance(feed, Scale)
        bits = int(np.max(readout.c.grid.width))
        c, c_unit = np.zeros(readout.c.shape), np.ones(len(readout.c.data))
        d, d_unit = np.zeros(self.channels), np.ones(self.channels)
        for head, (own, normal) in enumerate(zip(self.normals.members, self.normals.normals, strict=True)):
            start = self.start(readout, feed, head, own)
            weight, units = _head(normal, start, bits, refit=refit)
            c[own], c_unit[own] = weight[:-1].reshape(-1, 2) * (1.0, -1.0), units[0]
            d[head], d_unit[head] = weight[-1], units[1]
        return self.replaced(readout, feed, (c, c_unit), (d, d_unit))

    def start(self, readout: Readout, feed: Scale | None, head: int, own: NDArray[np.int64]) -> Real:
        """The weights as they are, in units of steps."""
        c = readout.c.data[own] * self.state_unit[own][:, None] * (1.0, -1.0)
        d = (
            0.0
            if feed is None
            else float(np.broadcast_to(feed.factor.data, (self.channels,))[head]) * self.feed_unit[head]
        )
        return np.append(c.ravel(), d)

    def replaced(
        self, readout: Readout, feed: Scale | None, c: tuple[Real, Real], d: tuple[Real, Real]
    ) -> dict[str, Op]:
        """Tables in real units, on grids that make all terms of a head's sum share a unit."""
        from dataclasses import replace

        assert readout.c.grid is not None
        width = readout.c.grid.width
        grid = Grid.of((c[1] / self.state_unit)[:, None], width)
        found: dict[str, Op] = {readout.name: replace(readout, c=Table.real(c[0] / self.state_unit[:, None], grid))}
        if feed is not None:
            assert feed.factor.grid is not None
            grid = Grid.of(d[1] / self.feed_unit, feed.factor.grid.width)
            found[feed.name] = replace(feed, factor=Table.real(d[0] / self.feed_unit, grid))
        return found


def _head(normal: Normal, start: Real, bits: int, *, refit: bool) -> tuple[Real, tuple[float, float]]:
    """Weights of one head on their levels, and the units of c and of d."""
    gram = ridged(normal.gram, RIDGE)
    # Data in which the head is silent says nothing about its weights.
    weight = solve(gram, normal.moment)[:, 0] if refit and normal.gram.any() else start
    if not normal.gram.any():
        gram = np.eye(len(gram))
    elif normal.gram[-1, -1] == 0.0:  # no feedthrough, or an input that never moves
        weight[-1] = 0.0
    group = np.append(np.ones(len(weight) - 1, bool), False)
    top, largest = 2.0 ** (bits - 1), abs(float(weight[-1]))
    d_unit = 2.0 ** np.ceil(np.log2(largest / (top - 1))) if largest > 0.0 else 1.0
    rest = Levels(np.full(len(weight), d_unit), np.full(len(weight), -top), np.full(len(weight), top - 1))
    if not group.any():
        return rest.round(weight), (1.0, float(d_unit))
    rounded, unit = round_group(gram, weight, bits, group, rest)
    return rounded, (unit, float(d_unit))
