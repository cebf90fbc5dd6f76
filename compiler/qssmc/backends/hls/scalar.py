"""Scalars: the C++ text of types and literals, each exactly as wide as what it holds."""

from __future__ import annotations

from qssmc.ir.ops import Input
from qssmc.ir.types import width_of


def ap_type(width: int, signed: bool) -> str:
    """The type of an integer of a width."""
    return f"ap_{'' if signed else 'u'}int<{width}>"


def ap_type_of(low: int, high: int) -> str:
    """The narrowest type that holds low..high."""
    return ap_type(*width_of(low, high))


def word_bits(entrance: Input) -> int:
    """The bits of a word of the stream of samples: whole bytes, as AXI wants them."""
    assert entrance.type.width is not None
    return -(-entrance.type.width // 8) * 8


def number(value: int) -> str:
    """A number as C++ takes it, wide enough to lose nothing."""
    if value == -(1 << 63):
        return f"(-{(1 << 63) - 1}LL - 1)"
    if -(1 << 31) < value < 1 << 31:
        return str(value)
    return f"{value}LL" if value < 1 << 63 else f"{value}ULL"


def literal(value: int) -> str:
    """A number in the narrowest type that holds it.

    >>> literal(5), literal(-3)
    ('ap_uint<3>(5)', 'ap_int<3>(-3)')
    """
    return f"{ap_type_of(value, value)}({number(value)})"
