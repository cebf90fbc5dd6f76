"""Scalars of C: the fixed-width integer types, the smallest that holds a proven interval, and literals."""

from __future__ import annotations

from dataclasses import dataclass

from qssmc.ir.types import Type

_WIDTHS = (8, 16, 32, 64)


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

    def holds(self, low: int, high: int) -> bool:
        """Whether every integer from low to high has a representation."""
        if self.signed:
            return -(1 << (self.bits - 1)) <= low and high < 1 << (self.bits - 1)
        return low >= 0 and high < 1 << self.bits


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


def literal(value: int) -> str:
    """An integer as a C99 constant of the right type, safe as an operand of any operator."""
    if value == -(1 << 63):
        return "(-INT64_C(9223372036854775807) - 1)"
    if value == -(1 << 31):
        return "(-2147483647 - 1)"
    text = str(abs(value)) if abs(value) < 1 << 31 else f"INT64_C({abs(value)})"
    return f"(-{text})" if value < 0 else text
