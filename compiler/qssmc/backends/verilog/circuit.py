"""Circuit: cells of the RTL library, and the streams of numbers between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from qssmc.backends.verilog.timing import Timing
from qssmc.ir.types import Type


@dataclass(frozen=True)
class Net:
    """A stream: extent signed numbers of width bits a firing. A firing is a sample, or a sequence's end where last."""

    name: str
    width: int
    extent: int
    last: bool = False


@dataclass(frozen=True)
class Word:
    """A constant of more bits than a Verilog integer, as a parameter."""

    value: int
    width: int


@dataclass(frozen=True)
class Memory:
    """The words of a .mem file, each of width bits."""

    words: tuple[int, ...]
    width: int

    def text(self) -> str:
        """The file: a word a line, in hexadecimal."""
        digits = (self.width + 3) // 4
        mask = (1 << self.width) - 1
        return "".join(f"{word & mask:0{digits}x}\n" for word in self.words)

    @property
    def bits(self) -> int:
        """Bits of the whole memory."""
        return len(self.words) * self.width


Parameter = int | Word | Memory


@dataclass(eq=False)
class Cell:
    """An instance of a library module.

    inputs and outputs by port prefix; an input is a net and the width that the port takes it in. multipliers: how many
    it keeps busy, each of product bits; soft: how many of them are adders; work: multiplications of them a firing;
    ram: bits of memory that it writes; plain: ports that are no streams, and their wires, which a block brings.
    """

    module: str
    name: str
    about: str
    parameters: dict[str, Parameter]
    inputs: dict[str, tuple[Net, int]]
    outputs: dict[str, Net]
    timing: Timing
    multipliers: int = 0
    work: int = 0
    product: int = 0
    ram: int = 0
    saturates: bool = False
    plain: dict[str, str] = field(default_factory=dict)
    soft: int = 0


@dataclass(eq=False)
class PlainInstance:
    """An instance beside the streams. ports: of plain wires; wires: width of each that it brings."""

    module: str
    name: str
    about: str
    parameters: dict[str, Parameter]
    ports: dict[str, str]
    wires: dict[str, int]


@dataclass(eq=False)
class OutputPort:
    """An output of the core: the frame cell that drives it."""

    name: str
    cell: Cell
    width: int
    extent: int
    last: bool


@dataclass(frozen=True)
class TracedValue:
    """What an op computes, as the core holds it: a net, or one for re and one for im."""

    op: str
    nets: tuple[Net, ...]
    last: bool


@dataclass(eq=False)
class Circuit:
    """All cells in an order in which operands come first, new values of states excepted; queues, skids by edge.

    values: of the ops that a simulator can look at.
    """

    name: str
    sample: Net
    cells: list[Cell] = field(default_factory=list)
    ports: list[OutputPort] = field(default_factory=list)
    blocks: list[PlainInstance] = field(default_factory=list)
    values: list[TracedValue] = field(default_factory=list)
    queues: dict[tuple[str, str], int] = field(default_factory=dict)  # (cell, port prefix) -> depth
    skids: set[tuple[str, str]] = field(default_factory=set)

    def readers(self, net: Net) -> list[tuple[Cell, str]]:
        """Who reads a net, in order."""
        return self._edges[0].get(net, [])

    def driver(self, net: Net) -> Cell:
        """The cell that gives a net."""
        return self._edges[1][net]

    @cached_property
    def _edges(self) -> tuple[dict[Net, list[tuple[Cell, str]]], dict[Net, Cell]]:
        """Readers and driver of every net, of a circuit to which nothing is added any more."""
        readers: dict[Net, list[tuple[Cell, str]]] = {}
        drivers: dict[Net, Cell] = {}
        for cell in self.cells:
            drivers |= dict.fromkeys(cell.outputs.values(), cell)
            for port, (net, _) in cell.inputs.items():
                readers.setdefault(net, []).append((cell, port))
        return readers, drivers

    @property
    def parts(self) -> list[Cell | PlainInstance]:
        """Everything that is an instance of a library module."""
        return [*self.cells, *self.blocks]

    def memories(self) -> dict[str, Memory]:
        """The .mem files by name."""
        return {
            memory_name(cell, key): value
            for cell in self.parts
            for key, value in cell.parameters.items()
            if isinstance(value, Memory)
        }


def memory_name(cell: Cell | PlainInstance, key: str) -> str:
    """The file of a memory parameter."""
    return f"{cell.name}.mem" if key == "FILE" else f"{cell.name}_{key.lower()}.mem"


def signed_width(low: int, high: int) -> int:
    """Bits of a signed number that holds low..high; two at least, as the library wants it."""
    return max(2, (-low - 1).bit_length() + 1 if low < 0 else 1, high.bit_length() + 1 if high > 0 else 1)


def width_of(type_: Type) -> int:
    """Bits of a stream that carries a value: signed always, two at least."""
    return signed_width(*type_.bounds)


def pack(fields: Sequence[tuple[int, int]]) -> int:
    """One word of (value, width) fields, the first in the lowest bits."""
    word = at = 0
    for value, width in fields:
        word |= (value & ((1 << width) - 1)) << at
        at += width
    return word
