"""Linear response: the step of a state, read off the graph as a linear map of it and one input, an error apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Op, Requant, Scale, ShiftLeft, State

_Real = NDArray[np.float64]
_Complex = NDArray[np.complex128]
_TERMS = 1 << 14  # of the response that are summed one by one; the rest is a geometric series
_BLOCK = 64
_FAINT = 1e-9  # of the state's unit: what is left of a response that is not worth another block
_ENDLESS = 1 << 62  # steps of a sum of nothing
_MARGIN = 1.0 + 1e-9  # more than the rounding of all the float64 operations


def response_of(graph: Graph, state: State, proven: Mapping[str, Interval]) -> LinearResponse | None:
    """What a state that a requant updates becomes, clamps aside; proven: the interval of every value.

    None if the state mixes its elements or is multiplied with what varies.
    """
    return _Walk(graph, state, proven).update()


@dataclass(frozen=True)
class LinearResponse:
    """value = pole x + weight u + e, for every element: u in low..high, |e| at most error (as a complex number).

    source: the value that u is, empty if there is none. clamped: what an earlier requant clamps on the way, and where.
    rounds_alone: the error is that of one rounding at the end, the same for re and im.
    """

    pole: _Complex
    weight: _Complex
    low: _Real
    high: _Real
    error: _Real
    source: str = ""
    clamped: tuple[tuple[LinearResponse, _Real], ...] = ()
    rounds_alone: bool = False

    @property
    def largest(self) -> _Real:
        """The most that |u| can be."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def only(self, chosen: NDArray[np.int64]) -> LinearResponse:
        """That of some elements."""
        parts = {name: getattr(self, name)[chosen] for name in ("pole", "weight", "low", "high", "error")}
        return replace(self, **parts, clamped=())

    def times(self, factor: NDArray[Any], error: Any = 0.0) -> LinearResponse:
        """By a real factor an element, and then with one more error."""
        return replace(
            self, pole=self.pole * factor, weight=self.weight * factor, error=np.abs(factor) * self.error + error
        )

    def plus(self, other: LinearResponse) -> LinearResponse:
        """The sum. Of two different inputs one is kept as one; the other becomes an error."""
        kept, added = (self, other) if self.source else (other, self)
        clamped = (*self.clamped, *other.clamped)
        weight, pole, error = kept.weight, self.pole + other.pole, self.error + other.error
        if added.source == kept.source:
            weight = weight + added.weight
        else:
            error = error + np.abs(added.weight) * added.largest
        return replace(kept, weight=weight, pole=pole, error=error, clamped=clamped)

    def reach(self) -> _Real:
        """A bound of |re x| and |im x| for all time; infinite where the pole does not lie inside the unit circle."""
        radius = np.abs(self.pole) * _MARGIN
        inside = radius < 1.0
        rest = 1.0 / np.where(inside, 1.0 - radius, 1.0)
        found = self._summed(np.where(inside, self.pole, 0.0), rest)
        found = np.where(inside, (found + self.error * rest) * _MARGIN, np.inf)
        for inner, clamp in self.clamped:
            # sqrt 2: re and im at their bounds together
            with np.errstate(invalid="ignore"):
                most = np.abs(inner.pole) * found * np.sqrt(2.0) + np.abs(inner.weight) * inner.largest + inner.error
            found = np.where(most <= clamp, found, np.inf)
        return found

    def _summed(self, pole: _Complex, rest: _Real) -> _Real:
        """The most that a sum over the first k of weight pole^k u can be, re or im, for any number of terms.

        More terms may well make it less, where u cannot be 0. What is left at the end is added as a geometric series.
        """
        total, most = np.zeros((4, len(pole))), np.zeros(len(pole))  # up and down, of re and of im
        tail, power = np.zeros(len(pole)), self.weight.copy()
        active = np.flatnonzero(power)
        for _ in range(0, _TERMS, _BLOCK):
            if not active.size:
                break
            terms = np.cumprod(np.vstack([power[active], np.tile(pole[active], (_BLOCK, 1))]), axis=0)
            for lane, part in enumerate((terms[:-1].real, terms[:-1].imag)):
                ends = part * self.low[active], part * self.high[active]
                for way, end in enumerate((np.maximum(*ends), -np.minimum(*ends))):
                    sums = total[2 * lane + way, active] + np.cumsum(end, axis=0)
                    most[active] = np.maximum(most[active], sums.max(axis=0))
                    total[2 * lane + way, active] = sums[-1]
            power[active] = terms[-1]
            tail[active] = np.abs(terms[-1])
            active = active[tail[active] > _FAINT]
        return np.asarray(most + tail * self.largest * rest)

    def steps(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> list[int]:
        """For how many steps a running sum stays within its clamps whatever comes."""
        ends = self.weight.real * self.low, self.weight.real * self.high
        down, up = (
            move * np.where(move % 1.0, _MARGIN, 1.0)
            for move in (self.error - np.minimum(*ends), self.error + np.maximum(*ends))
        )  # whole numbers are exact
        return [
            min(int(room // move) if move > 0.0 else _ENDLESS for room, move in ((-a, down[i]), (b, up[i])))
            for i, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True))
        ]


class _Walk:
    """Reads the step of a state off the graph as a linear map of the state and one input, an error apart."""

    def __init__(self, graph: Graph, state: State, proven: Mapping[str, Interval]) -> None:
        self.graph, self.state, self.proven = graph, state, proven
        self.moved = nx.descendants(graph.dag(), state.name) | {state.name}
        self.zero = np.zeros(state.type.shape)
        self.known: dict[str, LinearResponse | None] = {}

    def update(self) -> LinearResponse | None:
        """What the state becomes, clamps aside; None if it mixes its elements or is multiplied with what varies."""
        update = self.graph[self.graph.updates[self.state.name]]
        assert isinstance(update, Requant)
        inner = self.of(update.inputs[0])
        if inner is None:
            return None
        return replace(self.rounded(update, inner), rounds_alone=not inner.error.any())

    def of(self, name: str) -> LinearResponse | None:
        """The response of a value that has the state's shape."""
        if name not in self.known:
            op = self.graph[name]
            fits = (op.type.shape, op.type.complex) == (self.state.type.shape, self.state.type.complex)
            found = self.linear(op) if fits else None
            if found is None and fits and name not in self.moved:
                found = self.bounded(op)
            self.known[name] = found
        return self.known[name]

    def linear(self, op: Op) -> LinearResponse | None:
        """By what the op does; None if that is not linear in the state."""
        if op is self.state:
            return self.response(pole=np.ones(self.zero.shape, complex))
        if isinstance(op, Inject):
            return self.injected(op)
        if not isinstance(op, (Diag, ShiftLeft, Scale, Add, Requant)):
            return None
        terms = [self.of(name) for name in (op.inputs if isinstance(op, Add) else op.inputs[:1])]
        whole = [term for term in terms if term is not None]
        if len(whole) != len(terms):
            return None
        if isinstance(op, Add):
            return reduce(LinearResponse.plus, whole)
        if isinstance(op, Diag):
            return self.turned(whole[0], op.lambda_bar.as_complex())
        if isinstance(op, Requant):
            return self.clamped(op, whole[0])
        return whole[0].times(2.0**op.amount.data if isinstance(op, ShiftLeft) else op.factor.data.astype(np.float64))

    def turned(self, x: LinearResponse, pole: _Complex) -> LinearResponse:
        """By a complex factor an element."""
        return replace(x, pole=x.pole * pole, weight=x.weight * pole, error=np.abs(pole) * x.error)

    def injected(self, op: Inject) -> LinearResponse | None:
        """One input for each state; a dense matrix is bounded by its products."""
        if op.heads is None:
            return None
        u = self.proven[op.inputs[0]]
        low, high = (ends[op.heads.data].astype(np.float64) for ends in (u.low, u.high))
        return replace(self.response(), weight=op.b_bar.as_complex(), low=low, high=high, source=op.inputs[0])

    def rounded(self, op: Requant, x: LinearResponse) -> LinearResponse:
        """With the largest error of one rounding: half a unit, one if dithered, none where nothing is shifted out."""
        shift = np.broadcast_to(op.shift.data, op.type.shape)
        size = (1.0 if len(op.inputs) > 1 else 0.5) * (np.sqrt(2.0) if op.type.complex else 1.0)
        return x.times(op.multiplier.data * 2.0**-shift, np.where(shift > 0, size, 0.0))

    def clamped(self, op: Requant, x: LinearResponse) -> LinearResponse | None:
        """Rounded, and to be checked against the clamps; None if the clamps act on what the state has no part in."""
        found = self.rounded(op, x)
        clamp = np.broadcast_to(np.minimum(-op.low.data, op.high.data), op.type.shape).astype(np.float64)
        if op.name not in self.moved:
            fits = np.abs(found.weight) * found.largest + found.error <= clamp
            return found if fits.all() else None
        return replace(found, clamped=(*found.clamped, (found, clamp)))

    def bounded(self, op: Op) -> LinearResponse:
        """A value that the state has no part in: an input by itself, or an error as large as it if it is complex."""
        low, high = (ends.astype(np.float64) for ends in (self.proven[op.name].low, self.proven[op.name].high))
        if not op.type.complex:
            return replace(
                self.response(), weight=np.ones(self.zero.shape, complex), low=low, high=high, source=op.name
            )
        return replace(self.response(), error=np.linalg.norm(np.maximum(np.abs(low), np.abs(high)), axis=-1))

    def response(self, pole: _Complex | None = None) -> LinearResponse:
        """A response without input and without error."""
        nothing = np.zeros(self.zero.shape, complex)
        return LinearResponse(nothing if pole is None else pole, nothing, self.zero, self.zero, self.zero)
