"""SetBitWidths: bits of chosen tables and values, as a search or a user gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qssmc.ir.graph import Graph
from qssmc.ir.table import Table

Notes = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class SetBitWidths:
    """Notes bits by name: of a value's cast by its op's name, of a table as op.attribute; they replace older notes.

    A note of an op that is gone, because all that it fed was pruned, is dropped.

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %r : f64[1] = activation %u kind=relu
    ... output y : step = %r''')
    >>> {name: bits.data.item() for name, bits in SetBitWidths((("r", 5), ("gone.weight", 4)))(before).bits.items()}
    {'r': 5}
    """

    notes: Notes

    def __call__(self, graph: Graph) -> Graph:
        notes = {name: Table.integer(bits) for name, bits in self.notes if name.split(".")[0] in graph.by_name}
        return replace(graph, bits={**graph.bits, **notes}) if notes else graph
