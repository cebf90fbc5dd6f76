"""Input bits: weights that read the samples get bits of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qssmc.analysis.fixed import is_fixed
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, Matvec
from qssmc.ir.table import Table


@dataclass(frozen=True)
class InputBits:
    """Notes `bits` for every matvec on an input: what it rounds away, no later refit can bring back.

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %e : f64[1] = matvec %u weight=@e.weight bias=@e.bias
    ... output y : step = %e
    ... table @e.weight : real[1,1]
    ...   0.3
    ... table @e.bias : real[1]
    ...   0.0''')
    >>> InputBits(8)(before).bits["e.weight"].data.item()
    8
    """

    bits: int

    def __call__(self, graph: Graph) -> Graph:
        first = [
            op.name
            for op in graph.ops
            if isinstance(op, Matvec) and isinstance(graph[op.inputs[0]], Input) and not is_fixed(graph, op)
        ]
        notes = {f"{name}.weight": Table.integer(self.bits) for name in first}
        return replace(graph, bits={**graph.bits, **notes})
