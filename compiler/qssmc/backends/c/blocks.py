"""Blocks: each block of a plan as lines of C, opened by the IR lines of its ops."""

from __future__ import annotations

from qssmc.backends.c.kernel_calls import call_lines, declaration
from qssmc.backends.c.lane_io import (
    LaneArray,
    SumTypes,
    add_to,
    channel_sums,
    lane_index,
    lane_inputs,
    lane_sums,
    of_equal_levels,
    sum_types,
)
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.loops import LoopBody
from qssmc.backends.c.plan import CBlock, Phase
from qssmc.backends.c.scalar import Expression
from qssmc.backends.c.statements import each, loop, scope
from qssmc.backends.c.trace import Trace, elements
from qssmc.backends.c.unit import CUnit
from qssmc.ir.ops import Inject, Op, Readout


def block_lines(unit: CUnit, phase: Phase, block: CBlock, trace: Trace) -> list[str]:
    """The lines of one block."""
    if block.space is None:
        (op,) = block.ops
        return [*call_lines(unit, phase, op), trace.copy(op, phase.storage[op.name], elements(op, unit.layouts))]
    declarations = [line for op in block.ops for line in _declaration(unit, phase, op)]
    write = _lane_loop if isinstance(block.space, Lanes) else _element_loop
    return [*declarations, *write(unit, phase, block, trace)]


def _declaration(unit: CUnit, phase: Phase, op: Op) -> list[str]:
    if phase.is_local(op) or op.name in phase.in_place:
        return []
    return declaration(unit, phase, op)


def _element_loop(unit: CUnit, phase: Phase, block: CBlock, trace: Trace) -> list[str]:
    """A loop over the elements of real vectors."""
    extent = block.ops[0].type.shape[0]
    if extent == 0:
        return []
    body = LoopBody(unit, phase, block, trace, _index("i", extent), {}, {})
    lines = body.write()
    if extent == 1:
        return scope([*body.hoisted, *lines])
    made = loop("i", extent, lines)
    return scope([*body.hoisted, *made]) if body.hoisted else made


def _index(name: str, count: int) -> str:
    return "0" if count == 1 else name


def _lane_loop(unit: CUnit, phase: Phase, block: CBlock, trace: Trace) -> list[str]:
    """Loops over complex states: over levels and lanes, or over the states alone where no order of lanes serves."""
    lanes = block.space
    assert isinstance(lanes, Lanes)
    readouts = [op for op in block.ops if isinstance(op, Readout)]
    injects = [op for op in block.ops if isinstance(op, Inject)]
    if lanes.states == 0:
        return [line for op in readouts for line in _of_no_states(unit, phase, trace, op)]
    index = _state_index(lanes)
    sums: list[SumTypes] = []
    if lanes.is_plain:
        inputs: dict[str, LaneArray] = {}
        operands = {op.name: _channel(unit, phase, op, index) for op in injects}
        outputs = [channel_sums(unit, phase, op, index) for op in readouts]
    else:
        inputs = {name: lane_inputs(unit, phase, lanes, unit.graph[name]) for name in [op.inputs[0] for op in injects]}
        operands = {op.name: inputs[op.inputs[0]].element for op in injects}
        sums = of_equal_levels(lanes, [sum_types(unit, lanes, op) for op in readouts])
        outputs = [lane_sums(unit, phase, lanes, op, kind) for op, kind in zip(readouts, sums, strict=True)]
    adding = {op.name: array.element for op, array in zip(readouts, outputs, strict=True)}
    body = LoopBody(unit, phase, block, trace, index, operands, adding)
    lines = body.write()
    made = _repeated(index, lanes.width, lines) if lanes.is_plain else _nest(unit, lanes, lines, readouts, sums)
    before = [*(line for array in (*inputs.values(), *outputs) for line in array.before), *body.hoisted]
    after = [line for array in outputs for line in array.after]
    traced = [trace.copy(op, phase.storage[op.name], elements(op, unit.layouts)) for op in readouts]
    return scope([*before, *made, *after, *traced])


def _of_no_states(unit: CUnit, phase: Phase, trace: Trace, op: Readout) -> list[str]:
    """A readout of no states: every channel is 0."""
    y = phase.storage[op.name]
    return [*each("j", op.channels, lambda j: f"{y}[{j}] = 0;"), trace.copy(op, y, op.channels)]


def _state_index(lanes: Lanes) -> str:
    """The index of the state at hand."""
    if lanes.levels > 1 and lanes.width > 1:
        return "i"
    if lanes.is_plain:
        return _index("i", lanes.width)
    return "level" if lanes.levels > 1 else lane_index(lanes)


def _channel(unit: CUnit, phase: Phase, op: Inject, index: str) -> Expression:
    """The channel that a state reads, by a table."""
    assert op.heads is not None
    u = op.inputs[0]
    about = f"%{op.name}: the channel that a state reads"
    heads = unit.tables.array(f"{unit.names[op.name]}_heads", [int(head) for head in op.heads.data], about)
    return Expression(f"{unit.array(phase, u)}[{heads.name}[{index}]]", phase.element[u])


def _repeated(index: str, count: int, lines: list[str]) -> list[str]:
    """A loop around lines; where they run once, the lines."""
    return lines if count == 1 else loop(index, count, lines)


def _nest(unit: CUnit, lanes: Lanes, lines: list[str], readouts: list[Readout], sums: list[SumTypes]) -> list[str]:
    """The loops over levels and lanes; where sums of 16 bits do not last, a loop over blocks of levels around them."""
    if lanes.levels > 1 and lanes.width > 1:
        lines = [f"const int i = level * {lanes.width} + lane;", *lines]
    lane = _repeated("lane", lanes.width, lines)
    zero = [line for op in readouts for line in _zeroed(unit, lanes, op)]
    levels = min((kind.levels for kind in sums), default=lanes.levels)
    if levels == lanes.levels:
        return [*zero, *_repeated("level", lanes.levels, lane)]
    flush = [line for op, kind in zip(readouts, sums, strict=True) for line in _flushed(unit, lanes, op, kind)]
    inner = [*zero, *loop("level", f"block + {levels}", lane, start="block"), *flush]
    return loop("block", lanes.levels, inner, step=f" += {levels}")


def _zeroed(unit: CUnit, lanes: Lanes, op: Readout) -> list[str]:
    """The sums of all lanes begin at 0."""
    return each("lane", lanes.width, lambda lane: f"{unit.names[op.name]}_lanes[{lane}] = 0;")


def _flushed(unit: CUnit, lanes: Lanes, op: Readout, kind: SumTypes) -> list[str]:
    """The short sums of all lanes, added to the wide ones."""
    name = unit.names[op.name]
    return each(
        "lane",
        lanes.width,
        lambda lane: add_to(f"{name}_wide[{lane}]", Expression(f"{name}_lanes[{lane}]", kind.short), kind.wide),
    )
