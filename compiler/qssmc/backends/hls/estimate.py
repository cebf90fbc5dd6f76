"""Estimate: clocks and resources of the emitted design, from its loops and widths, before any tool has seen it.

A pipelined loop takes its iterations and the depth of its pipeline; a process is the sum of its loops, the interval of
the whole is that of its slowest process. Multipliers count as DSP blocks of 27 x 18 bits where both factors are wider
than 4 bits, memories as BRAM of 18 kbit beyond 1 kbit. Good to a factor of two; the vendor's report is the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import networkx as nx
import numpy as np

from qssmc.backends.hls.blocks import Block, Item
from qssmc.backends.hls.tables import Array
from qssmc.backends.hls.unit import Edge, Unit
from qssmc.backends.hls.wholes import lanes_of
from qssmc.backends.hls.writer import Writer
from qssmc.ir.ops import Diag, Inject, Matvec, Mul, Normalize, Op, Readout, Requant, Scale, Xbar
from qssmc.ir.types import width_of

_DEPTH = 5  # registers in a pipelined loop
_DSP = (26, 17)  # bits of a factor beside its sign
_LUT_FACTOR = 4  # bits of a factor that is multiplied in LUTs
_LUT_MEMORY = 1024  # bits of a memory that is built from LUTs


@dataclass(frozen=True)
class Part:
    """What one process takes: clocks a sample, DSP blocks, BRAM of 18 kbit, and LUTs as an order of magnitude."""

    process: str
    cycles: int
    dsp: int
    bram18: int
    luts: int


def estimate(unit: Unit, writers: Sequence[Writer], edges: Sequence[Edge]) -> dict[str, Any]:
    """Parts, and for the whole: interval and latency in clocks and microseconds, DSP, BRAM18 and LUT."""
    parts = [_part(unit, writer) for writer in writers]
    cycles = {part.process: part.cycles for part in parts}
    step = [writer.process.name for writer in writers if not writer.process.closing]
    flow: nx.DiGraph[str] = nx.DiGraph()
    flow.add_nodes_from(cycles)
    flow.add_edges_from((edge.source, edge.target) for edge in edges)
    reach: dict[str, int] = {}
    for name in nx.topological_sort(flow):
        reach[name] = cycles[name] + max((reach[before] for before in flow.predecessors(name)), default=0)
    interval = max(cycles[name] for name in step)
    fifo = [_memory(edge.depth, _width(unit, edge.value)) for edge in edges]
    clock = unit.options.clock_period
    return {
        "part": unit.options.part,
        "clock_period_ns": clock,
        "lanes": unit.options.lanes,
        "interval_cycles": interval,
        "interval_us": round(interval * clock / 1000, 3),
        "latency_cycles": max(reach[name] for name in step),
        "closing_cycles": sum(part.cycles for part in parts if part.process not in step),
        "samples_per_second": round(1e9 / (interval * clock)),
        "dsp": sum(part.dsp for part in parts),
        "bram18": sum(part.bram18 for part in parts) + sum(blocks for blocks, _ in fifo),
        "luts": sum(part.luts for part in parts) + sum(luts for _, luts in fifo),
        "processes": [asdict(part) for part in parts],
    }


def _width(unit: Unit, name: str) -> int:
    width = unit.graph[name].type.width
    assert width is not None
    return width


def _part(unit: Unit, writer: Writer) -> Part:
    read = [name for name in writer.stored if name in {local for local, _ in writer.incoming}]
    cycles = sum(unit.tokens(name) + _DEPTH for name in read)
    dsp = luts = bram = 0
    for block in writer.blocks:
        cycles += _cycles(unit, block)
        lanes = block.space.order.lanes if block.space is not None and block.space.order is not None else 1
        for item in block.items:
            blocks, gates = _item(unit, item, lanes if block.space is not None else 1)
            dsp, luts = dsp + blocks, luts + gates
    memories = [_table(array) for array in dict.fromkeys(writer.used)]
    for name in [*writer.states, *(n for n in writer.stored if ":" not in n)]:
        order = unit.orders.get(name)
        lanes = order.lanes if order else 1
        blocks, gates = _memory(-(-unit.tokens(name) // lanes), _width(unit, name))
        copies = lanes * len(unit.parts(name))
        memories.append((blocks * copies, gates * copies))
    bram += sum(blocks for blocks, _ in memories)
    return Part(writer.process.name, cycles, dsp, bram, luts + sum(gates for _, gates in memories))


def _cycles(unit: Unit, block: Block) -> int:
    if block.space is not None:
        return block.space.trips + _DEPTH
    op = block.items[0].op
    extent = op.type.shape[0]
    if isinstance(op, Normalize):
        return 2 * extent + unit.bounds[op.name].inner_width // 2 + op.frac + 4 * _DEPTH
    matrices = _matrices(op)
    if not matrices:
        return extent * len(unit.parts(op.name)) + _DEPTH
    return sum(-(-outs // lanes_of(unit, outs)) * ins + _DEPTH for outs, ins in matrices)


def _matrices(op: Op) -> list[tuple[int, int]]:
    """Outputs and inputs of the matrices that an op multiplies by."""
    if isinstance(op, (Matvec, Xbar)):
        return [(op.weight.shape[0], op.weight.shape[1])]
    if isinstance(op, Inject) and op.heads is None:
        return [(op.b_bar.shape[0], op.b_bar.shape[1])] * 2
    if isinstance(op, Readout) and op.heads is None:
        return [(op.c.shape[0], 2 * op.c.shape[1])]
    return []


def _item(unit: Unit, item: Item, lanes: int) -> tuple[int, int]:
    """DSP blocks and LUTs of one item of a loop, or of one kernel call."""
    op = item.op
    if item.kind not in ("op", "sum") or (item.kind == "op" and isinstance(op, Readout) and op.heads is not None):
        return 0, _width(unit, op.name)
    if _matrices(op):
        lanes = lanes_of(unit, _matrices(op)[0][0])
    dsp, luts = 0, lanes * unit.bounds[op.name].inner_width * len(unit.parts(op.name))
    for a, b in _products(unit, op):
        if min(a, b) <= _LUT_FACTOR:
            luts += lanes * a * b
        else:
            wide, narrow = max(a, b) - 1, min(a, b) - 1
            dsp += lanes * -(-wide // _DSP[0]) * -(-narrow // _DSP[1])
    if isinstance(op, Requant) and op.shift.data.size > 1:
        stages = int(np.ptp(op.shift.data)).bit_length()
        luts += lanes * stages * unit.bounds[op.name].inner_width * len(unit.parts(op.name))
    return dsp, luts


def _products(unit: Unit, op: Op) -> list[tuple[int, int]]:
    """The widths of the factors of every product that an element of an op takes."""
    x = _width(unit, op.inputs[0]) if op.inputs else 0
    if isinstance(op, Diag):
        return [(_bits(op.lambda_bar.data[:, k]), x) for k in (0, 1) if op.lambda_bar.data[:, k].any()] * 2
    if isinstance(op, Inject):
        return [(_bits(op.b_bar.data[..., k]), x) for k in (0, 1) if op.b_bar.data[..., k].any()]
    if isinstance(op, Readout):
        if op.heads is None:
            return [(_bits(op.c.data), x)]
        return [(_bits(op.c.data[..., k]), x) for k in (0, 1) if op.c.data[..., k].any()]
    if isinstance(op, (Matvec, Xbar)):
        return [(_bits(op.weight.data), x)]
    if isinstance(op, Scale):
        return [(_bits(op.factor.data), x)] * len(unit.parts(op.name))
    if isinstance(op, Mul):
        return [(x, _width(unit, op.inputs[1]))]
    if isinstance(op, Requant) and (op.multiplier.data != 1).any():
        return [(_bits(op.multiplier.data), x)] * len(unit.parts(op.name))
    if isinstance(op, Normalize):
        inner = unit.bounds[op.name].inner_width
        return [(x, x), (inner // 2, inner // 2), (inner // 2, op.frac + 1)]
    return []


def _bits(values: np.ndarray[Any, Any]) -> int:
    return width_of(int(values.min(initial=0)), int(values.max(initial=0)))[0]


def _table(array: Array) -> tuple[int, int]:
    width = width_of(int(array.values.min()), int(array.values.max()))[0]
    blocks, luts = _memory(len(array.values), width)
    return blocks * array.lanes, luts * array.lanes


def _memory(words: int, width: int) -> tuple[int, int]:
    """BRAM of 18 kbit, or LUTs of 64 bits, of one memory."""
    if words * width <= _LUT_MEMORY:
        return 0, -(-words // 64) * width
    return -(-width // 36) * -(-words // 512), 0
