"""Hashes: what the emitted testbench compares beside the outputs, one number a value and step, and one a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph

FACTOR = 0x9E3779B97F4A7C15
OPS = "vectors/ops.txt"


def sequence_hash(values: NDArray[Any]) -> int:
    """h = h * FACTOR + value over all elements, modulo 2^64: it changes with every single element.

    >>> sequence_hash(np.array([1, 2])) == (FACTOR + 2) % 2**64
    True
    """
    flat = np.ascontiguousarray(values, np.int64).ravel().view(np.uint64)
    if not flat.size:
        return 0
    powers = np.multiply.accumulate(np.concatenate([[np.uint64(1)], np.full(flat.size - 1, FACTOR, np.uint64)]))
    return int((flat * powers[::-1]).sum(dtype=np.uint64))


class OpHashes:
    """Observes the golden model on one sequence of some steps (see); text is what the testbench reads."""

    def __init__(self, graph: Graph, length: int) -> None:
        self.graph, self.length = graph, length
        self.rows: list[list[int]] = []

    def see(self, t: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Take note of every value of step t, or of the closing where t is the number of steps."""
        ops = self.graph.step_ops if t < self.length else self.graph.last_ops
        self.rows.append([sequence_hash(values[op.name][0]) for op in ops])

    @property
    def text(self) -> str:
        """The number of steps, the number of values, then the hashes as signed numbers, a step a line."""
        counts = len(self.graph.step_ops) + len(self.graph.last_ops)
        rows = [" ".join(str(value - (1 << 64) if value >> 63 else value) for value in row) for row in self.rows]
        return "\n".join([f"{self.length} {counts}", *rows]) + "\n"
