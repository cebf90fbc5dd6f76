"""Survey: what the walk asks of the calibrated graph before it rounds anything."""

from __future__ import annotations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import RANGE_ROWS, Graph
from qssmc.ir.ops import Add, Constant, Offset, Op, Readout

_MIN, _MAX = RANGE_ROWS.index("min"), RANGE_ROWS.index("max")
_USEFUL_BITS = 28  # of a sum: what fits beside its sign and its carries into a 32-bit accumulator


def heads_of_states(graph: Graph) -> dict[str, NDArray[np.int64]]:
    """Which head each state of a complex state op belongs to; all to one where the system is MIMO."""
    found = {}
    for state in graph.states:
        if state.type.complex:
            users = (*graph.users[state.name], *graph.users[graph.updates[state.name]])
            heads = next((op.heads for op in users if isinstance(op, Readout) and op.heads is not None), None)
            found[state.name] = np.zeros(state.type.shape[0], np.int64) if heads is None else heads.data
    return found


def is_counter(graph: Graph, name: str) -> bool:
    """Whether a value is a number of steps: a state that a constant is added to."""
    update = graph[graph.updates[name]] if name in graph.updates else None
    return update is not None and any(isinstance(graph[i], Constant) for i in update.inputs)


def steps_to_centre(ranges: NDArray[np.float64], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """The whole steps of each channel of an input that lie at the middle of its range, where its range is so far from 0
    that a window which holds 0 has twice the reach or more; else 0.

    ranges: (RANGE_ROWS, H); unit: what a step is worth, (H,).
    """
    low, high = ranges[_MIN], ranges[_MAX]
    reach = np.maximum(high, 0.0) - np.minimum(low, 0.0)
    far = (reach >= 2.0 * (high - low)) & (high > low)
    return np.asarray(np.where(far, np.rint((low + high) / 2.0 / unit), 0.0))


def moved_ranges(ranges: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ranges less the centre. Of what is moved the extremes stand for percentiles, which are coarse far from 0."""
    found = ranges.copy()
    for name in ("low_999", "high_999", "low_99999", "high_99999"):
        extreme = ranges[_MIN if name.startswith("low") else _MAX]
        found[RANGE_ROWS.index(name)] = np.where(centre != 0.0, extreme, ranges[RANGE_ROWS.index(name)])
    return np.asarray(found - centre)


def in_time_order(graph: Graph) -> tuple[Op, ...]:
    """The ops, with every plain state behind the value that it becomes where nothing forbids it.

    A plain state, which becomes a value that does not read it, takes that value's grid; of a register of delayed
    values this order holds however the source model names its states.
    """
    dag = graph.dag()
    plain = [(value, state) for state, value in graph.updates.items() if state not in nx.ancestors(dag, value)]
    for value, state in plain:
        if value != state and not nx.has_path(dag, state, value):
            dag.add_edge(value, state)
    place = {op.name: at for at, op in enumerate(graph.ops)}
    return tuple(graph[name] for name in nx.lexicographical_topological_sort(dag, key=place.__getitem__))


def finest_unit(graph: Graph, op: Op) -> NDArray[np.float64]:
    """For each element of an op, the power of two below which a unit tells nothing: 2^-28 of how far it reaches.

    Where the op is nothing but a term of sums, it is how far those reach; 0 where they are silent. Without it, a
    weight that has died would force its tiny unit on every other term.
    """
    reach, users = _reach(graph, op), graph.users[op.name]
    if users and all(isinstance(user, (Add, Offset)) for user in users):
        reach = np.maximum(reach, np.min([_reach(graph, user) for user in users], axis=0))
    moving = reach > 0.0
    return np.asarray(np.where(moving, np.exp2(np.floor(np.log2(np.where(moving, reach, 1.0))) - _USEFUL_BITS), 0.0))


def _reach(graph: Graph, op: Op) -> NDArray[np.float64]:
    observed = graph.ranges[op.name].data
    reach = np.maximum(-observed[_MIN], observed[_MAX])
    return np.asarray(reach.max(axis=-1) if op.type.complex else reach)
