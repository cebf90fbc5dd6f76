"""Balance: every complex state is scaled by a power of two so that all of them fill the same range."""

from __future__ import annotations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed import are_free
from qssmc.ir.build import Builder
from qssmc.ir.graph import RANGE_ROWS, Graph
from qssmc.ir.ops import Add, Diag, Inject, Op, Readout, State
from qssmc.ir.table import Table
from qssmc.passes.rewrite import rewrite

_LOW, _HIGH = RANGE_ROWS.index("low_999"), RANGE_ROWS.index("high_999")


def balance(graph: Graph) -> Graph:
    """x_n = s_n x'_n with s_n = 2^ceil(log2 p), p the 99.9 % range of |x_n|: b_bar' = b_bar / s, c' = c s.

    lambda_bar is diagonal, so the transition does not change and the scaling is free. Needs calibrated ranges, and
    scales those of the states with them.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %x : cf64[1] = state
    ... %ax : cf64[1] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : cf64[1] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %xn : cf64[1] = add %ax %bu
    ... %y : f64[1] = readout %xn c=@y.c heads=@bu.heads channels=1
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : real[1,2]
    ...   0.5 0.0
    ... table @bu.b_bar : real[1,2]
    ...   1.0 0.0
    ... table @bu.heads : int[1]
    ...   0
    ... table @y.c : real[1,2]
    ...   1.0 0.0
    ... range %xn : real[7,1,2]
    ...   -3.0 0.0 3.0 0.0 -3.0 0.0 3.0 0.0 -3.0 0.0 3.0 0.0 1.0 0.0''')
    >>> after = balance(before)
    >>> after["bu"].b_bar.data.tolist(), after["y"].c.data.tolist()
    ([[0.25, 0.0]], [[4.0, 0.0]])
    """
    members = _members(graph)

    def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
        if isinstance(op, Inject) and op.name in members:
            factor = members[op.name].reshape(-1, *[1] * (op.b_bar.data.ndim - 1))
            return b.add(
                Inject(b_bar=Table.real(op.b_bar.data / factor), heads=op.heads), op.name, *inputs, origin=op.origin
            )
        if isinstance(op, Readout) and op.inputs[0] in members:
            c = Table.real(op.c.data * members[op.inputs[0]][:, None])
            return b.add(Readout(c=c, heads=op.heads, channels=op.channels), op.name, *inputs, origin=op.origin)
        return None

    ranges = {
        name: Table.real(table.data / members[name][:, None]) if name in members else table
        for name, table in graph.ranges.items()
    }
    return rewrite(graph, graph.stage, replace_op, ranges)


def _members(graph: Graph) -> dict[str, NDArray[np.float64]]:
    """The scale of every value that lives on a state's axis: the state, its transition, input and sum.

    States that are coupled with each other, or read by an op that could not undo their scale, keep theirs.
    """
    links: nx.Graph[str] = nx.Graph()
    for op in graph.ops:
        if isinstance(op, (Diag, Add)) and op.type.complex:
            links.add_edges_from((op.name, name) for name in op.inputs)
    links.add_edges_from((state.name, graph.updates[state.name]) for state in graph.states if state.type.complex)
    members: dict[str, NDArray[np.float64]] = {}
    for family in nx.connected_components(links):
        states = [graph[name] for name in family if isinstance(graph[name], State)]
        if len(states) == 1 and _is_closed(graph, family):
            members |= dict.fromkeys(family, _scale(graph, states[0]))
    return members


def _is_closed(graph: Graph, family: set[str]) -> bool:
    """Whether nothing but injects feeds a family of values, and nothing but readouts looks at it."""
    fed = all(isinstance(graph[name], (State, Diag, Add, Inject)) for name in family)
    users = [user for name in family for user in graph.users[name]]
    if not are_free(graph, [*family, *(user.name for user in users)]):
        return False
    readers = {user.name for user in users if not isinstance(user, Readout)}
    return fed and readers <= family and not any(output.value in family for output in graph.outputs)


def _scale(graph: Graph, state: Op) -> NDArray[np.float64]:
    """2^ceil(log2 p) of each state, 1 for a state that never moves."""
    observed = graph.ranges[graph.updates[state.name]].data
    reach = np.maximum(-observed[_LOW], observed[_HIGH]).max(axis=-1)
    return np.where(reach > 0, np.exp2(np.ceil(np.log2(np.where(reach > 0, reach, 1.0)))), 1.0)
