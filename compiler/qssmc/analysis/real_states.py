"""Real states: real-valued recurrences x' = a x + terms, found in a graph of the float and the discrete stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Scale


@dataclass(frozen=True)
class RealState:
    """x' = a x + terms, as names of ops.

    state: x. transition: the scale of x by a, which nothing else reads. total: the sum, which is x'. terms: what the
    sum adds to it, values that drive the state.
    """

    state: str
    transition: str
    total: str
    terms: tuple[str, ...]


def real_states(graph: Graph) -> Mapping[str, RealState]:
    """Every real state that is scaled and added to what drives it, by its name; sums over the steps are none."""
    found = {}
    for state in graph.states:
        total = graph[graph.updates[state.name]]
        if state.type.complex or not isinstance(total, Add) or state.name in total.inputs:
            continue
        scaled = [op.name for op in graph.operands(total) if isinstance(op, Scale) and op.inputs == (state.name,)]
        if len(scaled) == 1 and graph.users[scaled[0]] == (total,):
            terms = tuple(name for name in total.inputs if name != scaled[0])
            found[state.name] = RealState(state.name, scaled[0], total.name, terms)
    return found
