"""Plan: which ops of a phase share a loop, in which order the loops run, and where each value is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qssmc.analysis.bounds import Bound
from qssmc.backends.c.lanes import Lanes
from qssmc.backends.c.scalar import CType, arithmetic, storage, stored
from qssmc.ir.graph import Graph
from qssmc.ir.ops import (
    Add,
    Advance,
    Concat,
    Constant,
    Diag,
    Inject,
    Input,
    Lut,
    Matvec,
    Mul,
    Normalize,
    Offset,
    Op,
    Pair,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    State,
    Take,
    Unpair,
    Xbar,
)

SOURCES = (Input, State, Constant)
SINGLES = (Matvec, Xbar, Concat, Lut, Normalize, Slice, Take, Pair, Unpair)  # and MIMO injects and readouts
ELEMENTWISE = (Diag, Scale, Offset, Add, Mul, Advance, Requant, ShiftLeft)  # and diagonal injects and readouts

# What a loop runs over: a number of elements, or the lanes of a layout.
Space = int | Lanes


@dataclass
class CBlock:
    """Ops emitted together: one loop over a space, or a single op where space is None."""

    space: Space | None
    ops: list[Op]


@dataclass(frozen=True)
class Phase:
    """One function of the emitted C: "step" or "last".

    storage: the array of each value that has one. element: its C type, which for views and for values written over a
    state is that of the array beneath. in_place: op -> the state whose array it writes. copies: states that
    take their new value after everything else has run, with the op to copy.
    """

    name: str
    ops: tuple[Op, ...]
    blocks: tuple[CBlock, ...]
    storage: Mapping[str, str]
    element: Mapping[str, CType]
    in_place: Mapping[str, str]
    copies: tuple[tuple[str, str], ...]
    users: Mapping[str, tuple[Op, ...]]

    def is_local(self, op: Op) -> bool:
        """Whether the value never leaves its loop."""
        return op.name not in self.storage


def is_loop(op: Op) -> bool:
    """Whether an op is computed inside a loop with others."""
    if isinstance(op, (Inject, Readout)):
        return op.heads is not None
    return isinstance(op, ELEMENTWISE)


def reads_whole(op: Op, operand: Op) -> bool:
    """Whether a loop reads an operand by other indices than its own, which must then be known before it starts."""
    return isinstance(op, Inject) or (operand.name in op.inputs[1:2] and isinstance(op, Requant))


def is_view(op: Op) -> bool:
    """Whether an op is a pointer into the array of its operand. (A part of a complex value is two ranges, not one.)"""
    return isinstance(op, (Pair, Unpair)) or (isinstance(op, Slice) and not op.type.complex)


def input_type(graph: Graph) -> CType:
    """The element of a sample, which every input op reads."""
    spans = [op.type.bounds for op in graph.inputs]
    return storage(min([0, *(low for low, _ in spans)]), max([0, *(high for _, high in spans)]))


def saturates(graph: Graph, op: Input) -> bool:
    """Whether samples can lie beyond the format of an input, because its bits do not fill the element of a sample."""
    return bool(op.type.shape[0]) and input_type(graph).bounds != op.type.bounds


def reach(bound: Bound) -> tuple[int, int]:
    """The span of a value and of every intermediate result on its way."""
    low, high = bound.value.span
    return min(bound.inner[0], low), max(bound.inner[1], high)


def is_sum(op: Op) -> bool:
    """Whether an op sums into its array, which must then hold every partial sum."""
    return isinstance(op, (Matvec, Xbar, Readout)) or (isinstance(op, Inject) and op.heads is None)


def plan(
    graph: Graph, phase: str, layouts: Mapping[str, Lanes], names: Mapping[str, str], bounds: Mapping[str, Bound]
) -> Phase:
    """The plan of a phase, "step" or "last"; names are the C identifiers."""
    planner = _Planner(graph, phase, layouts)
    planner.place_all()
    planner.sink()
    return planner.finish(names, bounds)


class _Planner:
    """Places the ops of one phase into blocks."""

    def __init__(self, graph: Graph, phase: str, layouts: Mapping[str, Lanes]) -> None:
        self.graph, self.phase, self.layouts = graph, phase, layouts
        self.ops = graph.step_ops if phase == "step" else graph.last_ops
        self.updates = dict(graph.updates) if phase == "step" else {}
        names = {op.name for op in self.ops}
        self.users = {op.name: tuple(user for user in graph.users[op.name] if user.name in names) for op in self.ops}
        self.leaving = {output.value for output in graph.outputs if output.when == phase}
        self.kept = self.leaving | set(self.updates.values())
        self.blocks: list[CBlock] = []
        self.index: dict[str, int] = {}

    def space(self, op: Op) -> Space:
        """What the loop around an op runs over."""
        if isinstance(op, Readout):
            return self.layouts[op.inputs[0]]
        return self.layouts[op.name] if op.type.complex else op.type.shape[0]

    def place_all(self) -> None:
        """Each op into the first block that comes late enough for its operands."""
        for op in self.ops:
            if isinstance(op, SOURCES):
                self.index[op.name] = -1
                continue
            space = self.space(op) if is_loop(op) else None
            earliest = max((self._after(op, operand) for operand in self.graph.operands(op)), default=0)
            self.index[op.name] = self._block_from(max(0, earliest), space)
            self.blocks[self.index[op.name]].ops.append(op)

    def _after(self, op: Op, operand: Op) -> int:
        at = self.index[operand.name]
        within = at >= 0 and is_loop(op) and is_loop(operand) and not isinstance(operand, Readout)
        return at if within and not reads_whole(op, operand) and self.space(op) == self.space(operand) else at + 1

    def _block_from(self, earliest: int, space: Space | None) -> int:
        if space is not None:
            for at in range(earliest, len(self.blocks)):
                if self.blocks[at].space == space:
                    return at
        self.blocks.append(CBlock(space, []))
        return len(self.blocks) - 1

    def sink(self) -> None:
        """Move an op into the later loop that alone reads it, where that saves storing it and stores nothing else."""
        for op in reversed(self.ops):
            if not is_loop(op) or isinstance(op, Readout) or op.name in self.kept or not self.users[op.name]:
                continue
            targets = {self.index[user.name] for user in self.users[op.name]}
            at, target = self.index[op.name], min(targets)
            block = self.blocks[target]
            alone = len(targets) == 1 and target != at and block.space == self.space(op)
            joined = alone and all(is_loop(user) and not reads_whole(user, op) for user in self.users[op.name])
            if joined and self._stores_nothing_else(op):
                self.blocks[at].ops.remove(op)
                block.ops.append(op)
                self.index[op.name] = target

    def _stores_nothing_else(self, op: Op) -> bool:
        """Whether every operand is stored anyway, or is read by op alone and can move with it in the same way."""
        return all(
            self._is_stored(operand, besides=None if reads_whole(op, operand) else op)
            or (self.users[operand.name] == (op,) and not isinstance(op, Inject) and self._stores_nothing_else(operand))
            for operand in self.graph.operands(op)
        )

    def _is_stored(self, op: Op, besides: Op | None = None) -> bool:
        if not is_loop(op) or isinstance(op, Readout) or op.name in self.kept:
            return True
        others = [user for user in self.users[op.name] if user is not besides]
        return any(self.index[user.name] != self.index[op.name] or reads_whole(user, op) for user in others)

    def finish(self, names: Mapping[str, str], bounds: Mapping[str, Bound]) -> Phase:
        """Decide storage and freeze the plan."""
        order = {op.name: at for at, op in enumerate(self.ops)}
        for block in self.blocks:
            block.ops.sort(key=lambda op: order[op.name])
        text: dict[str, str] = {}
        element: dict[str, CType] = {}
        in_place = self._in_place()
        for op in self.ops:
            element[op.name] = arithmetic(*reach(bounds[op.name])) if is_sum(op) else stored(op.type)
            if isinstance(op, Input) and saturates(self.graph, op):
                text[op.name] = names[op.name]
            elif isinstance(op, Input):
                text[op.name], element[op.name] = "sample", input_type(self.graph)
            elif isinstance(op, State):
                text[op.name] = f"s->{names[op.name]}"
            elif op.name in in_place:
                state = self.graph[in_place[op.name]]
                text[op.name], element[op.name] = f"s->{names[state.name]}", stored(state.type)
            elif is_view(op):
                text[op.name], element[op.name] = names[op.name], element[op.inputs[0]]
            elif self._is_stored(op):
                text[op.name] = names[op.name]
        placed = set(in_place.values())
        copies = tuple((state, value) for state, value in self.updates.items() if state not in placed)
        blocks = tuple(block for block in self.blocks if block.ops)
        return Phase(self.phase, tuple(self.ops), blocks, text, element, in_place, copies, self.users)

    def _in_place(self) -> dict[str, str]:
        """Ops that may overwrite the state they update: computed in a loop when nobody reads the old value any more."""
        found: dict[str, str] = {}
        for state, value in self.updates.items():
            op = self.graph[value]
            fits = is_loop(op) and not isinstance(op, Readout) and value not in found
            if fits and state not in self.leaving and self._last_read(state) <= self.index[value]:
                found[value] = state
        return found

    def _last_read(self, name: str) -> int:
        """The last block that reads a value, by itself or through views of it."""
        last = -1
        for user in self.users.get(name, ()):
            last = max(last, self.index[user.name])
            if is_view(user):
                # A view is no variable of a loop, so its readers must be in a block before the one that writes.
                last = max(last, self._last_read(user.name) + 1, len(self.blocks) if user.name in self.kept else -1)
        return last
