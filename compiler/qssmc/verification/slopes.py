"""Slopes: how a value at the end of a sequence moves with every sample before it, as the graph is linear near a run.

The graph is walked backwards, op by op and step by step. A requant counts as its factor, also where it clamps, a table
as its slope over a stretch of it. For the first recurrent layer the signs of the slopes are those of the extremal
input: the sample at time T - k takes the end of its range that the sign of Re(lambda^k b) asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir import ops
from qssmc.ir.graph import Graph
from qssmc_sim.machine import Machine

Real = NDArray[np.float32]
Values = Mapping[str, NDArray[Any]]
Back = Callable[[Real, Values], list[Real]]


class Slopes:
    """Ready to walk one graph backwards.

    clamped: a state that a run clamps at a step passes nothing back there, as small changes before it change nothing.
    """

    def __init__(self, graph: Graph, clamped: bool = False) -> None:
        self.graph = graph
        self._backs = {op.name: _back_of(op, graph) for op in graph.ops if not isinstance(op, (ops.Input, ops.State))}
        updates = [graph[name] for name in graph.updates.values()] if clamped else []
        clamps = [op for op in updates if isinstance(op, ops.Requant)]
        self._backs |= {op.name: _clamping(op, self._backs[op.name]) for op in clamps}
        self._watched = sorted({*(name for op in graph.ops for name in _watched(op)), *(op.name for op in clamps)})

    def along(self, samples: NDArray[np.int64]) -> list[dict[str, NDArray[Any]]]:
        """What the slopes at each step depend on, of a run of golden on samples (count, length, channels); the closing
        comes last.
        """
        machine = Machine(self.graph, len(samples))
        rows = []
        for t in range(samples.shape[1]):
            values = machine.step(samples[:, t])
            rows.append({name: values[name].astype(np.int32) for name in self._watched if name in values})
        values = machine.last()
        rows.append({name: values[name] for name in self._watched if name in values})
        return rows

    def poles(self) -> dict[str, NDArray[np.complex128]]:
        """Of every complex state, what each element is multiplied with from step to step."""
        found = {}
        for state in self.graph.states:
            if state.type.complex and 0 not in state.type.shape:
                (count,) = state.type.shape
                flow = np.zeros((count, count, 2), np.float32)
                flow[np.arange(count), np.arange(count), 0] = 1.0
                nothing = {name: np.zeros((1, *self.graph[name].type.array_shape), np.int64) for name in self._watched}
                back = self._back({self.graph.updates[state.name]: flow}, nothing, self.graph.step_ops)
                part = back.get(state.name, flow)[np.arange(count), np.arange(count)].astype(np.float64)
                found[state.name] = part[:, 0] - 1j * part[:, 1]
        return found

    def of(
        self,
        targets: Sequence[tuple[str, int]],
        rows: Sequence[Mapping[str, NDArray[Any]]],
    ) -> Real:
        """(targets, length, channels): the slope of each target at the end of a run with regard to every sample.

        targets: an op of a step, or of the closing, and the index of one of its numbers; rows: of `along`, of one run
        for each target or of one for all.
        """
        count, length = len(targets), len(rows) - 1
        (entrance,) = self.graph.inputs
        found = np.zeros((count, length, entrance.type.shape[0]), np.float32)
        steps = {op.name for op in self.graph.step_ops}
        ends = [(index, name, element) for index, (name, element) in enumerate(targets) if name not in steps]
        carried = self._back(self._ones(ends, count), rows[length], self.graph.last_ops)
        for t in reversed(range(length)):
            flows: dict[str, Real] = {}
            if t == length - 1:
                flows = self._ones([(i, name, e) for i, (name, e) in enumerate(targets) if name in steps], count)
            for state, update in self.graph.updates.items():
                if state in carried:
                    _add(flows, update, carried[state])
            carried = self._back(flows, rows[t], self.graph.step_ops)
            if entrance.name in flows:
                found[:, t] = flows[entrance.name]
        return found

    def _ones(self, targets: Sequence[tuple[int, str, int]], count: int) -> dict[str, Real]:
        """The flow that starts at each target."""
        flows: dict[str, Real] = {}
        for index, name, element in targets:
            if name not in flows:
                flows[name] = np.zeros((count, *self.graph[name].type.array_shape), np.float32)
            flows[name].reshape(count, -1)[index, element] = 1.0
        return flows

    def _back(self, flows: dict[str, Real], values: Values, program: Sequence[ops.Op]) -> dict[str, Real]:
        """Through one step; flows by op are added to on the way. What flows into each state before the step."""
        for op in reversed(program):
            flow = flows.get(op.name)
            if flow is not None and op.name in self._backs:
                for name, part in zip(op.inputs, self._backs[op.name](flow, values), strict=False):
                    _add(flows, name, part)
        return {op.name: flows[op.name] for op in self.graph.states if op.name in flows}


def _add(flows: dict[str, Real], name: str, part: Real) -> None:
    flows[name] = flows[name] + part if name in flows else part


def _watched(op: ops.Op) -> tuple[str, ...]:
    return op.inputs if isinstance(op, (ops.Mul, ops.Lut, ops.Normalize)) else ()


def _clamping(op: ops.Requant, back: Back) -> Back:
    """Nothing flows back from where the run is at a clamp."""
    low, high = (data[..., None] if op.type.complex and data.ndim else data for data in (op.low.data, op.high.data))

    def inside(flow: Real, values: Values) -> list[Real]:
        value = values[op.name]
        return back(flow * ((value > low) & (value < high)), values)

    return inside


def _each(data: NDArray[Any], op: ops.Op) -> Real:
    return (data[..., None] if op.type.complex and data.ndim else data).astype(np.float32)


def _back_of(op: ops.Op, graph: Graph) -> Back:
    """From the flow of an op's value to those of its operands; operands that nothing flows to are left out."""
    if isinstance(op, (ops.Matvec, ops.Xbar)):
        weight = op.weight.data.astype(np.float32)
        return lambda flow, _: [flow @ weight]
    if isinstance(op, ops.Diag):
        a = op.lambda_bar.data.astype(np.float32)
        return lambda flow, _: [
            np.stack(
                [
                    a[:, 0] * flow[..., 0] + a[:, 1] * flow[..., 1],
                    a[:, 0] * flow[..., 1] - a[:, 1] * flow[..., 0],
                ],
                axis=-1,
            )
        ]
    if isinstance(op, ops.Inject):
        into = _injection(op, graph)
        return lambda flow, _: [flow.reshape(len(flow), len(into)) @ into]
    if isinstance(op, ops.Readout):
        out = _reading(op, graph)
        return lambda flow, _: [(flow @ out).reshape(len(flow), out.shape[1] // 2, 2)]
    if isinstance(op, ops.Scale):
        factor = _each(op.factor.data, op)
        return lambda flow, _: [flow * factor]
    if isinstance(op, ops.ShiftLeft):
        times = np.float32(2.0) ** _each(op.amount.data, op)
        return lambda flow, _: [flow * times]
    if isinstance(op, ops.Requant):
        part = _each(op.multiplier.data, op) * np.float32(2.0) ** -_each(op.shift.data, op)
        return lambda flow, _: [flow * part]
    if isinstance(op, (ops.Add, ops.Offset)):
        return lambda flow, _: [flow] * len(op.inputs)
    if isinstance(op, ops.Mul):
        one, other = op.inputs
        return lambda flow, values: [flow * values[other], flow * values[one]]
    if isinstance(op, ops.Lut):
        return _table(op)
    if isinstance(op, ops.Normalize):
        return _normalized(op)
    if isinstance(op, ops.Move):
        return _moved(op, graph)
    return lambda flow, _: []


def _injection(op: ops.Inject, graph: Graph) -> Real:
    """(numbers of the states, inputs)."""
    b = op.b_bar.data.astype(np.float32)
    (inputs,) = graph[op.inputs[0]].type.shape
    if op.heads is None:
        return np.ascontiguousarray(np.moveaxis(b, -1, 1).reshape(-1, inputs))
    into = np.zeros((len(b), 2, inputs), np.float32)
    into[np.arange(len(b)), :, op.heads.data] = b
    return into.reshape(-1, inputs)


def _reading(op: ops.Readout, graph: Graph) -> Real:
    """(outputs, numbers of the states)."""
    c = op.c.data.astype(np.float32) * np.array([1.0, -1.0], np.float32)
    (states,) = graph[op.inputs[0]].type.shape
    if op.heads is None:
        return np.ascontiguousarray(c.reshape(len(c), -1))
    out = np.zeros((op.channels, states, 2), np.float32)
    out[op.heads.data, np.arange(states)] = c
    return out.reshape(op.channels, -1)


def _table(op: ops.Lut) -> Back:
    entries, first = op.entries.data.astype(np.float32), op.first.data
    count = entries.shape[-1]
    reach = max(1, count // 16)
    at = np.arange(count)
    up, down = np.minimum(at + reach, count - 1), np.maximum(at - reach, 0)
    slope = (entries[..., up] - entries[..., down]) / np.maximum(up - down, 1).astype(np.float32)
    (source,) = op.inputs
    if slope.ndim == 1:
        return lambda flow, values: [flow * slope[values[source] - first]]
    rows = np.arange(len(slope))
    return lambda flow, values: [flow * slope[rows, values[source] - first]]


def _normalized(op: ops.Normalize) -> Back:
    (source,) = op.inputs

    def back(flow: Real, values: Values) -> list[Real]:
        x = values[source].astype(np.float32)
        count = x.shape[1]
        total = x.sum(axis=1, keepdims=True) * op.centred
        spread = np.maximum(count * (x * x).sum(axis=1, keepdims=True) - total * total + op.eps, 1.0)
        reciprocal = np.float32(2.0**op.frac) / np.sqrt(spread)
        centre = flow.sum(axis=1, keepdims=True) * op.centred
        ahead = (flow * (count * x - total)).sum(axis=1, keepdims=True) / spread
        return [(reciprocal * (count * flow - centre - ahead * (count * x - total))).astype(np.float32)]

    return back


def _moved(op: ops.Move, graph: Graph) -> Back:
    operands = [graph[name].type.array_shape for name in op.inputs]
    sizes = [int(np.prod(shape)) for shape in operands]
    starts = np.cumsum([0, *sizes])
    numbers = [
        np.arange(start, start + size).reshape(shape)
        for start, size, shape in zip(starts[:-1], sizes, operands, strict=True)
    ]
    taken = op.moved(*numbers).ravel()

    def back(flow: Real, _: Values) -> list[Real]:
        whole = np.zeros((len(flow), int(starts[-1])), np.float32)
        np.add.at(whole.T, taken, flow.reshape(len(flow), -1).T)
        return [
            whole[:, start : start + size].reshape(len(flow), *shape)
            for start, size, shape in zip(starts[:-1], sizes, operands, strict=True)
        ]

    return back
