"""Alignment: what bringing the terms of every sum to one binary point costs, a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Normalize, Op, Requant, Scale, ShiftLeft


def alignment_report(quantised: Graph, integer: Graph) -> dict[str, Any]:
    """Shifts, multiplications and bits a step that exist only because scales differ, by op and in total.

    This is the cost that Zhao et al. (arXiv 2506.12480) leave to future work. An op counts once for each element (twice
    if complex); its bits are what it adds to the width of the value. A requant's own shift is rounding, not alignment;
    its multiplier is. The gamma of a layer norm is a weight of the model.
    """
    already = {op.name for op in quantised.ops}
    rows = [row for op in integer.ops if (row := _row(integer, op, already))]
    return {
        "ops": rows,
        "shifts_per_step": sum(row["shifts"] for row in rows),
        "multiplications_per_step": sum(row["multiplications"] for row in rows),
        "bits_per_step": sum(row["bits"] for row in rows),
    }


def _row(graph: Graph, op: Op, already: set[str]) -> dict[str, Any] | None:
    elements = int(np.prod(op.type.array_shape))
    lanes = 2 if op.type.complex else 1
    row: dict[str, Any] = {"op": op.name, "origin": op.origin, "shifts": 0, "multiplications": 0}
    if isinstance(op, ShiftLeft):
        moved = np.broadcast_to(op.amount.data, op.type.shape) != 0
        row["shifts"] = int(moved.sum()) * lanes
    elif isinstance(op, Requant):
        scaled = np.broadcast_to(op.multiplier.data, op.type.shape) != 1
        row["multiplications"] = int(scaled.sum()) * lanes
    elif isinstance(op, Scale) and op.name not in already and not isinstance(graph[op.inputs[0]], Normalize):
        row["multiplications"] = elements
    if not row["shifts"] and not row["multiplications"]:
        return None
    grown = 0 if isinstance(op, Requant) else (op.type.width or 0) - (graph[op.inputs[0]].type.width or 0)
    return {**row, "bits": max(0, grown) * elements}
