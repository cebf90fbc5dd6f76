"""C types: integers by width, and what a type's name stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qssmc.proof.c_source import CSource, Node

_QUALIFIERS = re.compile(r"\b(const|volatile|restrict|__restrict)\b")
_ARRAY = re.compile(r"(.*?)\s*\[(\d+)\]")


class Unsupported(Exception):
    """C that the proof cannot follow; the message says which."""


@dataclass(frozen=True)
class Integer:
    """An integer type, two's complement."""

    bits: int
    signed: bool

    @property
    def low(self) -> int:
        """The least number."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest number."""
        return (1 << (self.bits - self.signed)) - 1


@dataclass(frozen=True)
class ArrayType:
    """count elements in a row."""

    element: Integer
    count: int


@dataclass(frozen=True)
class StructType:
    """A struct: its members in order."""

    members: tuple[tuple[str, Integer | ArrayType], ...]


@dataclass(frozen=True)
class PointerType:
    """A pointer; to what is found where it is read."""


CType = Integer | ArrayType | StructType | PointerType
_INTEGERS = {
    "char": Integer(8, True),
    "signed char": Integer(8, True),
    "unsigned char": Integer(8, False),
    "short": Integer(16, True),
    "unsigned short": Integer(16, False),
    "int": Integer(32, True),
    "unsigned int": Integer(32, False),
    "long": Integer(64, True),
    "unsigned long": Integer(64, False),
    "long long": Integer(64, True),
    "unsigned long long": Integer(64, False),
    "_Bool": Integer(1, False),
}


def type_named(source: CSource, name: str) -> CType:
    """The type of a name as clang writes it. Raises Unsupported for floats, unions and other things."""
    plain = " ".join(_QUALIFIERS.sub(" ", name).split())
    if plain in _INTEGERS:
        return _INTEGERS[plain]
    if plain.endswith("*"):
        return PointerType()
    if array := _ARRAY.fullmatch(plain):
        element = type_named(source, array[1])
        if isinstance(element, Integer):
            return ArrayType(element, int(array[2]))
    if plain in source.typedefs:
        return _of_typedef(source, source.typedefs[plain])
    raise Unsupported(f"the type {name}")


def type_of(source: CSource, node: Node) -> CType:
    """The type of an expression or declaration."""
    return type_named(source, node["type"]["qualType"])


def integer_of(source: CSource, node: Node) -> Integer:
    """The type of an expression that must be an integer."""
    found = type_of(source, node)
    if not isinstance(found, Integer):
        raise Unsupported(f"an integer of type {node['type']['qualType']}")
    return found


def size_of(ctype: CType) -> int:
    """Bytes of a type; members of a struct stand at multiples of their own size."""
    if isinstance(ctype, Integer):
        return max(1, ctype.bits // 8)
    if isinstance(ctype, ArrayType):
        return size_of(ctype.element) * ctype.count
    if isinstance(ctype, PointerType):
        return 8
    at, widest = 0, 1
    for _, member in ctype.members:
        step = size_of(member.element if isinstance(member, ArrayType) else member)
        widest = max(widest, step)
        at = -(-at // step) * step + size_of(member)
    return -(-at // widest) * widest


def _of_typedef(source: CSource, node: Node) -> CType:
    for part in node.get("inner", []):
        tag = part.get("ownedTagDecl", part.get("decl", {}))
        if tag.get("id") in source.declarations:
            return _record(source, source.declarations[tag["id"]])
    return type_named(source, node["type"].get("desugaredQualType", node["type"]["qualType"]))


def _record(source: CSource, node: Node) -> StructType:
    members: list[tuple[str, Integer | ArrayType]] = []
    for field in node.get("inner", []):
        if field["kind"] == "FieldDecl":
            member = type_of(source, field)
            if not isinstance(member, Integer | ArrayType) or field.get("isBitfield"):
                raise Unsupported(f"the member {field['name']} of type {field['type']['qualType']}")
            members.append((field["name"], member))
    return StructType(tuple(members))
