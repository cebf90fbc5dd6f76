"""The text form of a graph: prints and parses back to the identical graph.

graph tiny : integer
%u : u8[1] = input
%w : i16[2] = matvec %u weight=@w.weight bias=@w.bias from "encoder"
output y : step = %w
table @w.weight : int[2,1] grid width[]=4 scale[]=0.5
  1 -2
table @w.bias : int[2]
  0 3
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError
from qssmc.ir.graph import Graph, Kind, Output, When
from qssmc.ir.json_text import parse_json
from qssmc.ir.ops import BY_MNEMONIC, Op
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import parse_type
from qssmc.ir.verify import IRError, verify
from qssmc.regular_file import read_text

_BASE = ("name", "type", "inputs", "origin")
_ROW = 16  # numbers on a line of a table
_OP = re.compile(r'%(\w+) : (\S+) = (\w+)((?: %\w+)*)((?: \w+=\S+)*)(?: from ("(?:[^"\\]|\\.)*"))?')
_OUTPUT = re.compile(
    r"output (\w+) : (step|last)( mean)?(?: (class|flags|values))? = %(\w+)(?: names=(\[.*?\]))?(?: units=(\[.*?\]))?"
)
_TABLE = re.compile(r"(table @|range %|scale %|bits %|kept %)([\w.]+) : (real|int)\[([\d,]*)\](?: grid (.*))?")


def print_graph(graph: Graph) -> str:
    """The text of a graph; parse(print_graph(g)) == g."""
    lines = [f"graph {graph.name} : {graph.stage}"]
    tables: dict[str, Table] = {}
    for op in graph.ops:
        lines.append(op_line(op))
        tables |= {f"{op.name}.{name}": table for name, table in op.tables().items() if not _is_inline(table)}
    lines += [f"next %{name} = %{value}" for name, value in graph.updates.items()]
    for output in graph.outputs:
        lines.append(output_line(output))
    for name, table in tables.items():
        lines += _table_lines("table @", name, table)
    for kind, notes in (
        ("range %", graph.ranges),
        ("scale %", graph.scales),
        ("bits %", graph.bits),
        ("kept %", graph.kept),
    ):
        for name, table in notes.items():
            lines += _table_lines(kind, name, table)
    return "\n".join(lines) + "\n"


def op_line(op: Op) -> str:
    """The one line that stands for an op, without its tables."""
    operands = "".join(f" %{name}" for name in op.inputs)
    attributes = "".join(
        f" {field.name}={_attribute(op, field.name)}"
        for field in fields(op)
        if field.name not in _BASE and getattr(op, field.name) != field.default
    )
    origin = f" from {json.dumps(op.origin)}" if op.origin else ""
    return f"%{op.name} : {op.type} = {op.mnemonic}{operands}{attributes}{origin}"


def output_line(output: Output) -> str:
    """The one line that stands for an output; "values" is what an output is that says nothing else."""
    mean = " mean" if output.mean else ""
    kind = "" if output.kind == "values" else f" {output.kind}"
    notes = "".join(
        f" {note}={json.dumps(list(texts), separators=(',', ':'))}"
        for note, texts in (("names", output.names), ("units", output.units))
        if texts
    )
    return f"output {output.name} : {output.when}{mean}{kind} = %{output.value}{notes}"


def parse(text: str) -> Graph:
    """The graph that a text stands for. Raises IRError with the line that cannot be read."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")] or [""]
    reader = _Reader(lines)
    try:
        return reader.graph()
    except (ValueError, TypeError, OverflowError) as error:
        raise IRError(f"line {reader.line!r} cannot be read: {error}") from error


def read_graph(path: Path) -> Graph:
    """The graph in a file of IR text, sound by the rules of its stage.

    Raises MalformedInputError, with the file, for what cannot be read and for a graph that breaks a rule.
    """
    try:
        return sound_graph(read_text(path), str(path))
    except OSError as error:
        raise MalformedInputError(f"{path} cannot be read ({error.strerror}); give a file of IR text") from error
    except UnicodeDecodeError as error:
        raise MalformedInputError(f"{path} is no IR text ({error})") from error


def sound_graph(text: str, where: str) -> Graph:
    """The graph of a text that came from outside. Raises MalformedInputError, opened by `where`."""
    try:
        return verify(parse(text))
    except IRError as error:
        raise MalformedInputError(f"{where}: {' '.join(str(error).split())}") from error


def _is_inline(table: Table) -> bool:
    return table.shape == () and table.grid is None


def _attribute(op: Op, name: str) -> str:
    value = getattr(op, name)
    if isinstance(value, Table):
        return _number(value.data[()]) if _is_inline(value) else f"@{op.name}.{name}"
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: Any) -> str:
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(int(value))


def _extents(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _table_lines(kind: str, name: str, table: Table) -> Iterator[str]:
    grid = ""
    if table.grid is not None:
        grid = f" grid width{_array(table.grid.width)} scale{_array(table.grid.scale)}"
    yield f"{kind}{name} : {'real' if table.is_real else 'int'}{_extents(table.shape)}{grid}"
    flat = [_number(value) for value in table.data.ravel()]
    for start in range(0, len(flat), _ROW):
        yield "  " + " ".join(flat[start : start + _ROW])


def _array(array: NDArray[Any]) -> str:
    return f"{_extents(array.shape)}=" + ",".join(_number(value) for value in array.ravel())


def _parse_array(text: str, dtype: type) -> NDArray[Any]:
    match = re.fullmatch(r"\w+\[([\d,]*)\]=(.*)", text)
    if not match:
        raise ValueError(f"not an array: {text!r}")
    shape = tuple(int(extent) for extent in match[1].split(",") if extent)
    return np.array([dtype(value) for value in match[2].split(",") if value], dtype).reshape(shape)


def _texts(text: str | None) -> tuple[str, ...]:
    """A list of texts as JSON."""
    found = [] if text is None else json.loads(text)
    if not all(isinstance(one, str) for one in found):
        raise ValueError("names and units must be texts")
    return tuple(found)


class _Reader:
    """Reads a graph's lines in order; `line` is the one at hand, for messages."""

    def __init__(self, lines: list[str]) -> None:
        self.lines, self.line = lines, ""
        self.tables: dict[str, dict[str, Table]] = {
            "table @": {},
            "range %": {},
            "scale %": {},
            "bits %": {},
            "kept %": {},
        }

    def graph(self) -> Graph:
        """The whole graph."""
        self.line = self.lines[0]
        match = re.fullmatch(r"graph (\w+) : (\w+)", self.line)
        if not match:
            raise ValueError("a graph starts with: graph NAME : STAGE")
        self._read_tables()
        ops: list[Op] = []
        updates: dict[str, str] = {}
        outputs: list[Output] = []
        for line in self._body():
            self.line = line
            if self.line.startswith("%"):
                ops.append(self._op())
            elif self.line.startswith("next "):
                name, value = self.line.removeprefix("next ").split(" = ")
                updates[name.removeprefix("%")] = value.removeprefix("%")
            else:
                outputs.append(self._output())
        notes = (self.tables[kind] for kind in ("range %", "scale %", "bits %", "kept %"))
        return Graph(match[1], match[2], tuple(ops), updates, tuple(outputs), *notes)

    def _body(self) -> list[str]:
        return [line for line in self.lines[1:] if not line.startswith("  ") and not _TABLE.fullmatch(line)]

    def _read_tables(self) -> None:
        index = 0
        while index < len(self.lines):
            self.line = self.lines[index]
            match = _TABLE.fullmatch(self.line)
            index += 1
            if not match:
                if self.line.startswith("  "):
                    raise ValueError("indented lines are the numbers of a table, and no table comes before this one")
                continue
            numbers: list[str] = []
            while index < len(self.lines) and self.lines[index].startswith("  "):
                numbers += self.lines[index].split()
                index += 1
            self.tables[match[1]][match[2]] = self._table(match, numbers)

    @staticmethod
    def _table(match: re.Match[str], numbers: list[str]) -> Table:
        shape = tuple(int(extent) for extent in match[4].split(",") if extent)
        grid = None
        if match[5]:
            width, scale = match[5].split(" ")
            grid = Grid.of(_parse_array(scale, float), _parse_array(width, int))
        if match[3] == "real":
            return Table.real(np.array([float(n) for n in numbers], np.float64).reshape(shape), grid)
        return Table.integer(np.array([int(n) for n in numbers], np.int64).reshape(shape), grid)

    def _op(self) -> Op:
        match = _OP.fullmatch(self.line)
        if not match:
            raise ValueError("not an op")
        name, type_, mnemonic, operands, attributes, origin = match.groups()
        if mnemonic not in BY_MNEMONIC:
            raise ValueError(f"there is no op {mnemonic}")
        op_class = BY_MNEMONIC[mnemonic]
        given = dict(item.split("=", 1) for item in attributes.split())
        return op_class(
            name=name,
            type=parse_type(type_),
            inputs=tuple(item.removeprefix("%") for item in operands.split()),
            origin=parse_json(origin) if origin else "",
            **self._attributes(op_class, given),
        )

    def _attributes(self, op_class: type[Op], given: dict[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field in fields(op_class):
            if field.name in _BASE:
                continue
            text = given.pop(field.name, None)
            if text is None:
                if field.default is MISSING:
                    raise ValueError(f"{field.name} is missing")
                continue
            values[field.name] = self._value(str(field.type), text)
        if given:
            raise ValueError(f"{op_class.mnemonic} has no {', '.join(given)}")
        return values

    def _value(self, kind: str, text: str) -> Any:
        if text.startswith("@"):
            if text.removeprefix("@") not in self.tables["table @"]:
                raise ValueError(f"there is no table {text}")
            return self.tables["table @"][text.removeprefix("@")]
        if kind.startswith("Table"):
            is_integer = re.fullmatch(r"-?\d+", text) is not None
            return Table.integer(int(text)) if is_integer else Table.real(float(text))
        if kind == "int":
            return int(text)
        return float(text) if kind == "float" else text

    def _output(self) -> Output:
        match = _OUTPUT.fullmatch(self.line)
        if not match:
            raise ValueError("not an op, a next, an output or a table")
        when: When = "step" if match[2] == "step" else "last"
        kind = cast(Kind, match[4] or "values")
        return Output(match[1], match[5], when, bool(match[3]), kind, _texts(match[6]), _texts(match[7]))
