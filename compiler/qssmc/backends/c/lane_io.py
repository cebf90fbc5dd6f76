"""Lane I/O: how a loop over lanes takes in the channels that its injects read, and gives out what its readouts sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import Phase
from qssmc.backends.c.requant_folding import fits16
from qssmc.backends.c.scalar import INT, CType, Expression, arithmetic, narrowed, plus
from qssmc.backends.c.statements import each
from qssmc.backends.c.trace import order_name
from qssmc.backends.c.unit import CUnit
from qssmc.ir.ops import Op, Readout

_SHORTEST = 4  # levels that 16-bit sums must hold to be worth adding into wider ones


@dataclass(frozen=True)
class LaneArray:
    """An array with one element a lane: the element as the loop body writes it, and the lines around the loop."""

    element: Expression
    before: tuple[str, ...]
    after: tuple[str, ...] = ()


def lane_index(lanes: Lanes) -> str:
    """The index of the lane at hand."""
    return "lane" if lanes.width > 1 else "0"


def _heads_table(unit: CUnit, lanes: Lanes) -> str | None:
    """The table of the channels that own lanes, or None where they are 0, 1, 2, ..."""
    if np.array_equal(lanes.heads, np.arange(len(lanes.heads))):
        return None
    name = order_name(unit.layouts, lanes)
    return unit.tables.array(
        f"{name}_heads", [int(head) for head in lanes.heads], f"%{name}: the channel of a lane"
    ).name


def _rest_channel(unit: CUnit, lanes: Lanes, j: str) -> str:
    """The channel of the j-th lane beyond the full parts."""
    name = order_name(unit.layouts, lanes)
    about = f"%{name}: the channel of each further lane, for channels with more states"
    return unit.tables.element(f"{name}_rest", [int(channel) for channel in lanes.rest], j, about).text


def lane_inputs(unit: CUnit, phase: Phase, lanes: Lanes, u: Op) -> LaneArray:
    """Copy the channels u to the lanes of their heads; padded lanes are 0."""
    name = f"{unit.names[u.name]}_lanes"
    ctype = arithmetic(*unit.bounds[u.name].value.span)
    heads, owned = _heads_table(unit, lanes), len(lanes.heads)

    def source(channel: str) -> str:
        return narrowed(Expression(f"{unit.array(phase, u.name)}[{channel}]", phase.element[u.name]), ctype)

    lines = [f"/* each channel of %{u.name} to the lanes of its states */", f"{ctype.text} {name}[{lanes.width}];"]
    for part in range(lanes.full):

        def whole(j: str, first: int = part * owned) -> str:
            return f"{name}[{plus(first, j)}] = {source(f'{heads}[{j}]' if heads else j)};"

        lines += each("j", owned, whole)

    def rest(j: str) -> str:
        return f"{name}[{plus(owned * lanes.full, j)}] = {source(_rest_channel(unit, lanes, j))};"

    lines += each("j", len(lanes.rest), rest)
    lines += each("j", lanes.width, lambda j: f"{name}[{j}] = 0;", start=owned * lanes.full + len(lanes.rest))
    return LaneArray(Expression(f"{name}[{lane_index(lanes)}]", ctype), tuple(lines))


@dataclass(frozen=True)
class SumTypes:
    """The types in which a readout adds up over the levels of a lane: short ones over `levels`, then wide ones."""

    levels: int
    short: CType
    wide: CType


def sum_types(unit: CUnit, lanes: Lanes, op: Readout) -> SumTypes:
    """Sums of 16 bits over as many levels as the bounds allow, if that is worth it, else wide sums throughout."""
    low, high = _terms(unit, lanes, op)
    wide = arithmetic(int(low.sum(axis=0).min()), int(high.sum(axis=0).max()))
    for levels in range(lanes.levels, 0, -1):
        if lanes.levels % levels or (levels < _SHORTEST and levels < lanes.levels):
            continue
        blocks = (-1, levels, lanes.width)
        interval = Interval(low.reshape(blocks).sum(axis=1), high.reshape(blocks).sum(axis=1))
        if fits16(interval):
            return SumTypes(levels, CType(16), wide)
    return SumTypes(lanes.levels, wide, wide)


def of_equal_levels(lanes: Lanes, sums: list[SumTypes]) -> list[SumTypes]:
    """The sums of all readouts of one loop, over as many levels as the shortest of them."""
    levels = min((kind.levels for kind in sums), default=lanes.levels)
    return [replace(kind, levels=levels) for kind in sums]


def _terms(unit: CUnit, lanes: Lanes, op: Readout) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """What each position adds to its lane at least and at most, or 0; (levels, width) each."""
    value, c = unit.bounds[op.inputs[0]].value, np.array(op.c.data, dtype=object)
    low: NDArray[np.object_] = np.array([0] * lanes.states, dtype=object)
    high = low.copy()
    for k, sign in ((0, 1), (1, -1)):
        term = Interval(value.low[:, k], value.high[:, k]).times(sign * c[:, k])
        low, high = low + np.minimum(term.low, 0), high + np.maximum(term.high, 0)
    shape = (lanes.levels, lanes.width)
    return (
        np.array(lanes.place(low), dtype=object).reshape(shape),
        np.array(lanes.place(high), dtype=object).reshape(shape),
    )


def lane_sums(unit: CUnit, phase: Phase, lanes: Lanes, op: Readout, sums: SumTypes) -> LaneArray:
    """Add the lanes of each head and put the heads back in order; channels without lanes are 0."""
    name, y, element = f"{unit.names[op.name]}_lanes", phase.storage[op.name], phase.element[op.name]
    before = [f"{sums.short.text} {name}[{lanes.width}];"]
    source, kind = name, sums.short
    if sums.levels < lanes.levels:
        source, kind = f"{unit.names[op.name]}_wide", sums.wide
        before.append(f"{sums.wide.text} {source}[{lanes.width}];")
        before += each("lane", lanes.width, lambda lane: f"{source}[{lane}] = 0;")
    owned = len(lanes.heads)
    heads = _heads_table(unit, lanes)
    totals = f"{unit.names[op.name]}_sums" if heads else y
    after = [f"/* the sums of the lanes, added up for each channel of %{op.name} */"]
    after += [f"{element.text} {totals}[{owned}];"] if heads else []
    for part in range(lanes.full):
        first = part * owned

        def lane_sum(j: str, first: int = first) -> str:
            lane = Expression(f"{source}[{plus(first, j)}]", kind)
            return (
                f"{totals}[{j}] = {narrowed(lane, element)};" if first == 0 else add_to(f"{totals}[{j}]", lane, element)
            )

        after += each("j", owned, lane_sum)
    if heads:
        after += each("j", op.channels, lambda j: f"{y}[{j}] = 0;")
        after += each("j", owned, lambda j: f"{y}[{heads}[{j}]] = {totals}[{j}];")
    else:
        after += each("j", op.channels, lambda j: f"{y}[{j}] = 0;", start=owned)

    def rest_sum(j: str) -> str:
        lane = Expression(f"{source}[{plus(owned * lanes.full, j)}]", kind)
        return add_to(f"{y}[{_rest_channel(unit, lanes, j)}]", lane, element)

    after += each("j", len(lanes.rest), rest_sum)
    return LaneArray(Expression(f"{name}[{lane_index(lanes)}]", sums.short), tuple(before), tuple(after))


def add_to(target: str, x: Expression, ctype: CType) -> str:
    """The statement target += x, for a target of a type; narrow ones need a cast back from int."""
    if ctype.bits < INT.bits:
        return f"{target} = ({ctype.text})({target} + {x.text});"
    return f"{target} += {narrowed(x, ctype)};"


def channel_sums(unit: CUnit, phase: Phase, op: Readout, index: str) -> LaneArray:
    """A readout of states in no order of heads: each state adds to its channel."""
    y, element = phase.storage[op.name], phase.element[op.name]
    assert op.heads is not None
    about = f"%{op.name}: the channel that a state adds to"
    heads = unit.tables.array(f"{unit.names[op.name]}_heads", [int(head) for head in op.heads.data], about).name
    before = each("j", op.channels, lambda j: f"{y}[{j}] = 0;")
    return LaneArray(Expression(f"{y}[{heads}[{index}]]", element), tuple(before))
