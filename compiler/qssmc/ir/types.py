"""Type: shape and element of a value, real or a two's complement integer of a width."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_TEXT = re.compile(r"(c?)(f64|[iu]\d+)\[([\d,]*)\]")
WIDEST = 64


@dataclass(frozen=True)
class Type:
    """A value of `shape`; width None is real (float64), else an integer of that many bits. Complex values are pairs.

    Texts: f64[16] real, i8[16] signed, u6[1] unsigned, ci16[512] complex with 16 bits for re and for im.
    """

    shape: tuple[int, ...]
    width: int | None = None
    signed: bool = True
    complex: bool = False

    def __post_init__(self) -> None:
        if self.width is not None and not 1 <= self.width <= WIDEST:
            raise ValueError(f"width must be 1 to {WIDEST} bits, not {self.width}")
        if any(extent < 0 for extent in self.shape):
            raise ValueError(f"extents must not be negative, but the shape is {self.shape}")

    @property
    def is_real(self) -> bool:
        """Whether elements are float64 rather than integers."""
        return self.width is None

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest integer of the width."""
        if self.width is None:
            raise ValueError("a real type has no integer bounds")
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of the numpy array that holds one value: complex adds a last axis (re, im)."""
        return (*self.shape, 2) if self.complex else self.shape

    def of(self, low: int, high: int) -> Type:
        """This shape with the smallest integer element that holds low..high."""
        width, signed = width_of(low, high)
        return replace(self, width=width, signed=signed)

    def __str__(self) -> str:
        element = "f64" if self.width is None else f"{'i' if self.signed else 'u'}{self.width}"
        return f"{'c' if self.complex else ''}{element}[{','.join(map(str, self.shape))}]"


class _Unknown(Type):
    """A type that is not known yet: no shape, no element, and equal to no other type."""

    def __str__(self) -> str:
        return "?"


UNTYPED = _Unknown(())  # of an op that no builder has placed in a graph; the verifier refuses it


def width_of(low: int, high: int) -> tuple[int, bool]:
    """The bits and signedness of the smallest integer that holds low..high; u1 for nothing but 0."""
    if low > high:
        raise ValueError(f"empty interval {low}..{high}")
    if low >= 0:
        return max(1, high.bit_length()), False
    return max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1, True


def parse_type(text: str) -> Type:
    """The type that a text such as ci16[512] names."""
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(f"not a type: {text!r}")
    complex_, element, extents = match.groups()
    shape = tuple(int(extent) for extent in extents.split(",") if extent)
    if element == "f64":
        return Type(shape, complex=bool(complex_))
    return Type(shape, int(element[1:]), element[0] == "i", bool(complex_))
