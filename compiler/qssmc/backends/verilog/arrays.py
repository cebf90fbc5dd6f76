"""Arrays: reads of a weight map as controllers among the cells, and beside them the arrays that those share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout import converter_of
from qssmc.analysis.bounds import Bound
from qssmc.backends.verilog.circuit import Cell, Memory, Net, Parameter, PlainInstance, pack, signed_width
from qssmc.backends.verilog.make import Maker
from qssmc.backends.verilog.timing import Reading
from qssmc.crossbar.map import Array, CrossbarMap, Drive, Read
from qssmc.crossbar.names import original
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Requant, Take, Xbar
from qssmc.ir.text import op_line

SETTLE = 4  # clocks that the model of an array takes for a read; the controller waits as long as a real one needs
_DRIVES: dict[Drive, int] = {"signed": 0, "inverted": 1, "positive": 2, "negative": 3}
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Converter:
    """The requant that stands for the ADCs of some columns of a product."""

    op: Requant
    columns: Ints

    def row(self, at: int) -> tuple[int, int, int]:
        """Shift, low and high of its column number `at`, within its type."""
        shift, low, high = (
            int(np.broadcast_to(t.data, self.columns.shape)[at]) for t in (self.op.shift, self.op.low, self.op.high)
        )
        floor, ceiling = self.op.type.bounds
        return shift, max(low, floor), min(high, ceiling)

    @property
    def dithered(self) -> bool:
        """Whether a phase moves the thresholds."""
        return len(self.op.inputs) == 2


@dataclass
class Product:
    """An xbar op that is a read of an array, with its converters; control: its cell, once that is made."""

    op: Xbar
    array: Array
    read: Read
    converters: list[Converter] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    control: Cell | None = None

    @property
    def phase(self) -> str | None:
        """The value that dithers, if any."""
        return next((converter.op.inputs[1] for converter in self.converters if converter.dithered), None)

    @property
    def wires(self) -> list[tuple[int, int, int]]:
        """The row lines that it drives: (line, row, drive)."""
        return [
            (line.line, row, _DRIVES[line.drive]) for row, wired in enumerate(self.read.rows) for line in wired.lines
        ]


class Arrays:
    """What of a graph happens in the arrays of a map: products, and which converter is of which; inside: moving ops."""

    def __init__(self, graph: Graph, proven: Mapping[str, Bound], crossbar: CrossbarMap | None) -> None:
        self.graph, self.bounds = graph, proven
        self.products: dict[str, Product] = {}
        self.converters: dict[str, Product] = {}
        self.inside: set[str] = set()
        if crossbar is None:
            return
        for op in graph.ops:
            if isinstance(op, Xbar) and original(op.name) in crossbar.ops:
                self._product(op, *crossbar.find(original(op.name)))
            elif (found := converter_of(graph, op)) is not None and found[0].name in self.products:
                assert isinstance(op, Requant)
                self._converter(Converter(op, found[1]), self.products[found[0].name])
        for array in crossbar.arrays:
            self._check(array)

    def _product(self, op: Xbar, array: Array, read: Read) -> None:
        if op.weight.shape != (len(read.columns), len(read.rows)):
            raise UnsupportedModelError(
                f"Verilog: the weight map's {read.op} has {len(read.columns)} columns and {len(read.rows)} rows, but "
                f"%{op.name} is of shape {op.weight.shape}"
            )
        self.products[op.name] = Product(op, array, read, about=[op_line(op)])
        self.inside.add(op.name)

    def _converter(self, converter: Converter, product: Product) -> None:
        product.converters.append(converter)
        product.about.append(op_line(converter.op))
        self.converters[converter.op.name] = product
        source = self.graph[converter.op.inputs[0]]
        if isinstance(source, Take):
            self.inside.add(source.name)

    def _check(self, array: Array) -> None:
        """Nothing but converters may look at a product, and one array has one width of phase."""
        products = self._of(array)
        for product in products:
            users: list[Op] = [*self.graph.users[product.op.name]]
            users += [user for op in users if op.name in self.inside for user in self.graph.users[op.name]]
            strange = [user for user in users if user.name not in self.inside and user.name not in self.converters]
            if strange:
                raise UnsupportedModelError(
                    f"Verilog: %{strange[0].name} reads the array %{product.op.name} past its ADCs"
                )
        if len({c.op.phase_bits for product in products for c in product.converters if c.dithered}) > 1:
            raise UnsupportedModelError(f"Verilog: the reads of {array.name} are dithered by phases of several widths")

    def _of(self, array: Array) -> list[Product]:
        return [product for product in self.products.values() if product.array is array]

    # --- controllers -------------------------------------------------------------------------------------------------

    def control(self, make: Maker, name: str, product: Product, x: Net, phase: Net | None) -> Net:
        """The controller of a read; gives the codes of all its columns, in order."""
        shape = _Shape.of(self._of(product.array), self.graph)
        rows, columns = len(product.read.rows), len(product.read.columns)
        net = make.net(name, shape.code_bits, x, columns)
        parameters: dict[str, Parameter] = {
            "DW": shape.dac_bits, "ROWS": rows, "CW": shape.code_bits, "COLUMNS": columns,
            "DITHER": int(phase is not None), "PW": shape.phase_bits,
        }  # fmt: skip
        inputs = {"s": (x, shape.dac_bits)} | ({"p": (phase, shape.phase_bits)} if phase is not None else {})
        make.about = "\n".join(product.about)
        wait = (shape.reads - 1) * (SETTLE + 2)
        timing = Reading(max(rows, columns) + SETTLE + 1, SETTLE, columns, wait)
        control = make.cell(
            "qssm_array_control", name, parameters, inputs, {"m": net}, timing,
            ram=rows * shape.dac_bits, saturates=True,
        )  # fmt: skip
        control.plain |= {f"a_{part}": f"{name}__{part}" for part in ("codes", "phase", "request", "done")}
        control.plain["a_columns"] = f"{_bus(product.array, 'columns')}[{columns * shape.code_bits - 1}:0]"
        control.plain["a_saturated"] = _bus(product.array, "saturated")
        product.control = control
        return net

    # --- arrays ------------------------------------------------------------------------------------------------------

    def blocks(self) -> list[PlainInstance]:
        """Every array that is read, with what shares it between its reads."""
        used = {id(product.array): product.array for product in self.products.values()}
        return [block for array in used.values() for block in self._array(array, self._of(array))]

    def _array(self, array: Array, products: Sequence[Product]) -> tuple[PlainInstance, PlainInstance]:
        shape, name = _Shape.of(products, self.graph), array.name
        driven = {"read": 1, "select": shape.select_bits, "codes": shape.rows * shape.dac_bits}
        driven |= {"phase": shape.phase_bits, "done": 1}
        bus = driven | {"columns": shape.outputs * shape.code_bits, "saturated": 1}
        cells = PlainInstance(
            "qssm_array", name, f"{name}: a model; a real array takes its place", self._model(array, products, shape),
            {part: _bus(array, part) for part in bus}, {_bus(array, part): width for part, width in bus.items()},
        )  # fmt: skip
        ports, wires = _requests(products, shape)
        share = PlainInstance(
            "qssm_array_share", f"{name}_share", f"{name}: who reads it",
            {"READS": shape.reads, "ROWS": shape.rows, "DW": shape.dac_bits, "PW": shape.phase_bits,
             "KW": shape.select_bits},
            ports | {f"a_{part}": _bus(array, part) for part in driven}, wires,
        )  # fmt: skip
        return cells, share

    def _model(self, array: Array, products: Sequence[Product], shape: _Shape) -> dict[str, Parameter]:
        lines, columns = array.levels.shape
        level_bits = max(1, int(array.levels.max(initial=0)).bit_length())
        line, row, column = _index_bits(lines), _index_bits(shape.rows), _index_bits(columns)
        wires = max(len(product.wires) for product in products)
        drives, adcs = [], []
        shift_bits = max(
            1, *(c.row(at)[0].bit_length() for p in products for c in p.converters for at in range(len(c.columns)))
        )
        for product in products:
            driven = [pack([(at, line), (code, row), (drive, 2), (1, 1)]) for at, code, drive in product.wires]
            drives += driven + [0] * (wires - len(driven))
            fields = {
                int(j): (*converter.row(at), int(converter.dithered))
                for converter in product.converters
                for at, j in enumerate(converter.columns.tolist())
            }
            for j, wired in enumerate(product.read.columns):
                shift, low, high, dithered = fields.get(j, (0, 0, 0, 0))
                adcs.append(
                    pack([(wired.plus, column), (wired.minus, column), (dithered, 1), (shift, shift_bits),
                          (low, shape.code_bits), (high, shape.code_bits)])
                )  # fmt: skip
            adcs += [0] * (shape.outputs - len(product.read.columns))
        inner = [self.bounds[p.op.name].inner_width for p in products]
        inner += [self.bounds[c.op.name].inner_width for p in products for c in p.converters]
        width = 2 + max(shape.code_bits, shape.dac_bits, level_bits, *inner)
        return {
            "LINES": lines, "COLUMNS": columns, "LW": level_bits, "READS": shape.reads, "KW": shape.select_bits,
            "ROWS": shape.rows, "DW": shape.dac_bits, "WIRES": wires, "OUTPUTS": shape.outputs, "CW": shape.code_bits,
            "SW": shift_bits, "ZW": width, "PW": shape.phase_bits, "SETTLE": SETTLE,
            "LEVELS": Memory(tuple(array.levels.ravel().tolist()), level_bits),
            "DRIVES": Memory(tuple(drives), 3 + row + line),
            "ADCS": Memory(tuple(adcs), 2 * shape.code_bits + shift_bits + 1 + 2 * column),
        }  # fmt: skip


@dataclass(frozen=True)
class _Shape:
    """What all reads of an array share: how many, the most rows and columns, and the bits of every bus."""

    reads: int
    rows: int
    outputs: int
    dac_bits: int
    code_bits: int
    phase_bits: int

    @property
    def select_bits(self) -> int:
        return _index_bits(self.reads)

    @staticmethod
    def of(products: Sequence[Product], graph: Graph) -> _Shape:
        converters = [converter for product in products for converter in product.converters]
        return _Shape(
            len(products),
            max(len(product.read.rows) for product in products),
            max(len(product.read.columns) for product in products),
            max(signed_width(*graph[product.op.inputs[0]].type.bounds) for product in products),
            max([2, *(signed_width(*converter.op.type.bounds) for converter in converters)]),
            max([1, *(converter.op.phase_bits for converter in converters if converter.dithered)]),
        )


def _requests(products: Sequence[Product], shape: _Shape) -> tuple[dict[str, str], dict[str, int]]:
    """Ports and wires between the controllers of an array and what shares it; all codes are as wide as the widest."""
    names = [product.control.name for product in products if product.control is not None]
    wires: dict[str, int] = {}
    codes: list[str] = []
    for product, name in zip(products, names, strict=True):
        bits, most = len(product.read.rows) * shape.dac_bits, shape.rows * shape.dac_bits
        codes += [f"{name}__codes", *([f"{most - bits}'d0"] if most > bits else [])]
        wires |= {f"{name}__codes": bits, f"{name}__phase": shape.phase_bits}
        wires |= {f"{name}__request": 1, f"{name}__done": 1}
    ports = {"request": "request", "phases": "phase", "done": "done"}
    joined = {port: _joined([f"{name}__{part}" for name in names]) for port, part in ports.items()}
    return {**joined, "codes": _joined(codes)}, wires


def _bus(array: Array, part: str) -> str:
    """A wire of the array itself."""
    return f"{array.name}__array_{part}"


def _index_bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _joined(names: Sequence[str]) -> str:
    """A concatenation, the first in the lowest bits."""
    return names[0] if len(names) == 1 else f"{{{', '.join(reversed(names))}}}"
