"""Estimate: clocks and resources of the emitted design, from its loops and widths, before any tool has seen it.

A pipelined loop takes its iterations and the depth of its pipeline; a process is the sum of its loops, the interval of
the whole is that of its slowest process. What products and memories take: qssmc.backends.cost_model, as for Verilog.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np

from qssmc.backends.cost_model import Throughput, Use, part, report
from qssmc.backends.hls.blocks import HlsBlock, Item
from qssmc.backends.hls.kernel_calls import lanes_of
from qssmc.backends.hls.tables import HlsTable
from qssmc.backends.hls.unit import HlsUnit, Stream
from qssmc.backends.hls.writer import Writer
from qssmc.ir.ops import Diag, Inject, Matvec, Mul, Normalize, Op, Readout, Requant, Scale, Xbar
from qssmc.ir.types import width_of

_DEPTH = 5  # registers in a pipelined loop


def estimate(unit: HlsUnit, writers: Sequence[Writer], edges: Sequence[Stream]) -> dict[str, Any]:
    """The facts of qssmc.backends.cost_model.report, the part asked for, and the clocks of the closing among them."""
    cycles = {writer.process.name: _busy(unit, writer) for writer in writers}
    flow: nx.DiGraph[str] = nx.DiGraph()
    flow.add_nodes_from(cycles)
    flow.add_edges_from((edge.source, edge.target) for edge in edges)
    reach: dict[str, int] = {}
    for name in nx.topological_sort(flow):
        reach[name] = cycles[name] + max((reach[before] for before in flow.predecessors(name)), default=0)
    step = [writer.process.name for writer in writers if not writer.process.closing]
    pace = Throughput(max(cycles[name] for name in step), max(reach.values()))
    parts = [part(writer.process.name, cycles[writer.process.name], _use(unit, writer)) for writer in writers]
    queues = Use(memories=tuple((edge.depth, _width(unit, edge.value), 1) for edge in edges))
    parts.append(part("streams", 0, queues))
    closing = sum(cycles[name] for name in cycles if name not in step)
    facts = report(pace, parts, unit.options.lanes, unit.options.clock_period)
    return {"part": unit.options.part, "closing_cycles": closing, **facts}


def _width(unit: HlsUnit, name: str) -> int:
    width = unit.graph[name].type.width
    assert width is not None
    return width


def _busy(unit: HlsUnit, writer: Writer) -> int:
    """Clocks of a process: of its loops, and of those that take values in."""
    read = [name for name in writer.work.stored if name in {local for local, _ in writer.work.incoming}]
    return sum(unit.tokens(name) + _DEPTH for name in read) + sum(_cycles(unit, block) for block in writer.work.blocks)


def _use(unit: HlsUnit, writer: Writer) -> Use:
    """What the function of a process is made of."""
    found = Use(memories=tuple(_table(array) for array in dict.fromkeys(writer.used)))
    for block in writer.work.blocks:
        lanes = block.space.order.lanes if block.space is not None and block.space.order is not None else 1
        for item in block.items:
            found += _item(unit, item, lanes)
    for name in [*writer.work.states, *sorted(n for n in writer.work.stored if ":" not in n)]:
        order = unit.orders.get(name)
        lanes = order.lanes if order else 1
        found += Use(memories=((-(-unit.tokens(name) // lanes), _width(unit, name), lanes * len(unit.parts(name))),))
    return found


def _cycles(unit: HlsUnit, block: HlsBlock) -> int:
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


def _item(unit: HlsUnit, item: Item, lanes: int) -> Use:
    """What one item of a loop, or one kernel call, is made of."""
    op = item.op
    if item.kind not in ("op", "sum") or (item.kind == "op" and isinstance(op, Readout) and op.heads is not None):
        return Use(gates=_width(unit, op.name))
    if _matrices(op):
        lanes = lanes_of(unit, _matrices(op)[0][0])
    bits = lanes * unit.bounds[op.name].inner_width * len(unit.parts(op.name))
    stages = 1
    if isinstance(op, Requant) and op.shift.data.size > 1:
        stages += int(np.ptp(op.shift.data)).bit_length()
    return Use(products=tuple((a, b, lanes) for a, b in _products(unit, op)), gates=bits * stages)


def _products(unit: HlsUnit, op: Op) -> list[tuple[int, int]]:
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


def _table(array: HlsTable) -> tuple[int, int, int]:
    width = width_of(int(array.values.min()), int(array.values.max()))[0]
    return len(array.values), width, array.lanes
