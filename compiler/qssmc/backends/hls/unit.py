"""Unit: what all parts of the emission of one graph share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Bound
from qssmc.backends.hls.options import HlsOptions
from qssmc.backends.hls.order import Order
from qssmc.backends.hls.processes import Process
from qssmc.backends.hls.tables import HlsTables
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.text import op_line

PARTS = ("_re", "_im")


@dataclass(frozen=True)
class Stream:
    """A stream: `value` as process `source` makes it, for process `target`, which calls it `local`."""

    name: str
    value: str
    source: str
    target: str
    local: str
    part: str
    closing: bool
    tokens: int
    depth: int


@dataclass(frozen=True)
class HlsUnit:
    """One graph on its way to C++. offsets: where a trace stores each value, by phase; trace_tables: what it reads."""

    graph: Graph
    prefix: str
    options: HlsOptions
    names: Mapping[str, str]
    bounds: Mapping[str, Bound]
    orders: Mapping[str, Order]
    processes: tuple[Process, ...]
    tables: HlsTables
    trace_tables: HlsTables
    offsets: Mapping[str, Mapping[str, int]]

    def parts(self, name: str) -> tuple[str, ...]:
        """The suffixes of a value's arrays and variables: re and im of a complex one."""
        return PARTS if self.graph[name].type.complex else ("",)

    def element(self, name: str) -> str:
        """The C++ type of a value's elements."""
        return f"{self.names[name]}_t"

    def accumulator(self, name: str) -> str:
        """The C++ type that holds every intermediate result of an op."""
        return f"{self.names[name]}_acc_t"

    def tokens(self, name: str) -> int:
        """Elements of a part of a value as a stream carries them, padding included."""
        order = self.orders.get(name)
        return order.index.size if order else self.graph[name].type.shape[0]


def per_element(data: NDArray[np.int64], extent: int) -> NDArray[np.int64]:
    """A scalar table or one number an element, as one number an element."""
    return np.broadcast_to(data, (extent,))


def comment(ops: Sequence[Op]) -> list[str]:
    """The IR lines of ops as comments; a backslash at the end would continue one."""
    return [f"// {op_line(op)}".replace("\\", "/") for op in ops]


def indented(lines: Sequence[str], steps: int = 1) -> list[str]:
    """Lines moved right by steps of four blanks; preprocessor lines stay."""
    return [line if line.startswith("#") or not line else "    " * steps + line for line in lines]
