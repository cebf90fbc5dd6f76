"""C memory: arrays of terms, the pointers into them, and the checks that every access must pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from qssmc.proof.c_types import ArrayType, CType, Integer, StructType, Unsupported, size_of
from qssmc.proof.terms import Term, Terms, span


class Undefined(Exception):
    """C whose meaning the standard leaves open: it could happen for some operands.

    term must lie in low..high for the C to be defined; where it always lies outside, term is None.
    """

    def __init__(self, message: str, term: Term | None = None, low: int = 0, high: int = 0) -> None:
        super().__init__(message)
        self.term, self.low, self.high = term, low, high


@dataclass(eq=False)
class Region:
    """An object in memory. cells: its elements, None before they are written; touched: those written of late."""

    name: str
    element: Integer
    cells: list[Term | None]
    constant: bool = False
    touched: set[int] = field(default_factory=set)

    @property
    def bytes(self) -> int:
        """Its size."""
        return size_of(ArrayType(self.element, len(self.cells)))

    def read(self, terms: Terms, at: Term) -> Term:
        """The element at an index, which may depend on data if the region is a table of numbers."""
        self.check(at, len(self.cells))
        if isinstance(at, int):
            cell = self.cells[at]
            if cell is None:
                raise Undefined(f"{self.name}[{at}] is read before it is written")
            return cell
        low, high = span(at)
        reached = self.cells[low : high + 1]
        numbers = [cell for cell in reached if isinstance(cell, int)]
        if len(numbers) != len(reached):
            raise Unsupported(f"an index that depends on data, of {self.name}, which is no table")
        return terms.entry(numbers, terms.add(at, -low))

    def write(self, at: Term, value: Term) -> None:
        """Set the element at an index, which must not depend on data."""
        self.check(at, len(self.cells))
        if self.constant:
            raise Undefined(f"{self.name} is const, and is written to")
        if not isinstance(at, int):
            raise Unsupported(f"a write to {self.name} at an index that depends on data")
        self.cells[at] = value
        self.touched.add(at)

    def check(self, at: Term, end: int) -> None:
        """An index must lie in 0..end-1."""
        low, high = span(at)
        if low < 0 or high >= end:
            raise Undefined(f"{self.name}[{low}..{high}] of {len(self.cells)} elements", at, 0, end - 1)


@dataclass(eq=False)
class Struct:
    """A struct in memory: its members by name."""

    name: str
    record: StructType
    members: dict[str, Region]


@dataclass(frozen=True)
class Pointer:
    """Where a pointer points: an element of a region, a struct, or nowhere."""

    region: Region | Struct | None
    at: Term = 0

    def moved(self, terms: Terms, by: Term) -> Pointer:
        """The pointer so many elements on, which may point one past the end."""
        if not isinstance(self.region, Region):
            raise Unsupported("arithmetic with a pointer that is not into an array")
        at = terms.add(self.at, by)
        self.region.check(at, len(self.region.cells) + 1)
        return Pointer(self.region, at)

    def place(self) -> tuple[Region, Term]:
        """The element that it points to."""
        if not isinstance(self.region, Region):
            raise Undefined("a null pointer is followed" if self.region is None else "a struct is read as a number")
        return self.region, self.at


@dataclass(eq=False)
class PointerVariable:
    """A variable that holds a pointer."""

    name: str
    pointer: Pointer = field(default_factory=lambda: Pointer(None))


Place = tuple[Region, Term] | PointerVariable


def region_of(name: str, ctype: CType, constant: bool = False) -> Region:
    """Memory for a variable or member, not yet written."""
    if isinstance(ctype, ArrayType):
        return Region(name, ctype.element, [None] * ctype.count, constant)
    if isinstance(ctype, Integer):
        return Region(name, ctype, [None], constant)
    raise Unsupported(f"a variable {name} that is no number, array or pointer")


def struct_of(name: str, record: StructType) -> Struct:
    """Memory for a struct, not yet written."""
    return Struct(name, record, {member: region_of(f"{name}.{member}", ctype) for member, ctype in record.members})
