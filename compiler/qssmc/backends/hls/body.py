"""Body: the C++ of the blocks of one process: its loops, their items, and its kernel calls."""

from __future__ import annotations

from qssmc.backends.hls.blocks import HlsBlock, Item, LoopSpace, space_of
from qssmc.backends.hls.elements import Elements, readout_term
from qssmc.backends.hls.kernel_calls import call_lines
from qssmc.backends.hls.loops import TRACE, at_of, index_of, lane_loop, lane_of, loop, plain_loop, slot_of, traced
from qssmc.backends.hls.pragmas import partition
from qssmc.backends.hls.tables import HlsTable
from qssmc.backends.hls.work import Work, reads, sink
from qssmc.ir.ops import Constant, Input, Op, Readout, State


class Body:
    """The blocks of a process's work on their way to C++. used: the tables that they read."""

    def __init__(self, work: Work) -> None:
        self.work, self.unit, self.graph, self.names = work, work.unit, work.graph, work.unit.names
        self.phase = "last" if work.process.closing else "step"
        self.used: list[HlsTable] = []

    def block(self, at: int, block: HlsBlock) -> list[str]:
        """The lines of a block, the at-th of the process."""
        if block.space is None:
            return self._whole(block.items[0])
        elements = Elements(self.unit, index_of(block.space), at_of(block.space), lambda *_: "")
        elements.read = lambda value, part, index: self._reference(at, block, value, part, index)
        body, ends = self._loads(at, block), []
        before: list[str] = []
        for item in block.items:
            lines, first, final = self._item(at, block, item, elements)
            body += lines
            before += first
            ends += final
        self.used += elements.used
        if self.work.receives and any(isinstance(item.op, Input) for item in block.items):
            body = [f"const {self.unit.prefix}_sample beat = samples.read();", *body, "last = beat.last;"]
        return [*before, *self.loop(block.space, [*body, *ends])]

    def loop(self, space: LoopSpace, body: list[str]) -> list[str]:
        """A loop over the elements of a space."""
        lines, used = loop(self.unit, space, body)
        self.used += used
        return lines

    def put_state(self, name: str, space: LoopSpace) -> list[str]:
        """Trace a state as the closing process sees it."""
        op = self.graph[name]
        if not (self.work.process.closing and isinstance(op, State)):
            return []
        if name in self.work.stored:
            index = index_of(space)
            return [line.replace(f", {self.names[name]}{part});", f", all_{self.names[name]}{part}{index});")
                    for line, part in zip(self._put(op, space), self.unit.parts(name), strict=False)]  # fmt: skip
        return self._put(op, space)

    # --- pieces ---

    def _reference(self, at: int, block: HlsBlock, value: str, part: str, index: str | None) -> str:
        """The text of an element of a value: the variable at hand, or an element of its array, state or table."""
        op = self.graph[value]
        name = self.names[value]
        here = index is None and block.space is not None and (
            self.work.made.get(value) == at or value in self.work.states
            or (value not in self.work.made and not isinstance(op, Constant) and value not in self.work.stored)
        )  # fmt: skip
        if here:
            return f"{name}{part}"
        if index is None:
            assert block.space is not None
            index = index_of(block.space)
        if isinstance(op, Constant):
            array = self.unit.tables.array(f"table_{name}_value", op.value.data)
            return f"{array.name}{index}"
        return f"{'state' if value in self.work.states else 'all'}_{name}{part}{index}"

    def _loads(self, at: int, block: HlsBlock) -> list[str]:
        """The states and the streams that a loop reads, one variable each, before anything is written."""
        lines = []
        assert block.space is not None
        for value in dict.fromkeys(read.value for item in block.items for read in item.reads if not read.whole):
            if value in self.work.states:
                source = "state_{name}{part}" + index_of(block.space)
            elif ":" not in value and value not in self.work.made and value not in self.work.stored:
                if isinstance(self.graph[value], Constant):
                    continue
                source = "in_{name}{part}.read()"
            else:
                continue
            for part in self.unit.parts(value):
                text = source.format(name=self.names[value], part=part)
                lines.append(f"const {self.unit.element(value)} {self.names[value]}{part} = {text};")
            if value not in self.work.states:
                lines += self.put_state(value, block.space)
        return lines

    def _item(self, at: int, block: HlsBlock, item: Item, e: Elements) -> tuple[list[str], list[str], list[str]]:
        """The lines of an item in its loop, before it, and at the end of the loop's body."""
        assert block.space is not None
        name, op = self.names[item.name], item.op
        if item.kind == "spread":
            return self._spread(item, e)
        if item.kind == "sum":
            return self._sum(item, e)
        if item.kind == "send":
            return self._beats(item, e), [], []
        if item.kind == "next":
            zero = f"{self.unit.element(op.name)}(0)"
            value = item.reads[0].value
            written = [
                f"state_{name}{part}{e.index} = last ? {zero} : "
                f"{self.unit.element(op.name)}({e.read(value, part, None)});"
                for part in self.unit.parts(op.name)
            ]
            return [], [], written
        lines = []
        if not isinstance(op, State):
            for part in self.unit.parts(op.name):
                lines.append(f"const {self.unit.element(op.name)} {name}{part} = {e.expression(item, part)};")
        sinks = self._sinks(op, block.space)
        if not sinks and not any(reads(other, op.name) for other in block.items if other is not item):
            sinks = [f"(void){name}{part};" for part in self.unit.parts(op.name)]
        return [*lines, *sinks, *self._put(op, block.space)], [], []

    def _sinks(self, op: Op, space: LoopSpace) -> list[str]:
        """Store a value that a loop has made, and give it to other processes."""
        name, lines = self.names[op.name], []
        for part in self.unit.parts(op.name):
            if op.name in self.work.stored:
                lines.append(f"all_{name}{part}{index_of(space)} = {name}{part};")
            for edge in self.work.outgoing:
                if (edge.value, edge.part) == (op.name, part):
                    write = f"{sink(edge)}.write({name}{part});"
                    lines.append(f"if (last) {{ {write} }}" if edge.closing else write)
        return lines

    def _spread(self, item: Item, e: Elements) -> tuple[list[str], list[str], list[str]]:
        """Each channel to the lane of its head."""
        order = self.unit.orders[item.name]
        name, u = f"lanes_{self.names[item.name]}", item.op.inputs[0]
        before = [f"{self.unit.element(u)} {name}[{order.heads.size + 1}];"]
        before += [partition(name, 1, order.lanes)] if order.lanes > 1 else []
        channels = self.graph[u].type.shape[0]
        places = order.places(channels)
        array = self.unit.tables.array(f"table_{self.names[item.name]}_place", places)
        e.used.append(array)
        return [f"{name}[{array.name}[{e.at}].to_int()] = {e.read(u, '', None)};"], before, []

    def _sum(self, item: Item, e: Elements) -> tuple[list[str], list[str], list[str]]:
        """Add what each state gives to its channel."""
        op = item.op
        assert isinstance(op, Readout)
        assert op.heads is not None
        order = self.unit.orders[op.inputs[0]]
        acc, name = self.unit.accumulator(op.name), self.names[op.name]
        lanes = op.channels if order.is_plain else order.heads.size
        before = [f"{acc} lanes_{name}[{lanes + 1}];"]
        term = readout_term(e, op)
        if order.is_plain:
            heads = e.table(op, "heads", op.heads.data)
            at = f"{heads}.to_int()" if "[" in heads else str(int(op.heads.data[0]) if op.heads.data.size else 0)
            before += [partition(f"lanes_{name}", 1)]
            before += plain_loop(lanes, [f"lanes_{name}[{'0' if lanes == 1 else 'i'}] = 0;"])
            return [f"lanes_{name}[{at}] = lanes_{name}[{at}] + {acc}({term});"], before, []
        before += [partition(f"lanes_{name}", 1, order.lanes)] if order.lanes > 1 else []
        before += [f"{acc} sum_{name}[{order.lanes}];", partition(f"sum_{name}", 1)]
        total = f"sum_{name}[{lane_of(order)}]"
        before += [*lane_loop(order, [f"{total} = 0;"]), f"lanes_{name}[{lanes}] = 0;"]
        slot = f"lanes_{name}[{slot_of(order)}]"
        lines = [
            f"const {acc} old_{name} = {total};",
            f"const {acc} {name} = old_{name} + {acc}({term});",
        ]
        lines += [f"{total} = ends ? {acc}(0) : {name};", "if (ends) {", f"    {slot} = {name};", "}"]
        return lines, before, []

    def _beats(self, item: Item, e: Elements) -> list[str]:
        """An output's element, or its re and im, as beats of its port."""
        output, op = item.output, item.op
        assert output is not None
        beat, lines = f"{self.unit.prefix}_{output.name}_beat", []
        parts = self.unit.parts(op.name)
        for number, part in enumerate(parts):
            final = number == len(parts) - 1
            ends = "last" if op.type.shape[0] == 1 else f"ap_uint<1>(last && {e.at} == {op.type.shape[0] - 1})"
            last = ends if final else "ap_uint<1>(0)"
            lines.append(f"qssm_{output.name}.write(qssm_beat<{beat}>({e.read(op.name, part, None)}, {last}));")
        return lines

    def _whole(self, item: Item) -> list[str]:
        """A kernel call; then the value goes where it is asked for."""
        op = item.op
        block = HlsBlock(None)
        lines, used = call_lines(self.unit, op, lambda name, part: self._reference(-1, block, name, part, ""))
        self.used += used
        space = space_of(self.graph, op, self.unit.orders)
        for part in self.unit.parts(op.name):
            for edge in self.work.outgoing:
                if (edge.value, edge.part) == (op.name, part):
                    call = f"qssm_give_out<{op.type.shape[0]}>(all_{self.names[op.name]}{part}, {sink(edge)});"
                    lines.append(f"if (last) {{ {call} }}" if edge.closing else call)
        trace = []
        for number, part in enumerate(self.unit.parts(op.name)):
            stride = len(self.unit.parts(op.name))
            at = self.unit.offsets[self.phase][op.name] + number
            trace.append(f"{TRACE}ALL({at}, {stride}, all_{self.names[op.name]}{part}, {space.extent});")
        return [*lines, *trace]

    def _put(self, op: Op, space: LoopSpace) -> list[str]:
        """Trace the element at hand."""
        return traced(self.unit, self.phase, op, space)
