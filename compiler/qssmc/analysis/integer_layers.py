"""Integer layers: the SSM layers of an integer graph with the integer coefficients of their update and readout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import SsmLayer, heads_of, match
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Readout, Requant, Scale, ShiftLeft, State
from qssmc.ir.table import Table

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class IntegerLayer:
    """x' = round(a x + b u), y = Re(c x') + d u, in integers.

    ops: the layer. u: what drives it. a, b, c: (S, 2) pairs; heads: (S,), the channel that each state belongs to; d:
    (H,). a holds the whole factor of x, so a state that keeps its scale has 2^shift in a's re.
    """

    ops: SsmLayer
    u: str
    heads: Integers
    a: Integers
    b: Integers
    c: Integers
    d: Integers

    @property
    def stem(self) -> str:
        """What the names of everything that replaces the layer begin with."""
        return self.ops.state.removesuffix("_x")

    def states_of(self, head: int) -> Integers:
        """The states of a head, in order."""
        return np.flatnonzero(self.heads == head)


def integer_layers(graph: Graph) -> tuple[IntegerLayer, ...]:
    """Every SSM layer of an integer graph, in order.

    Raises UnsupportedModelError for a dense (MIMO) one and for a state update that is not linear before its rounding.
    """
    return tuple(_layer(graph, op) for op in graph.states if op.type.complex)


def _layer(graph: Graph, state: State) -> IntegerLayer:
    ops = match(graph, state)
    if isinstance(ops, str):
        raise _unfit(state, ops)
    if not isinstance(graph[ops.update], Requant) or graph[ops.readout].inputs != (ops.update,):
        raise _unfit(state, "its readout must be of its rounded new value")
    diag, drive, readout = graph[ops.transition], graph[ops.drive], graph[ops.readout]
    assert isinstance(diag, Diag)
    assert isinstance(drive, Inject)
    assert isinstance(readout, Readout)
    count, heads = state.type.shape[0], heads_of(graph, ops)
    a = diag.lambda_bar.data * _factor(graph, ops, diag.name, count)[:, None]
    if ops.kept:
        a[:, 0] += _factor(graph, ops, ops.kept, count)
    b = drive.b_bar.data * _factor(graph, ops, drive.name, count)[:, None]
    c = readout.c.data * _factor(graph, ops, readout.name, readout.channels)[heads][:, None]
    d = np.zeros(readout.channels, np.int64)
    if ops.feed:
        feed = graph[ops.feed]
        assert isinstance(feed, Scale)
        d += np.broadcast_to(feed.factor.data, d.shape) * _factor(graph, ops, feed.name, readout.channels)
    return IntegerLayer(ops, drive.inputs[0], heads, a, b, c, d)


def _factor(graph: Graph, ops: SsmLayer, term: str, count: int) -> Integers:
    """The power of two of each element that shifts give a term of the update or of the result, (count,)."""
    found = np.ones(count, np.int64)
    for name in ops.term(term).through:
        op = graph[name]
        if isinstance(op, ShiftLeft):
            found = found << op.amount.data
        elif not isinstance(op, Add):
            state = graph[ops.state]
            assert isinstance(state, State)
            raise _unfit(state, f"it has a term %{name} ({op.mnemonic}) that no head block holds")
    return found


def shift_of(update: Requant, count: int) -> Integers:
    """The right shift of each state's rounding, (count,). Raises where a multiplier stands beside it."""
    if bool((update.multiplier.data != 1).any()):
        raise UnsupportedModelError(
            f"%{update.name} (from {update.origin}) rounds with a multiplier, so no column can hold the increment; "
            "use --form delayed, or --scheme qssm"
        )
    return each(update.shift, count)


def each(table: Table, count: int) -> Integers:
    """A table of one number a state (or a scalar) as one a state."""
    return np.array(np.broadcast_to(table.data, (count,)), np.int64)


def _unfit(state: State, why: str) -> UnsupportedModelError:
    return UnsupportedModelError(f"%{state.name} (from {state.origin}) cannot be fused into arrays: {why}")
