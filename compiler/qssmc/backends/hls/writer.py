"""Writer: the C++ function of one process: its signature, its arrays, and what fills them around its body."""

from __future__ import annotations

from collections.abc import Sequence

from qssmc.backends.hls.blocks import space_of
from qssmc.backends.hls.body import Body
from qssmc.backends.hls.loops import TRACE, index_of
from qssmc.backends.hls.pragmas import dependence_free, partition, ram
from qssmc.backends.hls.processes import Process
from qssmc.backends.hls.tables import HlsTable
from qssmc.backends.hls.unit import HlsUnit, Stream, comment, indented
from qssmc.backends.hls.work import Work, sink


class Writer:
    """One process on its way to C++. edges: every stream of the region; needs_last: processes that ask for the flag."""

    def __init__(self, unit: HlsUnit, process: Process, edges: Sequence[Stream], needs_last: frozenset[str]) -> None:
        self.unit, self.process = unit, process
        self.graph, self.names = unit.graph, unit.names
        self.work = Work(unit, process, edges, needs_last)
        self.body = Body(self.work)

    @property
    def used(self) -> list[HlsTable]:
        """The tables that the function reads, known once its lines are."""
        return self.body.used

    def parameters(self) -> list[str]:
        """The streams in the function's signature, in order."""
        found = []
        if self.work.receives:
            found.append(f"hls::stream<{self.unit.prefix}_sample> &samples")
            found += [f"hls::stream<ap_uint<1> > &{name}_last" for name in self.work.told()]
        if self.work.asks_last:
            found.append("hls::stream<ap_uint<1> > &last_in")
        for (local, part), edge in self.work.incoming.items():
            found.append(f"hls::stream<{self.unit.element(edge.value)}> &in_{self.names[local]}{part}")
        for edge in self.work.outgoing:
            found.append(f"hls::stream<{self.unit.element(edge.value)}> &{sink(edge)}")
        found += [f"hls::stream<{self.unit.prefix}_{o.name}_beat> &qssm_{o.name}" for o in self.work.sent()]
        return found

    def lines(self) -> list[str]:
        """The whole function."""
        body = [*self._arrays(), *self._flag()]
        work = [line for name in sorted(self.work.stored) for line in self._take_in(name)]
        for at, block in enumerate(self.work.blocks):
            work += self.body.block(at, block)
        if self.work.receives:
            work += [f"{name}_last.write(last);" for name in self.work.told()]
        if self.process.closing:
            work = ["if (last) {", *indented(work), "}"]
        pragmas = [line for array in dict.fromkeys(self.used) if array.lanes > 1 for line in [partition(array.name, 2)]]
        arguments = ",\n    ".join(self.parameters())
        head = [*comment([*self.process.states, *self.process.ops]), f"static void run_{self.process.name}("]
        return [*head, f"    {arguments})", "{", *pragmas, *indented([*body, *work]), "}"]

    def _flag(self) -> list[str]:
        if self.work.receives:
            return ["ap_uint<1> last = 0;"]
        return ["const ap_uint<1> last = last_in.read();"] if self.work.asks_last else []

    def _arrays(self) -> list[str]:
        lines: list[str] = []
        flavor = self.unit.options.flavor
        for state in self.process.states:
            for part in self.unit.parts(state.name):
                name = f"state_{self.names[state.name]}{part}"
                lines.append(f"static {self.unit.element(state.name)} {name}{self._extents(state.name)};")
                lines += [partition(name, 2)] if self._lanes(state.name) > 1 else []
                lines += [*ram(name, flavor), dependence_free(name), f"{TRACE}KEEP({name});"]
        for name in sorted(self.work.stored):
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
        if (name, self.unit.parts(name)[0] if ":" not in name else "") not in self.work.incoming:
            return []
        space = space_of(self.graph, self.graph[name], self.unit.orders)
        body = []
        for part in self.unit.parts(name):
            source, target = f"in_{self.names[name]}{part}", f"all_{self.names[name]}{part}"
            body.append(f"{target}{index_of(space)} = {source}.read();")
        trace = self.body.put_state(name, space)
        return self.body.loop(space, [*body, *trace])
