"""Matrices: mixing and decoder weights and biases, solved on quantised features and rounded with compensation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.least_squares import Normal, ridged, solve
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Cast, Constant, Matvec, Op, State
from qssmc.ir.table import Grid, Table
from qssmc.passes.quantise.scheme import exact_table
from qssmc.passes.refit.fits import MatrixFit, unit_of
from qssmc.passes.refit.rounding import Levels, round_all, round_group

Real = NDArray[np.float64]
RIDGE = 1e-6
# Of the spread of the features: how much the old weights count where there is but one row a sequence.
_PRIORS = (1e-3, 1e-2, 1e-1, 1.0)
_FREE = 2.0**-20  # the level of a bias while the weights are rounded


class MatrixGather:
    """Sums up the equations of a fit: features are the operands of its matvecs in steps, then a constant.

    Where a matvec reads the count of steps, for the mean over time, all are divided by it, and its weight is the bias.
    """

    def __init__(self, graph: Graph, fit: MatrixFit) -> None:
        self.fit = fit
        self.matvecs = [op for name in fit.matvecs if isinstance(op := graph[name], Matvec)]
        self.values = [op.inputs[0] for op in self.matvecs]
        units = [unit_of(graph, name) for name in self.values]
        self.units = [unit for unit in units if unit is not None]
        self.counted = any(_is_counter(graph, name) for name in self.values)
        features = sum(len(unit) for unit in self.units) + 1
        self.normal = Normal.empty(features, self.matvecs[0].weight.shape[0])
        self._rows: list[tuple[Real, Real]] = []
        self._all: list[tuple[Real, Real]] = []  # of a fit after the last step, which has few
        self._waiting = 0

    def see(self, values: Mapping[str, NDArray[Any]], target: Real, steps: int = 1) -> None:
        """Add one step, or the close of the sequences. target: (batch, out)."""
        steps = steps if self.counted else 1
        parts = [values[name] / unit / steps for name, unit in zip(self.values, self.units, strict=True)]
        one = np.full((len(target), 1), 0.0 if self.counted else 1.0)
        self._rows.append((np.concatenate([*parts, one], axis=1), target / steps))
        self._waiting += len(target)
        if self._waiting >= 1024:
            self.flush()

    def flush(self) -> None:
        """Multiply out what waits."""
        if self._rows:
            features, targets = (np.concatenate(parts) for parts in zip(*self._rows, strict=True))
            self.normal.see(features, targets)
            if self.fit.last:
                self._all.append((features, targets))
            self._rows, self._waiting = [], 0

    def solved(self, graph: Graph, *, refit: bool) -> dict[str, Op]:
        """The matvecs with new weights; the bias goes to the first of them, or to the counter where one is there."""
        self.flush()
        start = np.concatenate([*self.in_steps(), sum(op.bias.data for op in self.matvecs)[None]])  # type: ignore[index]
        gram, weight = self.ideal(start, refit=refit)
        rounded = [self.row(gram, weight[:, row], row) for row in range(weight.shape[1])]
        values = np.stack([r[0] for r in rounded])
        units = [np.array([r[1][index] for r in rounded]) for index in range(len(self.matvecs))]
        found: dict[str, Op] = {}
        at = 0
        for index, (op, unit) in enumerate(zip(self.matvecs, self.units, strict=True)):
            part = values[:, at : at + len(unit)]
            at += len(unit)
            bias = values[:, -1] if index == 0 else np.zeros(len(values))
            found[op.name] = self.replaced(op, part, unit, units[index], bias)
        return found

    def in_steps(self) -> list[Real]:
        """Each matvec's weights as they are, transposed, in units of its operand's steps."""
        return [(op.weight.data * unit).T for op, unit in zip(self.matvecs, self.units, strict=True)]

    def ideal(self, start: Real, *, refit: bool) -> tuple[Real, Real]:
        """The Gram matrix with its ridge, and the best real weights (F, out)."""
        gram = self.normal.gram
        mean = gram[-1:] / max(1, self.normal.rows)
        spread = np.clip(np.diag(gram) - self.normal.rows * mean[0] ** 2, 0.0, None)
        if self.fit.last:
            unit = np.diag(spread[:-1].mean() * (spread > 0.0))
            whole = min((ridged(gram, 1e-9) + prior * unit for prior in _PRIORS), key=lambda g: self.left_out(g, start))
        else:
            whole = ridged(gram, RIDGE)
        return whole, solve(whole, self.normal.moment + (whole - gram) @ start) if refit else start

    def left_out(self, gram: Real, start: Real) -> float:
        """The squared error of each row by the weights that all other rows give (leave one out), in closed form."""
        features, targets = (np.concatenate(parts) for parts in zip(*self._all, strict=True))
        hat = features @ np.linalg.solve(gram, features.T)
        missing = targets - features @ start
        error = (missing - hat @ missing) / (1.0 - np.diag(hat))[:, None]
        return float((error**2).sum())

    def row(self, gram: Real, weight: Real, row: int) -> tuple[Real, list[float]]:
        """One row on its levels: every matvec has its own unit, the bias is free. Rounds the matvecs in turn."""
        found = weight.copy()
        fixed = Levels(np.full(len(weight), _FREE), np.full(len(weight), -1e12), np.full(len(weight), 1e12))
        units: list[float] = []
        at = 0
        for op, unit in zip(self.matvecs, self.units, strict=True):
            assert op.weight.grid is not None
            width = int(np.broadcast_to(op.weight.grid.width, op.weight.shape)[row].max(initial=1))
            group = np.zeros(len(weight), bool)
            group[at : at + len(unit)] = True
            at += len(unit)
            # A bias goes into units of the sum that it is added to, if it fits; then nothing needs to be aligned.
            shared = bool(units) and float(np.abs(weight[group]).max()) < units[0] * (2.0 ** (width - 1) - 1)
            found, size = (found, units[0]) if shared else round_group(gram, weight, width, group, fixed)
            units.append(size)
            low, high = -(2.0 ** (width - 1)), 2.0 ** (width - 1) - 1
            fixed = Levels(
                np.where(group, size, fixed.unit), np.where(group, low, fixed.low), np.where(group, high, fixed.high)
            )
            found = round_all(gram, weight, fixed) if shared else found
        return found, units

    @staticmethod
    def replaced(op: Matvec, part: Real, unit: Real, rows: Real, bias: Real) -> Op:
        """A matvec with weights `part` (out, in) in steps of its operand, multiples of rows (out,)."""
        assert op.weight.grid is not None
        grid = Grid.of(rows[:, None] / unit, op.weight.grid.width)
        return replace(op, weight=Table.real(part / unit, grid), bias=exact_table(bias, rows))


def _is_counter(graph: Graph, value: str) -> bool:
    """Whether a value is a number of steps: a state that a constant is added to."""
    op = graph[value]
    update = graph[graph.updates[value]] if isinstance(op, State) else op
    total = graph[update.inputs[0]] if isinstance(update, Cast) else update
    return isinstance(total, Add) and any(isinstance(term, Constant) for term in graph.operands(total))
