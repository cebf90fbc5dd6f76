"""Writer: the C++ function of one process: its arrays, its blocks, and the streams that it reads and writes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qssmc.backends.hls.blocks import Block, Item, Read, Space, blocks_of, items_of, space_of, state_items
from qssmc.backends.hls.elements import Elements, readout_term
from qssmc.backends.hls.pragmas import dependence_free, partition, ram
from qssmc.backends.hls.processes import Process
from qssmc.backends.hls.tables import Array
from qssmc.backends.hls.unit import Edge, Unit, comment, indented
from qssmc.backends.hls.wholes import whole_lines
from qssmc.ir.graph import Output
from qssmc.ir.ops import Constant, Input, Op, Readout, State


class Writer:
    """One process on its way to C++. edges: every stream of the region; needs_last: processes that ask for the flag."""

    def __init__(self, unit: Unit, process: Process, edges: Sequence[Edge], needs_last: frozenset[str]) -> None:
        self.unit, self.process = unit, process
        self.graph, self.names = unit.graph, unit.names
        self.incoming = {(e.local, e.part): e for e in edges if e.target == process.name}
        self.outgoing = [e for e in edges if e.source == process.name]
        self.needs_last = needs_last
        self.receives = any(isinstance(op, Input) for op in process.ops)
        self.states = {state.name for state in process.states}
        self.phase = "last" if process.closing else "step"
        self.blocks = blocks_of(self._items())
        self.made = {item.makes: at for at, block in enumerate(self.blocks) for item in block.items if item.makes}
        self.stored = self._stored()
        self.used: list[Array] = []

    # --- what there is to do ---

    def _items(self) -> list[Item]:
        items = [item for op in self.process.ops for item in items_of(self.graph, op, self.unit.orders)]
        sends = [self._send(output) for output in self.sent()]
        return [*items, *sends, *state_items(self.graph, self.process.states, self.unit.orders)]

    def sent(self) -> list[Output]:
        """The outputs that leave through this process."""
        closing = [o for o in self.graph.outputs if o.when == "last"] if self.process.closing else []
        return [*closing, *(o for o in self.graph.outputs if o.when == "step" and o.name == self.process.sends)]

    def _send(self, output: Output) -> Item:
        op = self.graph[output.value]
        return Item(
            "send", output.value, op, (Read(output.value, False),), space_of(self.graph, op, self.unit.orders), output
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
        places = {at for at, block in enumerate(self.blocks) for item in block.items if self._reads(item, name)}
        whole = any(r.value == name and r.whole for b in self.blocks for item in b.items for r in item.reads)
        spaces = {block.space == space_of(self.graph, self.graph[name], self.unit.orders) for block in self.blocks
                  if any(self._reads(item, name) for item in block.items)}  # fmt: skip
        return len(places) == 1 and not whole and spaces == {True}

    @staticmethod
    def _reads(item: Item, name: str) -> bool:
        return any(read.value == name for read in item.reads)

    # --- the function ---

    @property
    def asks_last(self) -> bool:
        """Whether the process is told if a sample is the last one."""
        return self.process.name in self.needs_last and not self.receives

    def parameters(self) -> list[str]:
        """The streams in the function's signature, in order."""
        found = []
        if self.receives:
            found.append(f"hls::stream<{self.unit.prefix}_sample> &samples")
            found += [f"hls::stream<ap_uint<1> > &{name}_last" for name in self.told()]
        if self.asks_last:
            found.append("hls::stream<ap_uint<1> > &last_in")
        for (local, part), edge in self.incoming.items():
            found.append(f"hls::stream<{self.unit.element(edge.value)}> &in_{self.names[local]}{part}")
        for edge in self.outgoing:
            found.append(f"hls::stream<{self.unit.element(edge.value)}> &{self.sink(edge)}")
        found += [f"hls::stream<{self.unit.prefix}_{o.name}_beat> &qssm_{o.name}" for o in self.sent()]
        return found

    def told(self) -> list[str]:
        """The processes that this one, if it receives, tells of the last sample."""
        return [name for name in sorted(self.needs_last) if name != self.process.name]

    def sink(self, edge: Edge) -> str:
        """The parameter of an outgoing stream."""
        return f"qssm_{edge.name}"

    def lines(self) -> list[str]:
        """The whole function."""
        body = [*self._arrays(), *self._flag()]
        work = [line for name in sorted(self.stored) for line in self._take_in(name)]
        for at, block in enumerate(self.blocks):
            work += self._block(at, block)
        if self.receives:
            work += [f"{name}_last.write(last);" for name in self.told()]
        if self.process.closing:
            work = ["if (last) {", *indented(work), "}"]
        pragmas = [line for array in dict.fromkeys(self.used) if array.lanes > 1 for line in [partition(array.name, 2)]]
        arguments = ",\n    ".join(self.parameters())
        head = [*comment([*self.process.states, *self.process.ops]), f"static void run_{self.process.name}("]
        return [*head, f"    {arguments})", "{", *pragmas, *indented([*body, *work]), "}"]

    def _flag(self) -> list[str]:
        if self.receives:
            return ["ap_uint<1> last = 0;"]
        return ["const ap_uint<1> last = last_in.read();"] if self.asks_last else []

    def _arrays(self) -> list[str]:
        lines: list[str] = []
        flavor = self.unit.options.flavor
        for state in self.process.states:
            for part in self.unit.parts(state.name):
                name = f"state_{self.names[state.name]}{part}"
                lines.append(f"static {self.unit.element(state.name)} {name}{self._extents(state.name)};")
                lines += [partition(name, 2)] if self._lanes(state.name) > 1 else []
                lines += [*ram(name, flavor), dependence_free(name), f"QSSM_KEEP({name});"]
        for name in sorted(self.stored):
            if ":" not in name:
                for part in self.unit.parts(name):
                    array = f"all_{self.names[name]}{part}"
                    lines.append(f"{self.unit.element(name)} {array}{self._extents(name)};")
                    lines += [partition(array, 2)] if self._lanes(name) > 1 else []
        return lines

    def _lanes(self, name: str) -> int:
        order = self.unit.orders.get(name)
        return order.lanes if order else 1

    def _extents(self, name: str) -> str:
        order = self.unit.orders.get(name)
        if order is None or order.is_plain:
            return f"[{max(1, self.graph[name].type.shape[0])}]"
        return f"[{order.rows}][{order.lanes}]"

    def _take_in(self, name: str) -> list[str]:
        """Read a value from another process into its array."""
        if (name, self.unit.parts(name)[0] if ":" not in name else "") not in self.incoming:
            return []
        space = space_of(self.graph, self.graph[name], self.unit.orders)
        body = []
        for part in self.unit.parts(name):
            source, target = f"in_{self.names[name]}{part}", f"all_{self.names[name]}{part}"
            body.append(f"{target}{self._index(space)} = {source}.read();")
        trace = self._put_state(name, space)
        return self._loop(space, [*body, *trace])

    # --- blocks ---

    def _block(self, at: int, block: Block) -> list[str]:
        if block.space is None:
            return self._whole(block.items[0])
        elements = Elements(self.unit, self._index(block.space), self._at(block.space), lambda *_: "")
        elements.read = lambda value, part, index: self._reference(at, block, value, part, index)
        body, ends = self._loads(at, block), []
        before: list[str] = []
        for item in block.items:
            lines, first, final = self._item(at, block, item, elements)
            body += lines
            before += first
            ends += final
        self.used += elements.used
        if self.receives and any(isinstance(item.op, Input) for item in block.items):
            body = [f"const {self.unit.prefix}_sample beat = samples.read();", *body, "last = beat.last;"]
        return [*before, *self._loop(block.space, [*body, *ends])]

    def _reference(self, at: int, block: Block, value: str, part: str, index: str | None) -> str:
        """The text of an element of a value: the variable at hand, or an element of its array, state or table."""
        op = self.graph[value]
        name = self.names[value]
        here = index is None and block.space is not None and (
            self.made.get(value) == at or value in self.states
            or (value not in self.made and not isinstance(op, Constant) and value not in self.stored)
        )  # fmt: skip
        if here:
            return f"{name}{part}"
        if index is None:
            assert block.space is not None
            index = self._index(block.space)
        if isinstance(op, Constant):
            array = self.unit.tables.array(f"table_{name}_value", op.value.data)
            return f"{array.name}{index}"
        return f"{'state' if value in self.states else 'all'}_{name}{part}{index}"

    def _loads(self, at: int, block: Block) -> list[str]:
        """The states and the streams that a loop reads, one variable each, before anything is written."""
        lines = []
        assert block.space is not None
        for value in dict.fromkeys(read.value for item in block.items for read in item.reads if not read.whole):
            if value in self.states:
                source = "state_{name}{part}" + self._index(block.space)
            elif ":" not in value and value not in self.made and value not in self.stored:
                if isinstance(self.graph[value], Constant):
                    continue
                source = "in_{name}{part}.read()"
            else:
                continue
            for part in self.unit.parts(value):
                text = source.format(name=self.names[value], part=part)
                lines.append(f"const {self.unit.element(value)} {self.names[value]}{part} = {text};")
            if value not in self.states:
                lines += self._put_state(value, block.space)
        return lines

    def _item(self, at: int, block: Block, item: Item, e: Elements) -> tuple[list[str], list[str], list[str]]:
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
        if not sinks and not any(self._reads(other, op.name) for other in block.items if other is not item):
            sinks = [f"(void){name}{part};" for part in self.unit.parts(op.name)]
        return [*lines, *sinks], [], []

    def _sinks(self, op: Op, space: Space) -> list[str]:
        """Store a value that a loop has made, give it to other processes and trace it."""
        name, lines = self.names[op.name], []
        for part in self.unit.parts(op.name):
            if op.name in self.stored:
                lines.append(f"all_{name}{part}{self._index(space)} = {name}{part};")
            for edge in self.outgoing:
                if (edge.value, edge.part) == (op.name, part):
                    write = f"{self.sink(edge)}.write({name}{part});"
                    lines.append(f"if (last) {{ {write} }}" if edge.closing else write)
        return [*lines, *self._put(op, space)]

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
            before += self._plain_loop(lanes, [f"lanes_{name}[i] = 0;"])
            return [f"lanes_{name}[{at}] = {acc}(lanes_{name}[{at}] + {acc}({term}));"], before, []
        before += [partition(f"lanes_{name}", 1, order.lanes)] if order.lanes > 1 else []
        before += [f"{acc} sum_{name}[{order.lanes}];", partition(f"sum_{name}", 1)]
        before += [f"for (int lane = 0; lane < {order.lanes}; lane++) {{", "#pragma HLS unroll"]
        before += [f"    sum_{name}[lane] = 0;", "}", f"lanes_{name}[{lanes}] = 0;"]
        slot = f"lanes_{name}[group * {order.lanes} + lane]"
        lines = [
            f"const {acc} old_{name} = sum_{name}[lane];",
            f"const {acc} {name} = {acc}(old_{name} + {acc}({term}));",
        ]
        lines += [f"sum_{name}[lane] = ends ? {acc}(0) : {name};", "if (ends) {", f"    {slot} = {name};", "}"]
        return lines, before, []

    def _beats(self, item: Item, e: Elements) -> list[str]:
        """An output's element, or its re and im, as beats of its port."""
        output, op = item.output, item.op
        assert output is not None
        beat, lines = f"{self.unit.prefix}_{output.name}_beat", []
        parts = self.unit.parts(op.name)
        for number, part in enumerate(parts):
            final = number == len(parts) - 1
            last = f"ap_uint<1>(last && {e.at} == {op.type.shape[0] - 1})" if final else "ap_uint<1>(0)"
            lines.append(f"qssm_{output.name}.write(qssm_beat<{beat}>({e.read(op.name, part, None)}, {last}));")
        return lines

    def _whole(self, item: Item) -> list[str]:
        """A kernel call; then the value goes where it is asked for."""
        op = item.op
        block = Block(None)
        lines, used = whole_lines(self.unit, op, lambda name, part: self._reference(-1, block, name, part, ""))
        self.used += used
        space = space_of(self.graph, op, self.unit.orders)
        for part in self.unit.parts(op.name):
            for edge in self.outgoing:
                if (edge.value, edge.part) == (op.name, part):
                    call = f"qssm_give_out<{op.type.shape[0]}>(all_{self.names[op.name]}{part}, {self.sink(edge)});"
                    lines.append(f"if (last) {{ {call} }}" if edge.closing else call)
        trace = []
        for number, part in enumerate(self.unit.parts(op.name)):
            stride = len(self.unit.parts(op.name))
            at = self.unit.offsets[self.phase][op.name] + number
            trace.append(f"QSSM_PUT_ALL({at}, {stride}, all_{self.names[op.name]}{part}, {space.extent});")
        return [*lines, *trace]

    # --- loops ---

    def _index(self, space: Space) -> str:
        return "[i]" if space.order is None or space.order.is_plain else "[row][lane]"

    def _at(self, space: Space) -> str:
        """The number of the element at hand."""
        return "i"

    def _plain_loop(self, trips: int, body: list[str]) -> list[str]:
        return [f"for (int i = 0; i < {trips}; i++) {{", "#pragma HLS pipeline II=1", *indented(body), "}"]

    def _loop(self, space: Space, body: list[str]) -> list[str]:
        order = space.order
        if order is None or order.is_plain:
            return self._plain_loop(space.extent, body)
        stem = order_name(self.unit, space)
        tables = {"group": order.group, "ends": order.ends}
        heads = []
        for name, values in tables.items():
            if any(uses_variable(line, name) for line in body):
                array = self.unit.tables.array(f"table_{stem}_{name}", values)
                self.used.append(array)
                kind = "int" if name == "group" else "bool"
                cast = ".to_int()" if name == "group" else " != 0"
                heads.append(f"const {kind} {name} = {array.name}[row]{cast};")
        inner = [f"for (int lane = 0; lane < {order.lanes}; lane++) {{", "#pragma HLS unroll", *indented(body), "}"]
        loop = [f"for (int row = 0; row < {order.rows}; row++) {{", "#pragma HLS pipeline II=1"]
        return [*loop, *indented([*heads, *inner]), "}"]

    # --- trace ---

    def _put(self, op: Op, space: Space) -> list[str]:
        """Trace the element at hand."""
        offsets = self.unit.offsets[self.phase]
        if op.name not in offsets:
            return []
        parts, lines = self.unit.parts(op.name), []
        for number, part in enumerate(parts):
            at, name = offsets[op.name] + number, f"{self.names[op.name]}{part}"
            if space.order is None or space.order.is_plain:
                lines.append(f"QSSM_PUT({at} + {f'{len(parts)} * ' if number or len(parts) > 1 else ''}i, {name});")
            else:
                array = self.unit.tables.array(
                    f"table_{order_name(self.unit, space)}_index", space.order.index, only_trace=True
                )
                lines.append(f"QSSM_PUT_PLACED({at}, {len(parts)}, {array.name}[row][lane].to_int(), {name});")
        return lines

    def _put_state(self, name: str, space: Space) -> list[str]:
        """Trace a state as the closing process sees it."""
        op = self.graph[name]
        if not (self.process.closing and isinstance(op, State)):
            return []
        if name in self.stored:
            index = self._index(space)
            return [line.replace(f", {self.names[name]}{part});", f", all_{self.names[name]}{part}{index});")
                    for line, part in zip(self._put(op, space), self.unit.parts(name), strict=False)]  # fmt: skip
        return self._put(op, space)


def order_name(unit: Unit, space: Space) -> str:
    """The first value that has an order names it."""
    name = next(name for name, order in unit.orders.items() if order is space.order)
    return f"{unit.names[name]}_rows"


def uses_variable(line: str, name: str) -> bool:
    """Whether a line uses one of the loop's own variables."""
    return re.search(rf"\b{name}\b", line) is not None
