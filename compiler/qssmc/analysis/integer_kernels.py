"""Kernel: a diagonal SSM found in an integer graph, as the integer coefficients of its state update and readout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Op, Readout, Requant, Scale, ShiftLeft, State
from qssmc.ir.table import Table

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Kernel:
    """One SSM: x' = update(a x + b u), y = Re(c x') + d u, in integers.

    state, drive, update, answer: the names of x, u, x' and y. a, b, c: (S, 2) pairs; heads: (S,), the channel that each
    state belongs to; d: (H,). a holds the whole factor of x, so a state that keeps its scale has 2^shift in a's re.
    """

    state: str
    drive: str
    update: str
    answer: str
    heads: Integers
    a: Integers
    b: Integers
    c: Integers
    d: Integers

    @property
    def stem(self) -> str:
        """What the names of everything that replaces the kernel begin with."""
        return self.state.removesuffix("_x")

    def states_of(self, head: int) -> Integers:
        """The states of a head, in order."""
        return np.flatnonzero(self.heads == head)


def find_kernels(graph: Graph) -> tuple[Kernel, ...]:
    """Every diagonal SSM of an integer graph, in order.

    Raises UnsupportedModelError for a dense (MIMO) one and for a state update that is not linear before its rounding.
    """
    return tuple(_kernel(graph, op) for op in graph.states if op.type.complex)


@dataclass(frozen=True)
class _Term:
    """factor * op, one term of a sum. factor: a scalar or one an element of op."""

    op: Op
    factor: Integers


def _terms(graph: Graph, op: Op, factor: Integers) -> Iterator[_Term]:
    """The terms of a sum, each with the power of two that shifts give it."""
    if isinstance(op, Add):
        for operand in graph.operands(op):
            yield from _terms(graph, operand, factor)
    elif isinstance(op, ShiftLeft):
        yield from _terms(graph, graph[op.inputs[0]], factor << op.amount.data)
    else:
        yield _Term(op, factor)


def _kernel(graph: Graph, state: State) -> Kernel:
    update = graph[graph.updates[state.name]]
    if not isinstance(update, Requant):
        raise _unfit(state, f"its update ends in {update.mnemonic}, not in a rounding")
    count = state.type.shape[0]
    a, b = np.zeros((count, 2), np.int64), np.zeros((count, 2), np.int64)
    drive, heads = "", np.zeros(0, np.int64)
    for term in _terms(graph, graph[update.inputs[0]], np.ones(count, np.int64)):
        if term.op is state:
            a[:, 0] += term.factor
        elif isinstance(term.op, Diag) and term.op.inputs[0] == state.name:
            a += term.op.lambda_bar.data * term.factor[:, None]
        elif isinstance(term.op, Inject) and term.op.heads is not None and not drive:
            drive, heads = term.op.inputs[0], term.op.heads.data
            b += term.op.b_bar.data * term.factor[:, None]
        else:
            raise _unfit(state, f"its update has a term %{term.op.name} ({term.op.mnemonic}) that no head block holds")
    if not drive:
        raise _unfit(state, "nothing drives it")
    answer, c, d = _readout(graph, state, update, drive)
    return Kernel(state.name, drive, update.name, answer, heads, a, b, c, d)


def _readout(graph: Graph, state: State, update: Requant, drive: str) -> tuple[str, Integers, Integers]:
    """What the array's y columns give: the readout of the new state, with the feedthrough if that is added to it."""
    readers = [op for op in graph.users[update.name] if isinstance(op, Readout)]
    if len(readers) != 1 or readers[0].heads is None or len(graph.users[update.name]) != 1:
        raise _unfit(state, "its new value must be read by one readout of its heads, and by nothing else")
    (readout,) = readers
    value: Op = readout
    while (wider := _sum_with_feedthrough(graph, value, readout, drive)) is not None:
        value = wider
    assert readout.heads is not None
    owner = readout.heads.data
    c, d = np.zeros((len(owner), 2), np.int64), np.zeros(readout.channels, np.int64)
    for term in _terms(graph, value, np.ones(readout.channels, np.int64)):
        if term.op is readout:
            c += readout.c.data * term.factor[owner][:, None]
        else:
            assert isinstance(term.op, Scale)
            d += np.broadcast_to(term.op.factor.data, d.shape) * term.factor
    return value.name, c, d


def _sum_with_feedthrough(graph: Graph, value: Op, readout: Op, drive: str) -> Op | None:
    """The only reader of a value, if it still is a sum of nothing but the readout and multiples of the drive."""
    users = graph.users[value.name]
    if len(users) != 1 or not isinstance(users[0], (Add, ShiftLeft)):
        return None
    one = np.ones(users[0].type.shape, np.int64)
    for term in _terms(graph, users[0], one):
        fed = isinstance(term.op, Scale) and term.op.inputs[0] == drive
        if term.op is not readout and not fed:
            return None
    return users[0]


def shift_of(update: Requant, count: int) -> Integers:
    """The right shift of each state's rounding, (count,). Raises where a multiplier stands beside it."""
    if bool((update.multiplier.data != 1).any()):
        raise UnsupportedModelError(
            f"%{update.name} (from {update.origin}) rounds with a multiplier, so no column can hold the increment; "
            "use --form delayed, or --scheme qssm"
        )
    return np.array(np.broadcast_to(update.shift.data, (count,)), np.int64)


def lane_table(table: Table, count: int) -> Integers:
    """A table of one number a state (or a scalar) as one a state."""
    return np.array(np.broadcast_to(table.data, (count,)), np.int64)


def _unfit(state: State, why: str) -> UnsupportedModelError:
    return UnsupportedModelError(f"%{state.name} (from {state.origin}) cannot be fused into arrays: {why}")
