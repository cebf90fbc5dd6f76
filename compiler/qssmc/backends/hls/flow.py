"""Flow: the streams between the processes, and which processes must know that a sample is the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import networkx as nx

from qssmc.backends.hls.blocks import items_of
from qssmc.backends.hls.order import Order
from qssmc.backends.hls.processes import Process
from qssmc.backends.hls.unit import PARTS, Stream
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant


def edges(
    graph: Graph, processes: tuple[Process, ...], orders: Mapping[str, Order], names: Mapping[str, str]
) -> tuple[Stream, ...]:
    """Every stream. The closing process reads states as the last sample leaves them: it is given their updates."""
    owner = {op.name: p.name for p in processes if not p.closing for op in (*p.ops, *p.states)}
    found: list[Stream] = []
    for process in processes:
        for local in _foreign(graph, process, orders):
            value = graph.updates[local] if process.closing else local
            order = orders.get(value)
            tokens = order.index.size if order else graph[value].type.shape[0]
            for part in PARTS if graph[value].type.complex else ("",):
                name = f"{process.name}_{names[local]}{part}"
                while any(edge.name == name for edge in found):
                    name += "v"
                found.append(Stream(name, value, owner[value], process.name, local, part, process.closing, tokens, 0))
    levels = levels_of(processes, found)
    return tuple(replace(edge, depth=_depth(edge, levels)) for edge in found)


def _foreign(graph: Graph, process: Process, orders: Mapping[str, Order]) -> list[str]:
    """The values that a process reads and does not hold, in order of first use."""
    held = {op.name for op in (*process.ops, *process.states)}
    read = [
        name for op in process.ops for item in items_of(graph, op, orders) for name in (r.value for r in item.reads)
    ]
    read += [graph.updates[state.name] for state in process.states]
    read += [o.value for o in graph.outputs if o.name == process.sends or (process.closing and o.when == "last")]
    outer = [n for n in read if ":" not in n and n not in held and not isinstance(graph[n], Constant)]
    return list(dict.fromkeys(outer))


def levels_of(processes: tuple[Process, ...], found: list[Stream] | tuple[Stream, ...]) -> dict[str, int]:
    """How many processes lie before each one at most."""
    flow: nx.DiGraph[str] = nx.DiGraph()
    flow.add_nodes_from(process.name for process in processes)
    flow.add_edges_from((edge.source, edge.target) for edge in found)
    levels: dict[str, int] = {}
    for name in nx.topological_sort(flow):
        levels[name] = max((levels[before] + 1 for before in flow.predecessors(name)), default=0)
    return levels


def _depth(edge: Stream, levels: Mapping[str, int]) -> int:
    """Room for all samples that can be under way between two processes, so that none waits for another path."""
    return max(2, edge.tokens * max(1, levels[edge.target] - levels[edge.source]))


def needs_last(graph: Graph, processes: tuple[Process, ...], found: tuple[Stream, ...]) -> frozenset[str]:
    """Processes that hold a state, close the sequence, give to what closes it, or send an output."""
    giving = {edge.source for edge in found if edge.closing}
    return frozenset(p.name for p in processes if p.states or p.closing or p.sends or p.name in giving)
