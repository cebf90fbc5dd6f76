"""Gain: how much an error of each channel of a layer's output changes what the model answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.answer_cost import all_class, deviation_of, sum_cost
from qssmc.analysis.calibration import Calibration
from qssmc.analysis.fixed import straight_through
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Op, Slice, State
from qssmc.ir.types import Type

Real = NDArray[np.float64]
_ROWS = 1024  # moments of calibration that the gain is averaged over
_EVERY = 29  # prime, so that they fall on all parts of an image's rows
_STEP = 1e-4  # of a channel's rms


@dataclass(frozen=True)
class _Sink:
    """A value that leaves the reach of instant ops, and what a squared error of each of its elements costs.

    shared: whether an error that all elements share costs nothing, as of a class.
    """

    value: str
    weight: Real
    shared: bool = False

    def cost(self, change: Real) -> float:
        """The mean cost of changes (rows, n)."""
        counted = change - change.mean(axis=1, keepdims=True) if self.shared else change
        return float((counted**2 * self.weight).sum(axis=1).mean())

    @property
    def each(self) -> Real:
        """What a unit error of one element costs, (n,)."""
        return self.weight * (1.0 - 1.0 / len(self.weight)) if self.shared else self.weight


def downstream_gain(graph: Graph, value: str, calibration: Calibration) -> Real:
    """The mean squared change at the sinks for a unit change of each element of a value, (H,).

    Sinks are what running sums add up (weighted by what the outputs make of them, see answer_cost), what other layers
    take in, and what leaves at every step. Derivatives are differences, on calibration data.
    """
    graph = straight_through(graph)
    cone = _cone(graph, value)
    own, sinks = _sinks(graph, [graph[value]], cone, calibration), _sinks(graph, cone, cone, calibration)
    direct = np.sum([sink.each for sink in own], axis=0) if own else np.zeros(graph[value].type.shape[0])
    if not sinks:
        return np.asarray(direct)
    leaves = [
        name for name in dict.fromkeys(i for op in cone for i in op.inputs) if name not in {op.name for op in cone}
    ]
    found = calibration.part(slice(max(8, _ROWS * _EVERY // calibration.steps))).collect(graph, leaves, _EVERY)
    rows = {name: array.reshape(-1, *array.shape[2:])[:_ROWS] for name, array in found.items()}
    probe = _probe(graph, cone, leaves, sinks)
    base = np.concatenate([rows[name] for name in leaves], axis=1)
    start = sum(graph[name].type.shape[0] for name in leaves[: leaves.index(value)])
    before = _evaluate(probe, base, sinks, calibration)
    gains = direct.copy()
    for channel in range(len(gains)):
        size = _STEP * max(float(np.sqrt((rows[value][:, channel] ** 2).mean())), 1e-6)
        moved = base.copy()
        moved[:, start + channel] += size
        after = _evaluate(probe, moved, sinks, calibration)
        gains[channel] += sum(s.cost((after[s.value] - before[s.value]) / size) for s in sinks)
    return gains


def _cone(graph: Graph, value: str) -> list[Op]:
    """The ops that a value reaches within a step without passing a complex state's input or a running sum."""
    reached = nx.descendants(graph.dag(), value)
    updates = set(graph.updates.values())
    kept, stopped = [], {value}
    for op in graph.ops:
        if op.name in reached and any(name in stopped for name in op.inputs):
            if op.name in updates or op.type.complex or isinstance(op, State):
                continue
            if any(graph[name].type.complex for name in op.inputs):
                continue
            kept.append(op)
            stopped.add(op.name)
    return kept


def _sinks(graph: Graph, ops: list[Op], cone: list[Op], calibration: Calibration) -> list[_Sink]:
    """Those of some ops that something outside the cone reads."""
    inside = {op.name for op in cone}
    found = []
    for op in ops:
        outer = [user for user in graph.users[op.name] if user.name not in inside]
        leaves = [output for output in graph.outputs if output.value == op.name and output.when == "step"]
        if outer or leaves or not graph.users[op.name]:
            shared = not outer and bool(leaves) and leaves[0].kind == "class" and op.type.shape[0] > 1
            found.append(_Sink(op.name, _weight(graph, op, outer, calibration), shared))
    return found


def _weight(graph: Graph, op: Op, users: list[Op], calibration: Calibration) -> Real:
    """For what a running sum adds up, the cost of the sum; else 1, in units of its variance unless all is a class."""
    sums = {update: state for state, update in graph.updates.items() if state in graph[update].inputs}
    total = next((user for user in users if isinstance(user, Add) and user.name in sums), None)
    if total is not None:
        state = sums[total.name]
        cost = sum_cost(graph, state, calibration)
        if cost is not None:
            return cost
    if all_class(graph):
        return np.ones(op.type.shape[0])
    some = calibration.part(slice(max(8, _ROWS * _EVERY // calibration.steps)))
    every = min(_EVERY, 1 + calibration.steps // 64)
    values = some.collect(graph, [op.name], every)[op.name].reshape(-1, op.type.shape[0])
    deviation = deviation_of(values)
    if users:
        deviation = np.sqrt((deviation**2).mean())
    return np.asarray(np.broadcast_to(deviation**-2.0, op.type.shape))


def _probe(graph: Graph, cone: list[Op], leaves: list[str], sinks: list[_Sink]) -> Graph:
    """A graph of one input, the leaves joined, that computes the cone."""
    b = Builder(graph.name, graph.stage)
    width = sum(graph[name].type.shape[0] for name in leaves)
    joined = b.input("probe_in", Type((width,)))
    start = 0
    for name in leaves:
        stop = start + graph[name].type.shape[0]
        b.add(Slice(start=start, stop=stop), name, joined)
        start = stop
    for op in cone:
        b.append(replace(op))
    for index, sink in enumerate(sinks):
        b.output(f"out{index}", sink.value, "step")
    return b.graph()


def _evaluate(probe: Graph, rows: Real, sinks: list[_Sink], calibration: Calibration) -> dict[str, Real]:
    found: dict[str, Real] = {}

    def see(t: int, values: Mapping[str, NDArray[Any]]) -> None:
        found.update({sink.value: np.array(values[sink.value]) for sink in sinks})

    calibration.run(probe, rows[:, None, :], see)
    return found
