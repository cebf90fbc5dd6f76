"""Text: the generated top: instances of library modules and the wires between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from qssmc.backends.verilog.circuit import Cell, Circuit, Memory, Net, Parameter, PlainInstance, Word, memory_name

WIDTH = 120  # columns of a line


@dataclass(frozen=True)
class Instance:
    """An instance as the template sees it, or a text of assignments where there is no module: lines of each part."""

    about: tuple[str, ...]
    opening: tuple[str, ...]
    ports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wire:
    """A wire or bus, or several of the same width, as the template sees it."""

    width: int
    name: str


def folded(text: str, indent: int) -> list[str]:
    """A text in lines that end at the last column, where its words allow for that, behind so many blanks."""
    return wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False)


def commented(text: str, indent: int = 0) -> tuple[str, ...]:
    """The lines of a comment of one or more paragraphs; what does not fit in a line goes on further to the right."""
    found: list[str] = []
    for paragraph in text.splitlines():
        first, *rest = folded(paragraph, indent + 7) or [""]
        found += [f"// {first}", *(f"//     {line}" for line in rest)]
    return tuple(found)


def joined(names: Sequence[str], indent: int) -> list[str]:
    """The lines of a list of names."""
    return folded(", ".join(names), indent)


def instances(circuit: Circuit) -> tuple[list[Wire], list[Instance]]:
    """The body of the top module: wires, and instances in order: cells, forks, queues and changes of width."""
    writer = _Writer(circuit)
    for cell in circuit.cells:
        writer.cell(cell)
    for block in circuit.blocks:
        writer.block(block)
    return writer.wires, writer.found


class _Writer:
    """Collects wires and instances."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.wires: list[Wire] = []
        self.found: list[Instance] = []
        self.ends: dict[tuple[str, str], str] = {}  # edge -> the stem of the wires that it reads
        self.stems = {net.name for cell in circuit.cells for net in cell.outputs.values()}
        for cell in circuit.cells:
            for net in cell.outputs.values():
                self._net(cell, net)

    def _stem(self, wanted: str) -> str:
        while wanted in self.stems:
            wanted += "_"
        self.stems.add(wanted)
        return wanted

    def _stream(self, stem: str, width: int) -> None:
        both = f"{stem}_valid, {stem}_ready"
        control = [both] if len(f"    wire {both};") <= WIDTH else both.split(", ")
        self.wires += [Wire(width, f"{stem}_data"), *(Wire(1, names) for names in control)]

    def _net(self, cell: Cell, net: Net) -> None:
        """The wires of a net, and where it has several readers or queues, what stands between."""
        if cell.module == "qssm_frame":
            return
        self._stream(net.name, net.width)
        readers = self.circuit.readers(net)
        if not readers:
            self.wires.append(Wire(1, f"{net.name}_unused"))
            taken = f"assign {net.name}_ready = 1'b1;"
            unused = f"assign {net.name}_unused = &{{1'b0, {net.name}_data, {net.name}_valid}};"
            self.found.append(Instance(commented(f"nobody reads {net.name}", 4), (taken, unused)))
            return
        if len(readers) == 1:
            self._edge(net, readers[0], net.name)
            return
        branches = [self._stem(f"{net.name}__{reader.name}_{port}") for reader, port in readers]
        for branch in branches:
            self._stream(branch, net.width)
        ports = [
            *self._control(), f".s_valid({net.name}_valid)", f".s_ready({net.name}_ready)",
            f".m_valid({{{', '.join(f'{branch}_valid' for branch in reversed(branches))}}})",
            f".m_ready({{{', '.join(f'{branch}_ready' for branch in reversed(branches))}}})",
        ]  # fmt: skip
        self._add(f"{net.name} has {len(readers)} readers", "qssm_fork", f"{net.name}_fork", {"N": len(readers)}, ports)
        for branch, reader in zip(branches, readers, strict=True):
            self.found.append(Instance((), (f"assign {branch}_data = {net.name}_data;",)))
            self._edge(net, reader, branch)

    def _edge(self, net: Net, reader: tuple[Cell, str], stem: str) -> None:
        """The queue or skid buffer of an edge, then its change of width."""
        cell, port = reader
        depth = self.circuit.queues.get((cell.name, port))
        if depth is not None:
            queued = self._stem(f"{net.name}__{cell.name}_{port}_q")
            self._stream(queued, net.width)
            ports = self._control() + self._ports("s", stem) + self._ports("m", queued)
            self._add("", "qssm_fifo", f"{queued}_queue", {"W": net.width, "DEPTH": depth}, ports)
            stem = queued
        elif (cell.name, port) in self.circuit.skids:
            queued = self._stem(f"{net.name}__{cell.name}_{port}_s")
            self._stream(queued, net.width)
            ports = self._control() + self._ports("s", stem) + self._ports("m", queued)
            self._add("", "qssm_skid", f"{queued}_skid", {"W": net.width}, ports)
            stem = queued
        wanted = cell.inputs[port][1]
        if wanted != net.width:
            fitted = self._stem(f"{net.name}__{cell.name}_{port}_w")
            self._stream(fitted, wanted)
            ports = [f".s({stem}_data)", f".m({fitted}_data)"]
            self._add("", "qssm_resize", f"{fitted}_fit", {"IW": net.width, "OW": wanted}, ports)
            text = (f"assign {fitted}_valid = {stem}_valid;", f"assign {stem}_ready = {fitted}_ready;")
            self.found.append(Instance((), text))
            stem = fitted
        self.ends[cell.name, port] = stem

    @staticmethod
    def _control() -> list[str]:
        return [".clk(clk)", ".rst(rst)"]

    @staticmethod
    def _ports(prefix: str, stem: str) -> list[str]:
        return [f".{prefix}_{part}({stem}_{part})" for part in ("data", "valid", "ready")]

    def cell(self, cell: Cell) -> None:
        """The instance of a cell."""
        ports = self._control()
        for port in cell.inputs:
            ports += self._ports(port, self.ends[cell.name, port])
        if cell.module == "qssm_source":
            ports += [".s_data(s_wide)", ".s_valid(s_valid)", ".s_ready(s_ready)", ".s_last(s_last)"]
        ports += list(self._unused(cell))
        for port, net in cell.outputs.items():
            ports += self._ports(port, net.name)
        if cell.module == "qssm_frame":
            ports.append(f".m_last({cell.outputs['m'].name}_last)")
        if cell.saturates:
            self.wires.append(Wire(1, f"{cell.name}_saturated"))
            ports.append(f".saturated({cell.name}_saturated)")
        ports += [f".{port}({wire})" for port, wire in cell.plain.items()]
        parameters = {key: self._value(cell, key, value) for key, value in cell.parameters.items()}
        self._add(cell.about, cell.module, f"{cell.name}_cell", parameters, ports)

    def block(self, block: PlainInstance) -> None:
        """The instance of a block, behind the wires that it brings."""
        self.wires += [Wire(width, name) for name, width in block.wires.items()]
        ports = [*self._control(), *(f".{port}({wire})" for port, wire in block.ports.items())]
        parameters = {key: self._value(block, key, value) for key, value in block.parameters.items()}
        self._add(block.about, block.module, f"{block.name}_block", parameters, ports)

    def _unused(self, cell: Cell) -> Iterator[str]:
        """Streams of a module that this cell does not use."""
        if cell.module in ("qssm_requant", "qssm_ssm", "qssm_array_control") and "p" not in cell.inputs:
            width = cell.parameters["PW"]
            self.wires.append(Wire(1, f"{cell.name}_p_unused"))
            yield from (f".p_data({width}'d0)", ".p_valid(1'b0)", f".p_ready({cell.name}_p_unused)")
        if cell.module == "qssm_frame" and "t" not in cell.inputs:
            self.wires.append(Wire(1, f"{cell.name}_t_unused"))
            yield from (".t_data(1'b1)", ".t_valid(1'b1)", f".t_ready({cell.name}_t_unused)")
        if cell.module == "qssm_state" and "l" not in cell.outputs:
            width = cell.parameters["W"]
            self.wires += [Wire(int(str(width)), f"{cell.name}_l_data_unused"), Wire(1, f"{cell.name}_l_unused")]
            yield from (
                f".l_data({cell.name}_l_data_unused)",
                f".l_valid({cell.name}_l_unused)",
                ".l_ready(1'b1)",
            )

    def _value(self, cell: Cell | PlainInstance, key: str, value: Parameter) -> str:
        if isinstance(value, Memory):
            return f'"mem/{memory_name(cell, key)}"'
        if isinstance(value, Word):
            return f"{value.width}'h{value.value & ((1 << value.width) - 1):x}"
        return str(value)

    def _add(
        self,
        about: str,
        module: str,
        name: str,
        parameters: dict[str, str] | dict[str, int],
        ports: list[str],
    ) -> None:
        given = [f".{key}({value})" for key, value in parameters.items()]
        opening = [f"{module} #({', '.join(given)}) {name} (" if given else f"{module} {name} ("]
        if len(opening[0]) > WIDTH - 4:
            opening = [f"{module} #(", *(f"    {line}" for line in joined(given, 8)), f") {name} ("]
        self.found.append(Instance(commented(about, 4), tuple(opening), tuple(joined(ports, 8))))
