"""Scalars of C: the fixed-width integer types, the smallest that holds a proven interval, literals, and expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qssmc.ir.types import Type

_WIDTHS = (8, 16, 32, 64)
_NEGATIVE = re.compile(r"\((-\d+)\)")
_CASTS = re.compile(r"^(\(u?int\d+_t\))+")
_OPEN, _CLOSE = "([", ")]"


@dataclass(frozen=True)
class CType:
    """An integer type of stdint.h."""

    bits: int
    signed: bool = True

    @property
    def text(self) -> str:
        """The name in C, such as int8_t."""
        return f"{'' if self.signed else 'u'}int{self.bits}_t"

    @property
    def bytes(self) -> int:
        """Size in memory."""
        return self.bits // 8

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest integer that it holds."""
        return (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1) if self.signed else (0, (1 << self.bits) - 1)

    def holds(self, low: int, high: int) -> bool:
        """Whether every integer from low to high has a representation."""
        return self.bounds[0] <= low and high <= self.bounds[1]


INT = CType(32)  # what C computes narrower operands in; qssm_kernels.h asserts that int has 32 bits at least


@dataclass(frozen=True)
class Expression:
    """An expression of C and the type that C gives it: what it was declared with, or int or int64_t if computed."""

    text: str
    ctype: CType


def storage(low: int, high: int) -> CType:
    """The smallest type for an array of integers from low to high.

    Unsigned types appear up to 16 bits only: those promote to int, so they never turn signed arithmetic unsigned.
    """
    for bits in _WIDTHS:
        for ctype in (CType(bits), CType(bits, signed=False)):
            if ctype.holds(low, high) and (ctype.signed or bits <= 16):
                return ctype
    raise ValueError(f"no type of 64 bits holds {low}..{high}")


def arithmetic(low: int, high: int) -> CType:
    """The smallest signed type of 16 bits or more that holds every intermediate result from low to high."""
    for bits in _WIDTHS[1:]:
        if CType(bits).holds(low, high):
            return CType(bits)
    raise ValueError(f"no type of 64 bits holds {low}..{high}")


def stored(type_: Type) -> CType:
    """The type for the elements of a value whose width is proven."""
    return storage(*type_.bounds)


def constant(value: int) -> str:
    """An integer as a C99 constant of the right type, for where commas or brackets set it apart."""
    if value == -(1 << 63):
        return "-INT64_C(9223372036854775807) - 1"
    if value == -(1 << 31):
        return "-2147483647 - 1"
    text = str(abs(value)) if abs(value) < 1 << 31 else f"INT64_C({abs(value)})"
    return f"-{text}" if value < 0 else text


def literal(value: int) -> str:
    """An integer as a C99 constant of the right type, safe as an operand of any operator."""
    return f"({constant(value)})" if value < 0 else constant(value)


def literal_of(value: int) -> Expression:
    """The same, with its type; small ones are held by any signed type that has room, as C's own rules allow."""
    return Expression(literal(value), storage(value, value))


def plus(start: int, index: str) -> str:
    """The index start + index; a number where both are."""
    if index.isdigit():
        return str(start + int(index))
    return f"{start} + {index}" if start else index


def total(parts: list[str]) -> str:
    """The sum of expressions; negative literals are subtracted."""
    text = parts[0]
    for part in parts[1:]:
        negative = _NEGATIVE.fullmatch(part)
        text += f" - {negative[1][1:]}" if negative else f" + {part}"
    return text


def argument(text: str) -> str:
    """An expression where commas, brackets or an assignment set it apart: no parentheses around the whole."""
    return text[1:-1] if text.startswith("(") and _closing(text, 0) == len(text) else text


def narrowed(x: Expression, target: CType) -> str:
    """x as a target type that it is proven to fit; the cast is written only where C would warn of one left out."""
    return x.text if target.holds(*x.ctype.bounds) else f"({target.text}){operand(x.text)}"


def widened(x: Expression, target: CType) -> str:
    """x as an operand of arithmetic in target: int is wide enough up to 32 bits."""
    return f"(int64_t){operand(x.text)}" if target.bits == 64 and x.ctype.bits < 64 else x.text


def operand(text: str) -> str:
    """An expression that may follow a cast: in parentheses, unless it is a name, a number, a call or an element."""
    return text if _is_primary(text) else f"({text})"


def shifted_operand(text: str) -> str:
    """An expression that may stand before a shift: compilers want parentheses around anything with an operator."""
    return text if _is_primary(_CASTS.sub("", text)) else f"({text})"


def _is_primary(text: str) -> bool:
    head = re.match(r"\w+((->|\.)\w+)*", text)
    at = head.end() if head else 0
    if head is None and not text.startswith("("):
        return False
    while at < len(text):
        if text[at] not in _OPEN:
            return False
        at = _closing(text, at)
    return True


def _closing(text: str, at: int) -> int:
    """The place behind the bracket that closes the one at a place."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] in _OPEN) - (text[place] in _CLOSE)
        if depth == 0:
            return place + 1
    return len(text) + 1
