"""Bounds: how far each state can reach whatever the samples are, and how often each requant saturated in a run.

A state with pole a and input weight b that starts at 0 is the convolution of the input with b a^k, so the L1 norm of
that response times the largest input bounds it; rounding adds its largest error times the sum of |a|^k. Where the
bound lies within the clamps, no sequence of samples, however long, makes the state saturate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval, bounds
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Op, Requant, Scale, ShiftLeft, State

Values = Mapping[str, NDArray[Any]]
_Real = NDArray[np.float64]
_Complex = NDArray[np.complex128]
_TERMS = 1 << 14  # of the response that are summed one by one; the rest is a geometric series
_BLOCK = 64
_FAINT = 1e-9  # of the state's unit: what is left of a response that is not worth another block
_ENDLESS = 1 << 62  # steps of a sum of nothing
_MARGIN = 1.0 + 1e-9  # more than the rounding of all the float64 operations


class Tally:
    """Counts, in a run of the golden model, the values that each requant had to clamp; an observer of the simulator.

    Every value of a requant is computed again without its clamps: a value that lies on a clamp by itself is no
    saturation. Ops that run after the last sample are counted then.
    """

    def __init__(self, graph: Graph) -> None:
        self.step = [op for op in graph.step_ops if isinstance(op, Requant)]
        self.every_step = {op.name for op in graph.step_ops}
        self.last = [op for op in graph.last_ops if isinstance(op, Requant) and op.name not in self.every_step]
        self.saturated = {op.name: np.zeros(op.type.shape, np.int64) for op in (*self.step, *self.last)}
        self.peaks = {op.name: np.zeros(op.type.shape, np.int64) for op in (*self.step, *self.last)}
        self.seen = dict.fromkeys(self.saturated, 0)
        self.sequences = 0

    def __call__(self, t: int, values: Values) -> None:
        """See every value of step t, or of the closing."""
        for op in self.step if self.every_step <= values.keys() else self.last:
            beyond = self._beyond(op, values)
            lanes = beyond.sum(axis=(0, -1)) if op.type.complex else beyond.sum(axis=0)
            self.saturated[op.name] += lanes
            self.seen[op.name] += beyond.size
            size = np.abs(values[op.name]).max(axis=(0, -1) if op.type.complex else 0, initial=0)
            np.maximum(self.peaks[op.name], size, out=self.peaks[op.name])
            self.sequences = max(self.sequences, len(beyond))

    def _beyond(self, op: Requant, values: Values) -> NDArray[np.bool_]:
        """Where the rounded value lies outside the clamps."""
        x, *phase = (values[name] for name in op.inputs)
        multiplier, shift, low, high = (
            table.data[..., None] if op.type.complex and table.shape else table.data
            for table in (op.multiplier, op.shift, op.low, op.high)
        )
        one = np.int64(1)
        if phase:
            down, up = np.maximum(op.phase_bits - shift, 0), np.maximum(shift - op.phase_bits, 0)
            start = phase[0][..., None] if op.type.complex else phase[0]
            added = (start >> down) << up
        else:
            added = (one << shift) >> 1
        rounded = (x * multiplier + added) >> shift
        return np.asarray((rounded < low) | (rounded > high))


def bounds_report(graph: Graph, tally: Tally) -> dict[str, Any]:
    """Of every state: bound, clamp, largest value seen and saturations, by element; of every requant: saturations.

    Bounds are in units of the state, the larger of re and im; None where the state need not stay bounded or is no
    diagonal recurrence. can_saturate counts the elements that no bound keeps within their clamps. A running sum has no
    bound, but a number of steps that it is exact for whatever comes: `steps` is the least of them.
    """
    proven = {name: bound.value for name, bound in bounds(graph).items()}
    states = [row for op in graph.states if (row := _state_row(graph, op, proven, tally))]
    endless = [row for row in states if "steps" not in row]
    return {
        "sequences": tally.sequences,
        "can_saturate": sum(row["can_saturate"] for row in endless),
        "elements": sum(len(row["bound"]) for row in endless),
        "steps": min((min(row["steps"], default=0) for row in states if "steps" in row), default=None),
        "state_saturations": sum(sum(row["saturated"]) for row in states),
        "state_values": sum(row["values"] for row in states),
        "states": states,
        "requants": [
            {
                "op": op.name,
                "origin": op.origin,
                "values": tally.seen[op.name],
                "saturated": int(tally.saturated[op.name].sum()),
            }
            for op in (*tally.step, *tally.last)
        ],
    }


def _state_row(graph: Graph, state: State, proven: Mapping[str, Interval], tally: Tally) -> dict[str, Any] | None:
    update = graph[graph.updates[state.name]]
    if not isinstance(update, Requant):
        return None  # a phase goes round and round; what is put together of pieces has no one requant
    low, high = (np.broadcast_to(table.data, state.type.shape) for table in (update.low, update.high))
    clamp = np.minimum(-low, high)
    response = _Walk(graph, state, proven).update()
    row: dict[str, Any] = {"state": state.name, "origin": state.origin}
    if response is not None and not state.type.complex and (response.pole == 1.0).all():
        row |= {"bound": [None] * len(clamp), "steps": response.steps(low, high), "can_saturate": len(clamp)}
    else:
        reach = np.full(clamp.shape, np.inf) if response is None else response.reach()
        bound = [int(value) if np.isfinite(value) else None for value in reach]
        beyond = [value is None or value > limit for value, limit in zip(bound, clamp.tolist(), strict=True)]
        row |= {"bound": bound, "can_saturate": sum(beyond)}
    return row | {
        "clamp": clamp.tolist(),
        "peak": tally.peaks[update.name].tolist(),
        "values": tally.seen[update.name],
        "saturated": tally.saturated[update.name].tolist(),
    }


@dataclass(frozen=True)
class _Response:
    """value = pole x + weight u + e, for every element: u in low..high, |e| at most error (as a complex number).

    source: the value that u is, empty if there is none. clamped: what an earlier requant clamps on the way, and where.
    """

    pole: _Complex
    weight: _Complex
    low: _Real
    high: _Real
    error: _Real
    source: str = ""
    clamped: tuple[tuple[_Response, _Real], ...] = ()

    @property
    def largest(self) -> _Real:
        """The most that |u| can be."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def times(self, factor: NDArray[Any], error: Any = 0.0) -> _Response:
        """By a real factor an element, and then with one more error."""
        return replace(
            self, pole=self.pole * factor, weight=self.weight * factor, error=np.abs(factor) * self.error + error
        )

    def plus(self, other: _Response) -> _Response:
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
        self.known: dict[str, _Response | None] = {}

    def update(self) -> _Response | None:
        """What the state becomes, clamps aside; None if it mixes its elements or is multiplied with what varies."""
        update = self.graph[self.graph.updates[self.state.name]]
        assert isinstance(update, Requant)
        inner = self.of(update.inputs[0])
        return None if inner is None else self.rounded(update, inner)

    def of(self, name: str) -> _Response | None:
        """The response of a value that has the state's shape."""
        if name not in self.known:
            op = self.graph[name]
            fits = (op.type.shape, op.type.complex) == (self.state.type.shape, self.state.type.complex)
            found = self.linear(op) if fits else None
            if found is None and fits and name not in self.moved:
                found = self.bounded(op)
            self.known[name] = found
        return self.known[name]

    def linear(self, op: Op) -> _Response | None:
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
            return reduce(_Response.plus, whole)
        if isinstance(op, Diag):
            return self.turned(whole[0], op.lambda_bar.as_complex())
        if isinstance(op, Requant):
            return self.clamped(op, whole[0])
        return whole[0].times(2.0**op.amount.data if isinstance(op, ShiftLeft) else op.factor.data.astype(np.float64))

    def turned(self, x: _Response, pole: _Complex) -> _Response:
        """By a complex factor an element."""
        return replace(x, pole=x.pole * pole, weight=x.weight * pole, error=np.abs(pole) * x.error)

    def injected(self, op: Inject) -> _Response | None:
        """One input for each state; a dense matrix is bounded by its products."""
        if op.heads is None:
            return None
        u = self.proven[op.inputs[0]]
        low, high = (ends[op.heads.data].astype(np.float64) for ends in (u.low, u.high))
        return replace(self.response(), weight=op.b_bar.as_complex(), low=low, high=high, source=op.inputs[0])

    def rounded(self, op: Requant, x: _Response) -> _Response:
        """With the largest error of one rounding: half a unit, one if dithered, none where nothing is shifted out."""
        shift = np.broadcast_to(op.shift.data, op.type.shape)
        size = (1.0 if len(op.inputs) > 1 else 0.5) * (np.sqrt(2.0) if op.type.complex else 1.0)
        return x.times(op.multiplier.data * 2.0**-shift, np.where(shift > 0, size, 0.0))

    def clamped(self, op: Requant, x: _Response) -> _Response | None:
        """Rounded, and to be checked against the clamps; None if the clamps act on what the state has no part in."""
        found = self.rounded(op, x)
        clamp = np.broadcast_to(np.minimum(-op.low.data, op.high.data), op.type.shape).astype(np.float64)
        if op.name not in self.moved:
            fits = np.abs(found.weight) * found.largest + found.error <= clamp
            return found if fits.all() else None
        return replace(found, clamped=(*found.clamped, (found, clamp)))

    def bounded(self, op: Op) -> _Response:
        """A value that the state has no part in: an input by itself, or an error as large as it if it is complex."""
        low, high = (ends.astype(np.float64) for ends in (self.proven[op.name].low, self.proven[op.name].high))
        if not op.type.complex:
            return replace(
                self.response(), weight=np.ones(self.zero.shape, complex), low=low, high=high, source=op.name
            )
        return replace(self.response(), error=np.linalg.norm(np.maximum(np.abs(low), np.abs(high)), axis=-1))

    def response(self, pole: _Complex | None = None) -> _Response:
        """A response without input and without error."""
        nothing = np.zeros(self.zero.shape, complex)
        return _Response(nothing if pole is None else pole, nothing, self.zero, self.zero, self.zero)
