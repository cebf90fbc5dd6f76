"""Work: what one process has to do: its blocks of items, what it must store, and the streams that it is joined by."""

from __future__ import annotations

from collections.abc import Sequence

from qssmc.backends.hls.blocks import Item, ItemRead, blocks_of, items_of, space_of, state_items
from qssmc.backends.hls.processes import Process
from qssmc.backends.hls.unit import HlsUnit, Stream
from qssmc.ir.graph import Output
from qssmc.ir.ops import Input


class Work:
    """The work of one process. edges: every stream of the region; needs_last: processes that ask for the flag.

    stored: values that need an array; made: the block that makes each of the others.
    """

    def __init__(self, unit: HlsUnit, process: Process, edges: Sequence[Stream], needs_last: frozenset[str]) -> None:
        self.unit, self.process, self.graph = unit, process, unit.graph
        self.incoming = {(e.local, e.part): e for e in edges if e.target == process.name}
        self.outgoing = [e for e in edges if e.source == process.name]
        self.needs_last = needs_last
        self.receives = any(isinstance(op, Input) for op in process.ops)
        self.states = {state.name for state in process.states}
        self.blocks = blocks_of(self._items())
        self.made = {item.makes: at for at, block in enumerate(self.blocks) for item in block.items if item.makes}
        self.stored = self._stored()

    @property
    def asks_last(self) -> bool:
        """Whether the process is told if a sample is the last one."""
        return self.process.name in self.needs_last and not self.receives

    def told(self) -> list[str]:
        """The processes that this one, if it receives, tells of the last sample."""
        return [name for name in sorted(self.needs_last) if name != self.process.name]

    def sent(self) -> list[Output]:
        """The outputs that leave through this process."""
        closing = [o for o in self.graph.outputs if o.when == "last"] if self.process.closing else []
        return [*closing, *(o for o in self.graph.outputs if o.when == "step" and o.name == self.process.sends)]

    # --- pieces ---

    def _items(self) -> list[Item]:
        items = [item for op in self.process.ops for item in items_of(self.graph, op, self.unit.orders)]
        sends = [self._send(output) for output in self.sent()]
        return [*items, *sends, *state_items(self.graph, self.process.states, self.unit.orders)]

    def _send(self, output: Output) -> Item:
        op = self.graph[output.value]
        return Item(
            "send",
            output.value,
            op,
            (ItemRead(output.value, False),),
            space_of(self.graph, op, self.unit.orders),
            output,
        )

    def _stored(self) -> set[str]:
        """Values that need an array: read by another block than their own, or by more than the element at hand."""
        found = {item.makes for block in self.blocks if block.space is None for item in block.items}
        for at, block in enumerate(self.blocks):
            for item in block.items:
                for read in item.reads:
                    if read.value in self.made and (read.whole or self.made[read.value] != at):
                        found.add(read.value)
        return found | {name for name, _ in self.incoming if not self._is_inline(name)}

    def _is_inline(self, name: str) -> bool:
        """Whether a value from another process is read from its stream in the one loop that needs it."""
        places = {at for at, block in enumerate(self.blocks) for item in block.items if reads(item, name)}
        whole = any(r.value == name and r.whole for b in self.blocks for item in b.items for r in item.reads)
        spaces = {block.space == space_of(self.graph, self.graph[name], self.unit.orders) for block in self.blocks
                  if any(reads(item, name) for item in block.items)}  # fmt: skip
        return len(places) == 1 and not whole and spaces == {True}


def sink(edge: Stream) -> str:
    """The parameter of an outgoing stream."""
    return f"qssm_{edge.name}"


def reads(item: Item, name: str) -> bool:
    """Whether an item reads a value."""
    return any(read.value == name for read in item.reads)
