"""Blocks: each block of a plan as lines of C, opened by the IR lines of its ops."""

from __future__ import annotations

from qssmc.backends.c.kernel_calls import single
from qssmc.backends.c.lane_io import Edge, Sums, common, give_out, scatter, sums_of, take_in
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.loops import LoopBody
from qssmc.backends.c.plan import Block, Phase
from qssmc.backends.c.trace import Trace, elements
from qssmc.backends.c.unit import Unit, comment, indented
from qssmc.ir.ops import Inject, Op, Readout


def block_lines(unit: Unit, phase: Phase, block: Block, trace: Trace) -> list[str]:
    """The lines of one block."""
    if block.space is None:
        (op,) = block.ops
        lines = single(unit, phase, op)
        after = [trace.copy(op, phase.storage[op.name], elements(op, unit.layouts))]
        return [*comment(block.ops), *lines, *after]
    lanes = block.space if isinstance(block.space, Lanes) else None
    body = LoopBody(unit, phase, block, trace)
    declarations = [line for op in block.ops for line in _declaration(unit, phase, op)]
    if lanes is None:
        loop = _loop("i", block.ops[0].type.shape[0], body.write())
        if body.hoisted:
            loop = ["{", *indented([*body.hoisted, *loop]), "}"]
        return [*comment(block.ops), *declarations, *loop]
    readouts = [op for op in block.ops if isinstance(op, Readout)]
    inputs = _inputs(unit, phase, block, lanes, body)
    if lanes.is_plain:
        outputs = [scatter(unit, phase, op) for op in readouts]
        body.sums = {op.name: (edge.element, edge.ctype) for op, edge in zip(readouts, outputs, strict=True)}
        loop = _loop("i", lanes.width, body.write())
    else:
        sums = common(lanes, [sums_of(unit, lanes, op) for op in readouts])
        outputs = [give_out(unit, phase, lanes, op, kind) for op, kind in zip(readouts, sums, strict=True)]
        body.sums = {op.name: (edge.element, edge.ctype) for op, edge in zip(readouts, outputs, strict=True)}
        loop = _nest(unit, body, lanes, readouts, outputs, sums)
    before = [*(line for edge in (*inputs, *outputs) for line in edge.before), *body.hoisted]
    after = [line for edge in outputs for line in edge.after]
    traced = [trace.copy(op, phase.storage[op.name], elements(op, unit.layouts)) for op in readouts]
    return [*comment(block.ops), *declarations, "{", *indented([*before, *loop, *after, *traced]), "}"]


def _declaration(unit: Unit, phase: Phase, op: Op) -> list[str]:
    if phase.is_local(op) or op.name in phase.in_place:
        return []
    count = elements(op, unit.layouts)
    zero = "" if count else " = {0}"
    return [f"{phase.element[op.name].text} {phase.storage[op.name]}[{max(1, count)}]{zero};"]


def _loop(index: str, count: int | str, body: list[str], start: str = "0", step: str = "++") -> list[str]:
    return [f"for (int {index} = {start}; {index} < {count}; {index}{step}) {{", *indented(body), "}"]


def _inputs(unit: Unit, phase: Phase, block: Block, lanes: Lanes, body: LoopBody) -> list[Edge]:
    """What the injects of a block read, each channel vector once."""
    edges: dict[str, Edge] = {}
    for op in block.ops:
        if not isinstance(op, Inject):
            continue
        u = unit.graph[op.inputs[0]]
        if lanes.is_plain:
            assert op.heads is not None
            heads = unit.tables.array(f"{unit.names[op.name]}_heads", [int(head) for head in op.heads.data])
            body.injected[op.name] = f"{unit.array(phase, u.name)}[{heads}[i]]"
        else:
            edges[u.name] = take_in(unit, phase, lanes, u)
            body.injected[op.name] = edges[u.name].element
    return list(edges.values())


def _nest(
    unit: Unit, body: LoopBody, lanes: Lanes, readouts: list[Readout], outputs: list[Edge], sums: list[Sums]
) -> list[str]:
    """The loops over levels and lanes; where sums of 16 bits do not last, a loop over blocks of levels around them."""
    lane = _loop("lane", lanes.width, [f"const int i = level * {lanes.width} + lane;", *body.write()])
    zero = [f"for (int lane = 0; lane < {lanes.width}; lane++) {edge.element} = 0;" for edge in outputs]
    levels = min((kind.levels for kind in sums), default=lanes.levels)
    if levels == lanes.levels:
        return [*zero, *_loop("level", lanes.levels, lane)]
    flush = []
    for op, edge, kind in zip(readouts, outputs, sums, strict=True):
        wide = f"{unit.names[op.name]}_wide[lane]"
        line = f"{wide} = ({kind.wide.text})({wide} + {edge.element});"
        flush.append(f"for (int lane = 0; lane < {lanes.width}; lane++) {line}")
    inner = [*zero, *_loop("level", f"block + {levels}", lane, start="block"), *flush]
    return _loop("block", lanes.levels, inner, step=f" += {levels}")
