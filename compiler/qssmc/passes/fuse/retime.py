"""Retime: values that come late delay what follows them, and the sequence's answer waits for the last of them.

Every value gets a lag, the steps that it is late by. Where a value meets a later one it waits in registers; a state
that is late stands still until the first sample has reached it; and what is answered after the last sample is computed
from a few steps more, whose own samples come to nothing. So the answer is that of the graph in which nothing is late,
bit for bit, and an output of every step is the same one, only lag steps later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from qssmc.analysis.bounds import Bound, bounds
from qssmc.crossbar.names import FLUSH
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant, Input, Mul, Op, Pair, Requant, State, Take, Unpair
from qssmc.ir.table import Table
from qssmc.ir.types import WIDEST, Type
from qssmc.ir.verify import verify
from qssmc.passes.rewrite import Rebuilder


def retime(graph: Graph, late: frozenset[str]) -> Graph:
    """The graph with its late values, each one step late, waited for. Without any it is returned as it is."""
    if not late:
        return graph
    lags = lags_of(graph, late)
    waiting = _Wait(graph, lags).built()
    return verify(_flushed(waiting, graph, lags))


def lags_of(graph: Graph, late: frozenset[str]) -> dict[str, int]:
    """The steps that every value is late by; a state is as late as what it becomes."""
    lags = {op.name: 0 for op in graph.ops}
    while True:
        before = dict(lags)
        for op in graph.ops:
            if isinstance(op, State):
                lags[op.name] = lags[graph.updates[op.name]]
            else:
                lags[op.name] = max([lags[name] for name in op.inputs], default=0) + (op.name in late)
        if lags == before:
            return lags


class _Wait:
    """names: the value that stands for each op of the graph; waiting: by value and lag."""

    def __init__(self, graph: Graph, lags: Mapping[str, int]) -> None:
        self.source, self.lags = graph, lags
        self.b = Rebuilder(graph, "integer")
        self.proven = bounds(graph)
        self.waiting: dict[tuple[str, int], str] = {}
        self.begun: dict[int, str] = {}

    def built(self) -> Graph:
        """The graph with registers where a value waits."""
        every_step = {op.name for op in self.source.step_ops}
        for op in self.source.ops:
            inputs = op.inputs  # what closes the sequence is written anew by the flush
            if op.name in every_step:
                inputs = tuple(self.wait(name, self._needs(op)) for name in op.inputs)
            self.b.append(replace(op, inputs=inputs))
        self.b.updates |= {state: self.update(state, value) for state, value in self.source.updates.items()}
        self.b.outputs = list(self.source.outputs)
        return replace(self.b.graph(), scales=self.source.scales, kept=self.source.kept)

    def _needs(self, op: Op) -> int:
        """The lag of an op's operands."""
        return max([self.lags[name] for name in op.inputs], default=0)

    def wait(self, name: str, lag: int) -> str:
        """A value as late as its neighbours; what never changes need not wait."""
        if self.lags[name] == lag or isinstance(self.source[name], Constant):
            return name
        if (name, lag) not in self.waiting:
            origin, type_ = self.source[name].origin, self.source[name].type
            before = self.wait(name, lag - 1)
            later = self.b.fresh(f"{name}_late{lag - self.lags[name]}")
            state = self.b.state(later, replace(type_, width=WIDEST, signed=True), origin)
            self.b.updates[state] = self.clamped(f"{later}_n", before, self.proven[name], origin)
            self.waiting[name, lag] = state
        return self.waiting[name, lag]

    def clamped(self, stem: str, value: str, bound: Bound, origin: str) -> str:
        """A value as a register takes it: within what is proven of it, which changes nothing."""
        low, high = bound.value.span
        one, none = Table.integer(1), Table.integer(0)
        return self.b.add(
            Requant(multiplier=one, shift=none, low=Table.integer(min(low, 0)), high=Table.integer(max(high, 0))),
            self.b.fresh(stem),
            value,
            origin=origin,
        )

    def update(self, state: str, value: str) -> str:
        """What a state becomes: nothing, as long as no sample has come to it."""
        lag, op = self.lags[value], self.source[value]
        if not lag:
            return value
        extent = op.type.shape[0] * (2 if op.type.complex else 1)
        lanes = (
            self.b.add(Unpair(), self.b.fresh(f"{state}_lanes"), value, origin=op.origin) if op.type.complex else value
        )
        gate = self.b.add(
            Take(indices=Table.integer(np.zeros(extent, np.int64))),
            self.b.fresh(f"{state}_begun"),
            self.flag(lag),
            origin=op.origin,
        )
        gated = self.b.add(Mul(), self.b.fresh(f"{state}_gated"), lanes, gate, origin=op.origin)
        held = self.clamped(f"{state}_held", gated, self.proven[value], op.origin)
        return self.b.add(Pair(), self.b.fresh(f"{state}_pair"), held, origin=op.origin) if op.type.complex else held

    def flag(self, lag: int) -> str:
        """1 from the step on at which the first sample has come so far, before that 0."""
        if lag not in self.begun:
            before = (
                self.flag(lag - 1) if lag > 1 else self.b.add(Constant(value=Table.integer([1])), self.b.fresh("begun"))
            )
            state = self.b.state(self.b.fresh(f"begun_late{lag}"), Type((1,), WIDEST))
            one, none = Table.integer(1), Table.integer(0)
            name = self.b.fresh(f"{state}_n")
            clamp = Requant(multiplier=one, shift=none, low=none, high=one)
            self.b.updates[state] = self.b.add(clamp, name, before)
            self.begun[lag] = state
        return self.begun[lag]


def _flushed(graph: Graph, source: Graph, lags: Mapping[str, int]) -> Graph:
    """The graph whose answer after the last sample takes each late state as many steps further as it is late.

    source: the graph before anything waited, whose closing ops read each state as it stands after its own flush.
    """
    most = max([lags[op.name] for op in source.last_ops if isinstance(op, State)], default=0)
    if not most:
        return graph
    b = Rebuilder(graph, "integer")
    for op in graph.ops:
        b.append(op)
    states = {op.name: op.name for op in graph.states}
    answers = [{**states}]
    for step in range(1, most + 1):
        found = _again(b, graph.step_ops, states, f"{FLUSH}{step}")
        states = {state: found[value] for state, value in graph.updates.items()}
        answers.append(states)
    at = {op.name: answers[lags[op.name]][op.name] for op in source.states}
    closing = _again(b, source.last_ops, at, f"{FLUSH}_answer")
    b.updates = dict(graph.updates)
    b.outputs = [replace(o, value=closing[o.value]) if o.when == "last" else o for o in graph.outputs]
    made = b.graph()
    scales = dict(graph.scales) | {closing[name]: table for name, table in graph.scales.items() if name in closing}
    known = {name: table for name, table in scales.items() if name in made.by_name}
    return replace(made, scales=known, kept=graph.kept).without_dead_ops()


def _again(b: Rebuilder, ops: tuple[Op, ...], states: Mapping[str, str], suffix: str) -> dict[str, str]:
    """The ops once more, on other values of the states; samples are zeros. Names by the name of the original."""
    names: dict[str, str] = {}
    stand_in: Mapping[type[Op], Callable[[Op], str]] = {
        State: lambda op: states[op.name],
        Constant: lambda op: op.name,
        Input: lambda op: b.add(Constant(value=Table.integer(np.zeros(op.type.shape, np.int64))), f"{op.name}{suffix}"),
    }
    for op in ops:
        if type(op) in stand_in:
            names[op.name] = stand_in[type(op)](op)
        else:
            inputs = tuple(names[name] for name in op.inputs)
            names[op.name] = b.append(replace(op, name=f"{op.name}{suffix}", inputs=inputs))
    return names
