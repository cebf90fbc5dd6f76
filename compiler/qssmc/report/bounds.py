"""Bounds: how far each state can reach whatever the samples are, and how often each requant saturated in a run.

A state with pole a and input weight b that starts at 0 is the convolution of the input with b a^k, so the L1 norm of
that response times the largest input bounds it; rounding adds its largest error times the sum of |a|^k. Where the
bound lies within the clamps, no sequence of samples, however long, makes the state saturate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval, bounds
from qssmc.analysis.linear_response import response_of
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Requant, State

Values = Mapping[str, NDArray[Any]]


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
    response = response_of(graph, state, proven)
    row: dict[str, Any] = {"state": state.name, "origin": state.origin}
    if response is not None and not state.type.complex and (response.pole == 1.0).all():
        row |= {"bound": [None] * len(clamp), "steps": response.steps(low, high), "can_saturate": len(clamp)}
    elif response is not None and not state.type.complex and not response.pole.any() and not update.inputs[1:]:
        row |= _plain_row(update, proven[update.inputs[0]])
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


def _plain_row(update: Requant, operand: Interval) -> dict[str, Any]:
    """Of a state that has no part in what it becomes, as in a shift register: how far that reaches, and its clamps."""
    multiplier, shift, low, high = (
        np.array(np.broadcast_to(table.data, update.type.shape), dtype=object)
        for table in (update.multiplier, update.shift, update.low, update.high)
    )
    scaled = operand.times(multiplier)
    half = (1 << shift) >> 1
    ends = [(end + half) >> shift for end in (scaled.low, scaled.high)]
    beyond = (ends[0] < low) | (ends[1] > high)
    bound = [int(max(abs(a), abs(b))) for a, b in zip(*ends, strict=True)]
    return {"bound": bound, "can_saturate": int(beyond.sum())}
