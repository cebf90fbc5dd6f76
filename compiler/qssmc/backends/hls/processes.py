"""Processes: the step of a graph cut into the processes of a dataflow region, one an op or layer.

A state, the ops on its way round and whatever else belongs to the same layer make one process, so that no value runs
backwards between processes; a matrix product, a crossbar or a normalisation opens a process of its own, and light
ops join the process of the layer that they come from or of their latest operand. What is computed after the last
sample is one more process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import networkx as nx

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant, Inject, Input, Matvec, Normalize, Op, Readout, State, Xbar


@dataclass(frozen=True)
class Process:
    """name: unique; ops in order; states whose value lives here; closing: runs after the last sample alone.

    sends: the name of the output of every step that leaves here.
    """

    name: str
    ops: tuple[Op, ...]
    states: tuple[State, ...]
    closing: bool = False
    sends: str = ""


def is_heavy(op: Op) -> bool:
    """Whether an op takes far longer than the length of its vectors."""
    dense = isinstance(op, (Inject, Readout)) and op.heads is None
    return dense or isinstance(op, (Matvec, Xbar, Normalize))


def processes(graph: Graph) -> tuple[Process, ...]:
    """The processes in an order in which values run forward. Constants belong to none: every process can read them."""
    units = _Units(graph)
    units.join_layers()
    units.join_complex()
    units.join_light()
    taken: set[str] = set()
    found = [_process(graph, members, taken) for members in units.ordered()]
    closing = tuple(op for op in graph.last_ops if not isinstance(op, (Constant, State)))
    if any(output.when == "last" for output in graph.outputs):
        found.append(Process(_unique("closing", taken), closing, (), True))
    found += [
        Process(_unique(f"send_{output.name}", taken), (), (), sends=output.name)
        for output in graph.outputs
        if output.when == "step"
    ]
    return tuple(found)


class _Units:
    """Sets of ops that run in one process, as a graph without cycles; joining two keeps it so."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.position = {op.name: at for at, op in enumerate(graph.ops)}
        running = {op.name for op in (*graph.inputs, *graph.step_ops)}
        ops = [op for op in graph.ops if op.name in running and not isinstance(op, Constant)]
        names = {op.name for op in ops} | {state.name for state in graph.states}
        flow: nx.DiGraph[str] = nx.DiGraph()
        flow.add_nodes_from(op.name for op in graph.ops if op.name in names)
        flow.add_edges_from((i, op.name) for op in ops for i in op.inputs if i in names)
        flow.add_edges_from((value, state) for state, value in graph.updates.items() if value in names)
        self.units: nx.DiGraph[int] = nx.condensation(flow)
        self.members: dict[int, set[str]] = {n: set(self.units.nodes[n]["members"]) for n in self.units}

    def _unit(self, name: str) -> int:
        return next(n for n, members in self.members.items() if name in members)

    def _sorted(self) -> list[int]:
        def first(n: int) -> int:
            return min(self.position[name] for name in self.members[n])

        return list(nx.lexicographical_topological_sort(self.units, key=first))

    def _heavy(self, n: int) -> bool:
        ops = [self.graph[name] for name in self.members[n]]
        return any(is_heavy(op) or (isinstance(op, State) and op.type.complex) for op in ops)

    def _join(self, a: int, b: int) -> bool:
        """Make one unit of two, unless a path between them would become a cycle, both are heavy or one is the input."""
        sources = {op.name for op in self.graph.inputs}
        if a == b or (self._heavy(a) and self._heavy(b)) or sources & (self.members[a] | self.members[b]):
            return False
        joined: nx.DiGraph[int] = nx.DiGraph(nx.contracted_nodes(self.units, a, b, self_loops=False))
        if not nx.is_directed_acyclic_graph(joined):
            return False
        self.units = joined
        self.members[a] |= self.members.pop(b)
        return True

    def _join_named(self, a: str | None, b: str) -> None:
        """Make one unit of those of two values, where both have one."""
        names = {name for members in self.members.values() for name in members}
        if a in names and b in names and a is not None:
            self._join(self._unit(a), self._unit(b))

    def join_layers(self) -> None:
        """What makes up one layer: the parts of an SSM layer, then ops of one origin, starting from the heavy one."""
        for layer in ssm_layers(self.graph):
            answer = {name for term in layer.answer for name in (term.op, *term.through)}
            for part in sorted({layer.readout, layer.result, *layer.inside, *answer}, key=self.position.__getitem__):
                self._join_named(layer.state, part)
        heavy = {
            op.origin: op.name for op in reversed(self.graph.ops) if op.origin and op.name in self.position
            and (is_heavy(op) or (isinstance(op, State)))
        }  # fmt: skip
        for op in self.graph.step_ops:
            self._join_named(heavy.get(op.origin), op.name)

    def join_complex(self) -> None:
        """Complex values stay in one process with what reads them, where they can."""
        for op in reversed(self.graph.step_ops):
            users = [user.name for user in self.graph.users[op.name]]
            if op.type.complex and len(users) == 1:
                self._join_named(users[0], op.name)

    def join_light(self) -> None:
        """Light ops with the unit of their latest operand, or of their reader where they work on samples alone."""

        def latest(op: Op) -> str | None:
            place = {name: at for at, n in enumerate(self._sorted()) for name in self.members[n]}
            operands = [name for name in op.inputs if name in place]
            return max(operands, key=place.__getitem__) if operands else None

        def reader(op: Op) -> str | None:
            alone = all(isinstance(operand, Input) for operand in self.graph.operands(op))
            return next((user.name for user in self.graph.users[op.name]), None) if alone else None

        light = [op for op in self.graph.step_ops if not is_heavy(op) and not isinstance(op, State)]
        for partner in (latest, reader):
            for op in light:
                self._join_named(partner(op), op.name)

    def ordered(self) -> list[list[str]]:
        """The names of each unit in order, the units in order."""
        return [sorted(self.members[n], key=self.position.__getitem__) for n in self._sorted()]


def _process(graph: Graph, members: list[str], taken: set[str]) -> Process:
    ops = [graph[name] for name in members]
    states = tuple(op for op in ops if isinstance(op, State))
    main = next((op for op in ops if is_heavy(op)), states[0] if states else ops[0])
    return Process(_unique(main.origin or main.name, taken), tuple(o for o in ops if o not in states), states)


def _unique(text: str, taken: set[str]) -> str:
    stem = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:48] or "process"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name)
    return name
