"""Unreachable: the clamp edges and table entries of a graph that no input of so many steps reaches, by proof.

Three proofs: interval arithmetic over one step; for diagonal states the convex set of what they can be
(`analysis.reach`), which narrows what follows from them; for running sums and counters the number of steps. Where a
state's rounding is dithered by a phase that only counts, the set is followed step by step with the phase of each, which
halves the error of a rounding; that takes seconds, and is done for states alone that sequences have left open.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval, bounds
from qssmc.analysis.linear_response import LinearResponse, response_of
from qssmc.analysis.reach import Reach, dithered_reach, reach
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Advance, Lut, Op, Readout, Requant, State
from qssmc.ir.table import Table
from qssmc.verification.coverage import Flags, Points

_FOLLOWED = 1 << 13  # steps at most, of which each is given a set of its own
_NEAR = 0.02  # of a clamp
_SLACK = 1e-6  # of a unit: more than the rounding of the reach's float64 numbers


def unreachable_points(points: Points, steps: int, left: Flags | None = None) -> Flags:
    """(points,) Those that no sequence of at most so many steps reaches; the others may or may not be reached.

    left: (points,) those that no sequence has reached so far, and for whose states the costly proof is worth its time;
    None for no such proof.
    """
    graph = points.graph
    given: dict[str, Interval] = {}
    rounded: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
    for state in graph.states:
        update = graph[graph.updates[state.name]]
        if isinstance(update, Requant):
            proven = {name: bound.value for name, bound in bounds(graph, given).items()}
            response = response_of(graph, state, proven)
            if response is not None and not response.clamped:
                open_ = _open_elements(points, update, left)
                rounded |= _of_state(graph, state, update, response, steps, open_, given)
    proven = {name: bound.value for name, bound in bounds(graph, given).items()}
    found = np.zeros(points.count, bool)
    for place in points.places:
        op, part = place.op, found[place.first : place.first + place.count]
        if isinstance(op, Requant):
            low, high = _rounded_interval(op, proven[op.inputs[0]])
            if op.name in rounded:
                low, high = np.maximum(low, rounded[op.name][0]), np.minimum(high, rounded[op.name][1])
            table = _spread(op.low if place.kind == "low" else op.high, op)
            part[:] = (low >= table if place.kind == "low" else high <= table).ravel()
        elif isinstance(op, Lut):
            part[:] = _unread(op, proven[op.inputs[0]]).ravel()
    return found


def _open_elements(points: Points, update: Requant, left: Flags | None) -> NDArray[np.int64]:
    """The elements of a state that have an edge in left."""
    parts = [left[p.first : p.first + p.count] for p in points.places if p.op is update and left is not None]
    if not parts:
        return np.zeros(0, np.int64)
    lanes = 2 if update.type.complex else 1
    return np.flatnonzero(np.any(parts, axis=0).reshape(update.type.shape[0], lanes).any(axis=1))


def _of_state(
    graph: Graph,
    state: State,
    update: Requant,
    response: LinearResponse,
    steps: int,
    followed: NDArray[np.int64],
    given: dict[str, Interval],
) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """What the update of a state is before it is clamped; intervals of the state and what reads it go to given.

    followed: the elements that are worth a set for every step.
    """
    low, high = (np.broadcast_to(table.data, state.type.shape) for table in (update.low, update.high))
    if state.type.complex:
        ends = low.astype(np.float64), high.astype(np.float64)
        found = reach(response, *ends, steps)
        phases = _phases(graph, update, steps)
        if phases is not None and response.rounds_alone:
            followed = followed[_nearly(found, *ends)[followed]]
        if followed.size and phases is not None and response.rounds_alone:
            closer = dithered_reach(response.only(followed), ends[0][followed], ends[1][followed], phases)
            for old, new in ((found.held, closer.held), (found.rounded, closer.rounded)):
                old[:, followed] = np.minimum(old[:, followed], new)
        least, most = _whole(*found.lanes(found.held))
        given[state.name] = Interval(np.minimum(least, 0), np.maximum(most, 0))
        given[update.name] = given[state.name]
        for op in graph.step_ops:
            if isinstance(op, Readout) and op.heads is not None and op.inputs[0] in (state.name, update.name):
                given[op.name] = _read(op, found)
        return {update.name: _whole(*found.lanes(found.rounded))}
    if (response.pole == 1.0).all():
        exact = np.array([count >= steps for count in response.steps(low, high)])
        wide = np.where(exact, 0, 1 << 62)
        return {update.name: (low.astype(object) - wide, high.astype(object) + wide)}
    return {}


def _nearly(found: Reach, low: NDArray[np.float64], high: NDArray[np.float64]) -> Flags:
    """Elements with an edge that is passed by so little that a closer look may help."""
    least, most = found.lanes(found.rounded)
    beyond = np.concatenate([low[:, None] - least, most - high[:, None]], axis=1)
    near = _NEAR * np.stack([-low, -low, high, high], axis=1) + 4.0
    return np.asarray(((beyond >= 1.0 - _SLACK) & (beyond <= near)).any(axis=1))


def _phases(graph: Graph, update: Requant, steps: int) -> NDArray[np.float64] | None:
    """(steps,) The phase of a dithered requant at every step, less a half, in parts of its range; None if unknown."""
    if len(update.inputs) < 2 or steps > _FOLLOWED:
        return None
    phase = graph[update.inputs[1]]
    counter = graph[phase.inputs[0]] if isinstance(phase, Advance) else phase
    advance = graph[graph.updates[counter.name]] if isinstance(counter, State) else None
    if not isinstance(advance, Advance) or advance.inputs != (counter.name,) or advance.bits != update.phase_bits:
        return None
    if phase is not counter and phase is not advance:
        return None
    turns = np.arange(steps, dtype=np.int64) + (phase is advance)
    return np.asarray(turns * advance.step % (1 << advance.bits) / 2.0**advance.bits - 0.5)


def _whole(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The integers in between."""
    least = np.ceil(low - _SLACK - 1e-12 * np.abs(low)).astype(np.int64).astype(object)
    most = np.floor(high + _SLACK + 1e-12 * np.abs(high)).astype(np.int64).astype(object)
    return least, most


def _read(op: Readout, states: Reach) -> Interval:
    """What a sum over the states of each head can be."""
    c = op.c.as_complex()
    assert op.heads is not None
    ends = []
    for sign in (-1.0, 1.0):
        total = np.zeros(op.channels)
        np.add.at(total, op.heads.data, states.most(sign * c))
        ends.append(total)
    return Interval(*_whole(-ends[0], ends[1]))


def _spread(table: Table, op: Op) -> NDArray[Any]:
    """A per-element table over the op's array."""
    data = table.data[..., None] if op.type.complex and table.shape else table.data
    return np.broadcast_to(data, op.type.array_shape)


def _rounded_interval(op: Requant, x: Interval) -> tuple[NDArray[Any], NDArray[Any]]:
    """The least and the most that a requant makes before it clamps, for every element, in Python integers."""
    shift = _spread(op.shift, op).astype(object)
    product = x.times(_spread(op.multiplier, op).astype(object))
    one = np.full(shift.shape, 1, object)
    if len(op.inputs) == 1:
        least = most = (one << shift) >> 1
    else:
        least, most = 0 * shift, (one << shift) - 1
    return (product.low + least) >> shift, (product.high + most) >> shift


def _unread(op: Lut, x: Interval) -> Flags:
    """Entries outside what any element that reads them can be."""
    entries = op.entries.data
    count, extent = entries.shape[-1], len(x.low)
    first = np.broadcast_to(op.first.data, (extent,)).astype(object)
    at = np.arange(count)
    read = (at >= (x.low - first)[:, None].astype(np.int64)) & (at <= (x.high - first)[:, None].astype(np.int64))
    return np.asarray(~read if entries.ndim == 2 else ~read.any(axis=0))
