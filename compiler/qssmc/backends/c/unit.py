"""Unit: what all parts of the emission of one graph share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from qssmc.analysis.bounds import Bound
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import Phase
from qssmc.backends.c.scalar import CType
from qssmc.backends.c.tables import CTables
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant

Exact = NDArray[Any]  # of Python integers


@dataclass(frozen=True)
class CUnit:
    """One graph on its way to C.

    graph: without the requants that change nothing; source: as it was compiled, whose lines stand in comments; same:
    which value of graph each requant that was left out equals. trace_tables: those that only the trace reads.
    """

    graph: Graph
    source: Graph
    same: Mapping[str, str]
    prefix: str
    names: Mapping[str, str]
    bounds: Mapping[str, Bound]
    layouts: Mapping[str, Lanes]
    tables: CTables
    trace_tables: CTables
    kernels: dict[str, str]  # instances of kernel macros: name -> line that makes it
    reads: tuple[str, ...] = ()  # xbar ops that the HAL of real arrays computes

    def array(self, phase: Phase, name: str) -> str:
        """The array of a stored value; a constant's is a table."""
        op = self.graph[name]
        if isinstance(op, Constant):
            values = [int(value) for value in op.value.data]
            table = self.tables.array(
                f"{self.names[name]}_value", values, f"%{name}: its elements", element=phase.element[name]
            )
            return table.name
        return phase.storage[name]

    def kernel(self, macro: str, *types: CType) -> str:
        """The name of a kernel for the given types, made on first use."""
        short = "_".join(f"{'i' if t.signed else 'u'}{t.bits}" for t in types)
        name = f"{self.prefix}_{macro.lower().removeprefix('qssm_')}_{short}"
        self.kernels[name] = f"{macro}({name}, {', '.join(t.text for t in types)})"
        return name
