"""Emitted tables: the numbers that stand in a folder's C, HLS C++, .mem files and ONNX models against golden's.

The files are parsed, and every table in them must hold the numbers that the golden IR gives when it is emitted with the
folder's options: in number, order and value, packed ones and those that no run of this machine reads among them. Each
number must fit the type that its table is declared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.targets.backend import Files

_TABLE = re.compile(
    r"static const (?:QSSM_TABLE\((?P<packed>\w+), \w+\)|(?P<type>[\w<> ]+?)) "
    r"(?P<name>\w+)(?:\[\w+\])+ = \{(?P<body>[^;]*)\};"
)
_NUMBER = re.compile(r"-?\b(?:0x[0-9a-fA-F]+|\d+)")
_C_TYPE = re.compile(r"(u?)int(\d+)_t")


@dataclass(frozen=True)
class Tables:
    """What was compared of a target: how many tables, and how many numbers in them."""

    tables: int
    numbers: int


def check_tables(folder: Path, emitted: Mapping[str, Files]) -> dict[str, Tables]:
    """Of every target. Raises VerificationError with the first number that is another, saying where it stands.

    emitted: of `emitted_again`.
    """
    found = {}
    for name, files in emitted.items():
        tables = numbers = 0
        for path in sorted(files):
            wanted = dict(_read(path, files[path]))
            if wanted:
                _compare(path, dict(_read(path, (folder / path).read_bytes())), wanted)
            tables += len(wanted)
            numbers += sum(len(table) for table in wanted.values())
        found[name] = Tables(tables, numbers)
    return found


def _compare(path: str, got: Mapping[str, list[int]], wanted: Mapping[str, list[int]]) -> None:
    for table, numbers in wanted.items():
        where = f"{path}: table {table}" if table else path
        if table not in got:
            raise VerificationError(f"{where} is missing, but the golden IR gives it")
        if len(got[table]) != len(numbers):
            raise VerificationError(f"{where} has {len(got[table])} numbers, but the golden IR gives {len(numbers)}")
        for index, (one, other) in enumerate(zip(got[table], numbers, strict=True)):
            if one != other:
                raise VerificationError(f"{where}: number {index} is {one}, but the golden IR gives {other}")
    more = [table for table in got if table not in wanted]
    if more:
        raise VerificationError(f"{path}: table {more[0]} is none that the golden IR gives")


def _read(path: str, content: bytes) -> Iterator[tuple[str, list[int]]]:
    """The tables of an emitted file: name, and numbers in order."""
    if path.endswith((".c", ".h", ".cpp")):
        yield from _c_tables(path, content.decode("utf-8", "replace"))
    elif path.endswith(".mem"):
        try:
            yield "", [int(word, 16) for word in content.split()]
        except ValueError as error:
            raise VerificationError(f"{path} holds a word that is no hexadecimal number ({error})") from error
    elif path.endswith(".onnx") and "float" not in path and "qdq" not in path:
        yield from _initialisers(path, content)


def _c_tables(path: str, text: str) -> Iterator[tuple[str, list[int]]]:
    for match in _TABLE.finditer(re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)):
        numbers = [int(word, 0) for word in _NUMBER.findall(match["body"])]
        kind = _C_TYPE.fullmatch((match["packed"] or match["type"]).strip())
        if kind:
            bits = int(kind[2])
            low, high = (0, (1 << bits) - 1) if kind[1] else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            wide = next((number for number in numbers if not low <= number <= high), None)
            if wide is not None:
                raise VerificationError(f"{path}: table {match['name']} holds {wide}, which is no {kind[0]}")
        yield match["name"], numbers


def _initialisers(path: str, content: bytes) -> Iterator[tuple[str, list[int]]]:
    import onnx

    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf raises kinds of its own
        raise VerificationError(f"{path} is no ONNX model ({type(error).__name__})") from error
    yield from _of_graph(model.graph, "")


def _of_graph(graph: Any, place: str) -> Iterator[tuple[str, list[int]]]:
    import onnx

    for tensor in graph.initializer:
        yield place + tensor.name, _integers(onnx.numpy_helper.to_array(tensor))
    for number, node in enumerate(graph.node):
        for attribute in node.attribute:
            where = f"{place}{number}.{attribute.name}"
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield where, _integers(onnx.numpy_helper.to_array(attribute.t))
            elif attribute.type == onnx.AttributeProto.GRAPH:
                yield from _of_graph(attribute.g, f"{where}/")


def _integers(array: NDArray[Any]) -> list[int]:
    """Numbers, or the bits of those that are no integers."""
    flat = np.ascontiguousarray(array).ravel()
    return [int(n) for n in (flat if flat.dtype.kind in "iub" else flat.view(f"i{flat.dtype.itemsize}"))]
