"""Eliminate: backward elimination of complex states on the Gram matrix of their head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.least_squares import Normal, ridged

Real = NDArray[np.float64]


class Elimination:
    """The states of one head, removed one after another; each removal refits those that stay.

    normal: the equations over re and im of N states and the input. ridge: relative noise that a state's rounding
    adds, so that no solution leans on the difference of two states that are nearly the same. gain: what an error of
    this head's output costs.
    """

    def __init__(self, normal: Normal, ridge: Real, gain: float) -> None:
        self.count = (len(normal.gram) - 1) // 2
        self.gain = gain
        noise = np.append(np.repeat(ridge, 2), 0.0) * np.diag(normal.gram)
        self.inverse = np.linalg.inv(ridged(normal.gram, 1e-9) + np.diag(noise))
        self.weight = self.inverse @ normal.moment[:, 0]
        self.alive = np.ones(self.count, bool)

    def costs(self) -> Real:
        """What the removal of each state adds to the weighted squared error; infinite for those already gone."""
        found = np.full(self.count, np.inf)
        for state in np.flatnonzero(self.alive):
            pair = [2 * state, 2 * state + 1]
            w = self.weight[pair]
            found[state] = self.gain * max(0.0, float(w @ np.linalg.solve(self.inverse[np.ix_(pair, pair)], w)))
        return found

    def remove(self, state: int) -> None:
        """Take a state out and refit the rest."""
        pair = [2 * state, 2 * state + 1]
        columns = self.inverse[:, pair]
        step = columns @ np.linalg.inv(self.inverse[np.ix_(pair, pair)])
        self.weight = self.weight - step @ self.weight[pair]
        self.inverse = self.inverse - step @ columns.T
        self.inverse[pair] = self.inverse[:, pair] = 0.0
        self.weight[pair] = 0.0
        self.alive[state] = False


def eliminate(heads: list[Elimination], keep: int, most: float) -> list[float]:
    """Remove the cheapest state of all heads until `keep` are left or the cost would pass `most`. Returns the costs."""
    costs = [head.costs() for head in heads]
    cheapest = [float(cost.min(initial=np.inf)) for cost in costs]
    left, spent = sum(int(head.alive.sum()) for head in heads), 0.0
    history: list[float] = []
    while left > keep:
        at = int(np.argmin(cheapest))
        if not np.isfinite(cheapest[at]) or spent + cheapest[at] > most:
            break
        spent += cheapest[at]
        heads[at].remove(int(np.argmin(costs[at])))
        costs[at] = heads[at].costs()
        cheapest[at] = float(costs[at].min(initial=np.inf))
        history.append(spent)
        left -= 1
    return history
