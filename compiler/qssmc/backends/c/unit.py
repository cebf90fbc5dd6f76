"""Unit: what all parts of the emission of one graph share, and small pieces of C that several of them need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from qssmc.analysis.bounds import Bound
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import Phase
from qssmc.backends.c.scalar import CType
from qssmc.backends.c.tables import Tables
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant, Op
from qssmc.ir.text import op_line

Exact = NDArray[Any]  # of Python integers


@dataclass(frozen=True)
class Unit:
    """One graph on its way to C."""

    graph: Graph
    prefix: str
    names: Mapping[str, str]
    bounds: Mapping[str, Bound]
    layouts: Mapping[str, Lanes]
    tables: Tables
    kernels: dict[str, str]  # instances of kernel macros: name -> line that makes it
    reads: tuple[str, ...] = ()  # xbar ops that the HAL of real arrays computes

    def array(self, phase: Phase, name: str) -> str:
        """The array of a stored value; a constant's is a table."""
        op = self.graph[name]
        if isinstance(op, Constant):
            values = [int(value) for value in op.value.data]
            return self.tables.array(f"{self.names[name]}_value", values, element=phase.element[name])
        return phase.storage[name]

    def kernel(self, macro: str, *types: CType) -> str:
        """The name of a kernel for the given types, made on first use."""
        short = "_".join(f"{'i' if t.signed else 'u'}{t.bits}" for t in types)
        name = f"{self.prefix}_{macro.lower().removeprefix('qssm_')}_{short}"
        self.kernels[name] = f"{macro}({name}, {', '.join(t.text for t in types)})"
        return name


def comment(ops: Sequence[Op]) -> list[str]:
    """The IR lines of ops as a comment."""
    lines = [op_line(op).replace("/*", "/ *").replace("*/", "* /") for op in ops]
    if len(lines) == 1:
        return [f"/* {lines[0]} */"]
    return [f"/* {lines[0]}", *(f" * {line}" for line in lines[1:]), " */"]


def indented(lines: Sequence[str], steps: int = 1) -> list[str]:
    """Lines moved right by steps of four blanks; preprocessor lines stay."""
    return [line if line.startswith("#") or not line else "    " * steps + line for line in lines]
