"""Prove: sets the width of every integer value to the smallest that its proven interval needs."""

from __future__ import annotations

from dataclasses import replace

from qssmc.analysis.bounds import bounds
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input
from qssmc.ir.verify import verify


def prove(graph: Graph) -> Graph:
    """Narrow each integer type to what the interval proof says of it; inputs keep the format of the sensor.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : integer
    ... %u : u4[1] = input
    ... %x : i64[1] = state
    ... %s : i64[1] = add %u %x
    ... %n : i64[1] = requant %s multiplier=1 shift=1 low=-8 high=7
    ... next %x = %n
    ... output y : step = %n''')
    >>> print(print_graph(prove(before)), end="")
    graph t : integer
    %u : u4[1] = input
    %x : i4[1] = state
    %s : i6[1] = add %u %x
    %n : i4[1] = requant %s multiplier=1 shift=1 low=-8 high=7
    next %x = %n
    output y : step = %n
    """
    proven = bounds(graph)
    ops = [
        op if isinstance(op, Input) else replace(op, type=op.type.of(*proven[op.name].value.span)) for op in graph.ops
    ]
    return verify(graph.with_ops(ops))
