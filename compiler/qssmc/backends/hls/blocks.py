"""Blocks: the work of one process as loops over one index space each, and calls of kernels between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qssmc.backends.hls.order import Order, order_of
from qssmc.ir.graph import Graph, Output
from qssmc.ir.ops import (
    Add,
    Advance,
    Diag,
    Inject,
    Input,
    Lut,
    Mul,
    Offset,
    Op,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    State,
    Take,
)

Kind = Literal["op", "spread", "sum", "next", "send"]
ELEMENTWISE = (Input, Diag, Scale, Offset, Add, Mul, Slice, Take, Advance, Requant, ShiftLeft, Lut)


@dataclass(frozen=True)
class LoopSpace:
    """What a loop runs over: `extent` elements of real vectors, or complex states in an order."""

    extent: int
    order: Order | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoopSpace) and self.extent == other.extent and self.order is other.order

    def __hash__(self) -> int:
        return hash((self.extent, id(self.order)))

    @property
    def trips(self) -> int:
        """Iterations of the loop."""
        return self.order.rows if self.order else self.extent


@dataclass(frozen=True)
class ItemRead:
    """A value that an item reads: the element at hand, or (whole) others too."""

    value: str
    whole: bool


@dataclass(frozen=True)
class Item:
    """One thing to do.

    op: compute an op. spread: give each lane the channel that an inject reads; sum: add up a readout's states, whose
    own item then collects the lanes. next: a state becomes its update. send: an output leaves.
    """

    kind: Kind
    name: str
    op: Op
    reads: tuple[ItemRead, ...]
    space: LoopSpace | None
    output: Output | None = None

    @property
    def makes(self) -> str:
        """The value that this item makes, by the name that others read it by."""
        if isinstance(self.op, State):
            return ""
        return {"op": self.name, "spread": f"{self.name}:lanes", "sum": f"{self.name}:sums"}.get(self.kind, "")


@dataclass
class HlsBlock:
    """Items that share a loop, or one kernel call (space None)."""

    space: LoopSpace | None
    items: list[Item] = field(default_factory=list)


def space_of(graph: Graph, op: Op, orders: Mapping[str, Order]) -> LoopSpace:
    """The index space of an op's value."""
    return LoopSpace(op.type.shape[0], orders.get(op.name) if op.type.complex else None)


def items_of(graph: Graph, op: Op, orders: Mapping[str, Order]) -> list[Item]:
    """The items of an op, in order."""
    space = space_of(graph, op, orders)
    if isinstance(op, Inject) and op.heads is not None:
        if orders[op.name].is_plain:
            return [Item("op", op.name, op, (ItemRead(op.inputs[0], True),), space)]
        channels = LoopSpace(graph[op.inputs[0]].type.shape[0])
        return [
            Item("spread", op.name, op, (ItemRead(op.inputs[0], False),), channels),
            Item("op", op.name, op, (ItemRead(f"{op.name}:lanes", True),), space),
        ]
    if isinstance(op, Readout) and op.heads is not None:
        states = LoopSpace(op.heads.data.size, order_of(graph, op, dict(orders)))
        return [
            Item("sum", op.name, op, (ItemRead(op.inputs[0], False),), states),
            Item("op", op.name, op, (ItemRead(f"{op.name}:sums", True),), space),
        ]
    if isinstance(op, ELEMENTWISE):
        moved = isinstance(op, (Slice, Take))
        reads = [ItemRead(name, moved or (isinstance(op, Requant) and at == 1)) for at, name in enumerate(op.inputs)]
        return [Item("op", op.name, op, tuple(reads), space)]
    return [Item("op", op.name, op, tuple(ItemRead(name, True) for name in op.inputs), None)]


def state_items(graph: Graph, states: Sequence[State], orders: Mapping[str, Order]) -> list[Item]:
    """The old values of states as others see them, then what becomes of them."""
    shows = [Item("op", s.name, s, (ItemRead(s.name, False),), space_of(graph, s, orders)) for s in states]
    return shows + [
        Item("next", s.name, s, (ItemRead(graph.updates[s.name], False),), space_of(graph, s, orders)) for s in states
    ]


def blocks_of(items: Sequence[Item]) -> list[HlsBlock]:
    """The blocks in order: each item in the first loop over its space that all it waits for allows.

    An item waits for the makers of what it reads, and what overwrites a state waits for all that read its old value.
    """
    blocks: list[HlsBlock] = []
    made: dict[str, int] = {}
    readers: dict[str, list[int]] = {}
    for item in items:
        first, space = _earliest(blocks, made, readers, item), item.space
        place = next((at for at in range(first, len(blocks)) if space is not None and blocks[at].space == space), None)
        if place is None:
            place = len(blocks)
            blocks.append(HlsBlock(space))
        blocks[place].items.append(item)
        if item.makes:
            made[item.makes] = place
        for read in item.reads:
            readers.setdefault(read.value, []).append(place + 1 if read.whole else place)
    return _late(blocks, items)


def _late(blocks: list[HlsBlock], items: Sequence[Item]) -> list[HlsBlock]:
    """Work on the states moved into the latest loop that its readers allow: one loop then does what two began."""
    position = {id(item): at for at, item in enumerate(items)}
    place = {id(item): at for at, block in enumerate(blocks) for item in block.items}
    for item in reversed(items):
        if item.space is None or item.space.order is None or item.kind in ("next", "send"):
            continue
        limit = len(blocks) - 1
        for other in items:
            for read in other.reads:
                if read.value == item.makes and item.makes:
                    near = not read.whole and other.space == item.space
                    limit = min(limit, place[id(other)] - (0 if near else 1))
            if other.kind == "next" and any(read.value == other.name for read in item.reads):
                limit = min(limit, place[id(other)] - int(any(r.whole for r in item.reads if r.value == other.name)))
        at = place[id(item)]
        later = [to for to in range(at + 1, limit + 1) if blocks[to].space == item.space]
        if later:
            blocks[at].items.remove(item)
            blocks[later[-1]].items.append(item)
            place[id(item)] = later[-1]
    for block in blocks:
        block.items.sort(key=lambda item: position[id(item)])
    return [block for block in blocks if block.items]


def _earliest(blocks: list[HlsBlock], made: dict[str, int], readers: dict[str, list[int]], item: Item) -> int:
    """The first block that may hold an item."""
    first = 0
    for read in item.reads:
        at = made.get(read.value)
        if at is not None:
            apart = read.whole or blocks[at].space != item.space
            first = max(first, at + 1 if apart else at)
    if item.kind == "next":
        first = max([first, *readers.get(item.name, [])])
    return first
