"""System: the ops that make up one diagonal state-space layer, found in a graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Op, Readout, Scale, State


@dataclass(frozen=True)
class System:
    """x' = lambda_bar x + b_bar u, y = Re(sum c x') + d u, as names of ops.

    state: x; transition: the diag; drive: the inject; total: x'; readout: the readout of x'; result: y, which is
    the readout itself or the sum with `feed`, the scale by d (None where there is none).
    """

    state: str
    transition: str
    drive: str
    total: str
    readout: str
    feed: str | None
    result: str


def systems(graph: Graph) -> tuple[System, ...]:
    """Every diagonal single-input system of a discrete graph whose states nothing else looks at, in order."""
    found = (_system(graph, state) for state in graph.states if state.type.complex)
    return tuple(system for system in found if system is not None)


def heads_of(graph: Graph, system: System) -> NDArray[np.int64]:
    """The head of each state."""
    drive = graph[system.drive]
    assert isinstance(drive, Inject)
    assert drive.heads is not None
    return drive.heads.data


def _system(graph: Graph, state: State) -> System | None:
    total = graph[graph.updates[state.name]]
    if not isinstance(total, Add) or len(total.inputs) != 2:
        return None
    terms = graph.operands(total)
    transition = next((op for op in terms if isinstance(op, Diag) and op.inputs == (state.name,)), None)
    drive = next((op for op in terms if isinstance(op, Inject) and op.heads is not None), None)
    if transition is None or drive is None:
        return None
    inside = {state.name: (transition,), transition.name: (total,), drive.name: (total,)}
    if any(graph.users[name] != users for name, users in inside.items()) or len(graph.users[total.name]) != 1:
        return None
    (readout,) = graph.users[total.name]
    if not isinstance(readout, Readout) or readout.heads is None:
        return None
    if any(output.value in (*inside, total.name) for output in graph.outputs) or not _same_heads(drive, readout):
        return None
    feed, result = _result(graph, drive, readout)
    names = (state.name, transition.name, drive.name, total.name, readout.name)
    return System(*names, feed, result)


def _same_heads(drive: Inject, readout: Readout) -> bool:
    return (
        drive.heads is not None and readout.heads is not None and np.array_equal(drive.heads.data, readout.heads.data)
    )


def _result(graph: Graph, drive: Inject, readout: Readout) -> tuple[str | None, str]:
    """The feedthrough that is added to the readout, and the sum."""
    users: tuple[Op, ...] = graph.users[readout.name]
    if len(users) == 1 and isinstance(users[0], Add) and len(users[0].inputs) == 2:
        feed = next((op for op in graph.operands(users[0]) if isinstance(op, Scale)), None)
        if feed is not None and feed.inputs == drive.inputs and graph.users[feed.name] == users:
            return feed.name, users[0].name
    return None, readout.name
