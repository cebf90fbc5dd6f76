"""Storage: the bits that every table and every state of an integer graph takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Inject, Op, Requant, ShiftLeft
from qssmc.ir.table import Table
from qssmc.ir.types import width_of

# What the tables of an attribute are called in the report, and what they hold.
_KINDS = {
    "weight": "weights",
    "bias": "biases",
    "value": "biases",
    "lambda_bar": "poles",
    "b_bar": "input weights",
    "c": "output weights",
    "factor": "factors",
    "entries": "lookup tables",
    "multiplier": "multipliers",
    "shift": "exponents",
    "amount": "exponents",
    "low": "zero points",
    "first": "zero points",
    "indices": "chosen channels",
}


@dataclass(frozen=True)
class Part:
    """One table or one state: where it comes from, what it holds, how many numbers and how many bits in all."""

    name: str
    origin: str
    kind: str
    elements: int
    bits: int


def storage_report(graph: Graph, float_parameters: int) -> dict[str, Any]:
    """Parts, totals in bits, and the saving against float32 parameters and float32 states.

    Scalars that become literals of the code are not counted; exponents, zero points, multipliers and the number of
    states of each ragged head are; a number that all states of a head share is stored once a head.
    float_parameters: numbers in the trained model.
    """
    heads = {op.heads.data.size: op.heads.data for op in graph.ops if isinstance(op, Inject) and op.heads is not None}
    parts = [part for op in graph.ops for part in _tables(graph, op, heads)]
    states = [_state(graph, op) for op in graph.states]
    parameter_bits, state_bits = sum(part.bits for part in parts), sum(part.bits for part in states)
    float_bits = 32 * (float_parameters + sum(part.elements for part in states))
    kinds: Counter[str] = Counter()
    for part in (*parts, *states):
        kinds[part.kind] += part.bits
    return {
        "parts": [asdict(part) for part in (*parts, *states)],
        "bits_by_kind": dict(sorted(kinds.items())),
        "parameter_bits": parameter_bits,
        "state_bits": state_bits,
        "total_bytes": (parameter_bits + state_bits + 7) // 8,
        "float32_bytes": float_bits // 8,
        "times_smaller": round(float_bits / max(1, parameter_bits + state_bits), 2),
    }


def _tables(graph: Graph, op: Op, heads: Mapping[int, NDArray[np.int64]]) -> list[Part]:
    found = []
    for name, whole in op.tables().items():
        table = _once_a_head(whole, heads[whole.data.size]) if _is_per_state(op, name, whole, heads) else whole
        if name == "heads":
            bits = _raggedness(table, graph[op.inputs[0]].type.shape[0]) if isinstance(op, Inject) else 0
            found.append(Part(f"{op.name}.{name}", op.origin, "head sizes", table.data.size, bits))
        elif name == "low" and isinstance(op, Requant) and (widths := _widths(op)) is not None and table.shape:
            bits = int(widths.max()).bit_length() * table.data.size
            found.append(Part(f"{op.name}.width", op.origin, "state widths", table.data.size, bits))
        elif name == "high" or table.shape == () or (name == "bias" and not table.data.any()):
            continue  # high is low + 2^bits - 1; scalars are literals; a zero bias is no table
        else:
            bits = _bits(graph, op, name, table)
            found.append(Part(f"{op.name}.{name}", op.origin, _KINDS[name], table.data.size, bits))
    return [part for part in found if part.bits]


def _bits(graph: Graph, op: Op, name: str, table: Table) -> int:
    if name == "indices":
        return (graph[op.inputs[0]].type.shape[0] - 1).bit_length() * table.data.size
    if table.grid is not None and name == "b_bar":
        return _planes(table)
    if table.grid is not None:
        return table.stored_bits()
    if isinstance(op, (Requant, ShiftLeft)) and name in ("shift", "amount"):
        # One exponent serves all the shifts of one state or channel; the largest decides the field's width.
        return int(table.data.max(initial=0)).bit_length() * table.data.size
    low, high = int(table.data.min(initial=0)), int(table.data.max(initial=0))
    return width_of(low, high)[0] * table.data.size


def _widths(op: Requant) -> NDArray[np.int64] | None:
    """The bits of each element where all clamps are symmetric and differ: one small number tells low and high."""
    top = np.asarray(op.high.data)
    full = ((top & (top + 1)) == 0).all() and np.array_equal(op.low.data, -top)
    return np.array([int(high).bit_length() + 1 for high in top.ravel()]) if full and top.size else None


def _planes(table: Table) -> int:
    """Bits of an input weight's re and im; one that is 0 for all states is no table."""
    assert table.grid is not None
    width = np.broadcast_to(table.grid.width, table.data.shape)
    return sum(int(width[..., part].sum()) for part in (0, 1) if table.data[..., part].any())


def _raggedness(heads: Table, channels: int) -> int:
    """Bits that tell how many states each head has, empty ones among them; none where all have the same number."""
    counts = np.bincount(heads.data, minlength=channels)
    return 0 if np.ptp(counts) == 0 else channels * int(counts.max()).bit_length()


def _is_per_state(op: Op, name: str, table: Table, heads: Mapping[int, NDArray[np.int64]]) -> bool:
    return op.type.complex and name != "heads" and table.data.ndim == 1 and table.data.size in heads


def _once_a_head(table: Table, heads: NDArray[np.int64]) -> Table:
    """One number a head of a per-state table, if the states of each head agree; else the table."""
    _, first, owner = np.unique(heads, return_index=True, return_inverse=True)
    agree = bool((table.data == table.data[first][owner]).all())
    shared = agree and (table.grid is None or table.grid.width.ndim == 0)
    return Table(table.data[first], table.grid) if shared else table


def _state(graph: Graph, op: Op) -> Part:
    """A state is stored in the bits of its levels, which may differ; a zero point off the middle is its requant's."""
    elements = int(np.prod(op.type.array_shape))
    update = graph[graph.updates[op.name]]
    if not isinstance(update, Requant):
        return Part(op.name, op.origin, "state", elements, elements * (op.type.width or 0))
    levels = np.broadcast_to(update.high.data - update.low.data, op.type.shape)
    bits = sum(int(number).bit_length() for number in levels) * (2 if op.type.complex else 1)
    return Part(op.name, op.origin, "state", elements, bits)
