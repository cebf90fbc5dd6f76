"""Fixed: the quantisers and tables of a model that was trained quantised, which no pass may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Cast, Op

_BEFORE = ("float", "discrete")  # the stages in which a cast or a grid can only come from the model


def fixed_tables(graph: Graph, op: Op) -> tuple[str, ...]:
    """The tables of an op that the model was trained with, by attribute; none in the stages that give all a grid.

    >>> from qssmc.ir import parse
    >>> graph = parse('''
    ... graph t : float
    ... %u : f64[1] = input
    ... %e : f64[1] = matvec %u weight=@e.weight bias=@e.bias
    ... output y : step = %e
    ... table @e.weight : real[1,1] grid width[]=4 scale[]=0.25
    ...   0.5
    ... table @e.bias : real[1]
    ...   0.0''')
    >>> fixed_tables(graph, graph["e"])
    ('weight',)
    """
    if graph.stage not in _BEFORE or isinstance(op, Cast):
        return ()
    return tuple(name for name, table in op.tables().items() if table.is_real and table.grid is not None)


def are_free(graph: Graph, ops: Iterable[str]) -> bool:
    """Whether none of some ops is a quantiser or has a table that the model was trained with."""
    return not any(is_fixed(graph, graph[name]) for name in ops)


def is_fixed(graph: Graph, op: Op) -> bool:
    """Whether an op is a quantiser, or has a table, that the model was trained with."""
    return graph.stage in _BEFORE and (isinstance(op, Cast) or bool(fixed_tables(graph, op)))


def is_trained_quantised(graph: Graph) -> bool:
    """Whether a float or discrete graph has any of these."""
    return any(is_fixed(graph, op) for op in graph.ops)


def fixed_casts(graph: Graph) -> Iterator[Cast]:
    """The quantisers that the model was trained with, in order."""
    return (op for op in graph.ops if isinstance(op, Cast) and graph.stage in _BEFORE)


def straight_through(graph: Graph) -> Graph:
    """The graph without those quantisers, for derivatives, which are 0 almost everywhere through a rounding."""
    gone: dict[str, str] = {}
    ops: list[Op] = []
    for op in graph.ops:
        inputs = tuple(gone.get(name, name) for name in op.inputs)
        if isinstance(op, Cast) and graph.stage in _BEFORE:
            gone[op.name] = inputs[0]
        else:
            ops.append(replace(op, inputs=inputs))
    if not gone:
        return graph
    updates = {state: gone.get(value, value) for state, value in graph.updates.items()}
    outputs = tuple(replace(output, value=gone.get(output.value, output.value)) for output in graph.outputs)
    return replace(graph.with_ops(ops), updates=updates, outputs=outputs)
