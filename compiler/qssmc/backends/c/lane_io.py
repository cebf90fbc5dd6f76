"""Edges: how a loop over lanes takes in the channels that its injects read, and gives out what its readouts sum up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Interval
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.plan import Phase
from qssmc.backends.c.requant_folding import fits16
from qssmc.backends.c.scalar import CType, arithmetic
from qssmc.backends.c.trace import order_name
from qssmc.backends.c.unit import Unit
from qssmc.ir.ops import Op, Readout

_SHORTEST = 4  # levels that 16-bit sums must hold to be worth adding into wider ones


@dataclass(frozen=True)
class Edge:
    """The element that the loop body uses, its type, and the lines around the loop."""

    element: str
    ctype: CType
    before: tuple[str, ...]
    after: tuple[str, ...] = ()


def heads_table(unit: Unit, lanes: Lanes) -> str | None:
    """The table of the channels that own lanes, or None where they are 0, 1, 2, ..."""
    if np.array_equal(lanes.heads, np.arange(len(lanes.heads))):
        return None
    return unit.tables.array(f"{order_name(unit.layouts, lanes)}_heads", [int(head) for head in lanes.heads])


def take_in(unit: Unit, phase: Phase, lanes: Lanes, u: Op) -> Edge:
    """Copy the channels u to the lanes of their heads; padded lanes are 0."""
    name = f"{unit.names[u.name]}_lanes"
    ctype = arithmetic(*unit.bounds[u.name].value.span)
    heads, owned = heads_table(unit, lanes), len(lanes.heads)
    source = f"({ctype.text}){unit.array(phase, u.name)}"
    lines = [f"{ctype.text} {name}[{lanes.width}];"]
    for part in range(lanes.full):
        value = f"{source}[{f'{heads}[j]' if heads else 'j'}]"
        lines.append(f"for (int j = 0; j < {owned}; j++) {name}[{_plus(part * owned, 'j')}] = {value};")
    used = owned * lanes.full + len(lanes.rest)
    if len(lanes.rest):
        rest = rest_table(unit, lanes)
        to = _plus(owned * lanes.full, "j")
        lines.append(f"for (int j = 0; j < {len(lanes.rest)}; j++) {name}[{to}] = {source}[{rest}];")
    if used < lanes.width:
        lines.append(f"for (int j = {used}; j < {lanes.width}; j++) {name}[j] = 0;")
    return Edge(f"{name}[lane]", ctype, tuple(lines))


def rest_table(unit: Unit, lanes: Lanes) -> str:
    """The channel of the j-th lane beyond the full parts."""
    name = f"{order_name(unit.layouts, lanes)}_rest"
    return unit.tables.element(name, [int(channel) for channel in lanes.rest], "j")


@dataclass(frozen=True)
class Sums:
    """The types in which a readout adds up over the levels of a lane: short ones over `levels`, then wide ones."""

    levels: int
    short: CType
    wide: CType


def sums_of(unit: Unit, lanes: Lanes, op: Readout) -> Sums:
    """Sums of 16 bits over as many levels as the bounds allow, if that is worth it, else wide sums throughout."""
    low, high = _terms(unit, lanes, op)
    wide = arithmetic(int(low.sum(axis=0).min()), int(high.sum(axis=0).max()))
    for levels in range(lanes.levels, 0, -1):
        if lanes.levels % levels or (levels < _SHORTEST and levels < lanes.levels):
            continue
        blocks = (-1, levels, lanes.width)
        interval = Interval(low.reshape(blocks).sum(axis=1), high.reshape(blocks).sum(axis=1))
        if fits16(interval):
            return Sums(levels, CType(16), wide)
    return Sums(lanes.levels, wide, wide)


def common(lanes: Lanes, sums: list[Sums]) -> list[Sums]:
    """The sums of all readouts of one loop over blocks of one length."""
    levels = min((kind.levels for kind in sums), default=lanes.levels)
    return [replace(kind, levels=levels) for kind in sums]


def _terms(unit: Unit, lanes: Lanes, op: Readout) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
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


def give_out(unit: Unit, phase: Phase, lanes: Lanes, op: Readout, sums: Sums) -> Edge:
    """Add the lanes of each head and put the heads back in order; channels without lanes are 0."""
    name, y, element = f"{unit.names[op.name]}_lanes", phase.storage[op.name], phase.element[op.name]
    before = [f"{sums.short.text} {name}[{lanes.width}];"]
    source = name
    if sums.levels < lanes.levels:
        source = f"{unit.names[op.name]}_wide"
        before += [
            f"{sums.wide.text} {source}[{lanes.width}];",
            f"for (int lane = 0; lane < {lanes.width}; lane++) {source}[lane] = 0;",
        ]
    owned = len(lanes.heads)
    heads = heads_table(unit, lanes)
    total = f"{unit.names[op.name]}_sums" if heads else y
    after = [f"{element.text} {total}[{owned}];"] if heads else []
    for part in range(lanes.full):
        lane = f"{source}[{_plus(part * owned, 'j')}]"
        value = lane if part == 0 else f"({element.text})({total}[j] + {lane})"
        after.append(f"for (int j = 0; j < {owned}; j++) {total}[j] = {value};")
    if heads:
        after.append(f"for (int j = 0; j < {op.channels}; j++) {y}[j] = 0;")
        after.append(f"for (int j = 0; j < {owned}; j++) {y}[{heads}[j]] = {total}[j];")
    elif owned < op.channels:
        after.append(f"for (int j = {owned}; j < {op.channels}; j++) {y}[j] = 0;")
    if len(lanes.rest):
        at, lane = f"{y}[{rest_table(unit, lanes)}]", f"{source}[{_plus(owned * lanes.full, 'j')}]"
        after.append(f"for (int j = 0; j < {len(lanes.rest)}; j++) {at} = ({element.text})({at} + {lane});")
    return Edge(f"{name}[lane]", sums.short, tuple(before), tuple(after))


def scatter(unit: Unit, phase: Phase, op: Readout) -> Edge:
    """A readout of states in no order of heads: each state adds to its channel."""
    y, element = phase.storage[op.name], phase.element[op.name]
    assert op.heads is not None
    heads = unit.tables.array(f"{unit.names[op.name]}_heads", [int(head) for head in op.heads.data])
    before = f"for (int j = 0; j < {op.channels}; j++) {y}[j] = 0;"
    return Edge(f"{y}[{heads}[i]]", element, (before,))


def _plus(start: int, index: str) -> str:
    return f"{start} + {index}" if start else index
