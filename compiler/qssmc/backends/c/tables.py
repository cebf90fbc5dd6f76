"""Tables: the constant arrays of the emitted C, each in the smallest type that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qssmc.backends.c.scalar import CType, Expression, constant, literal_of, storage
from qssmc.backends.wrapping import COLUMNS


@dataclass(frozen=True)
class CTable:
    """One constant array.

    lane is the width that a loop reads it in: machines with wide registers store it so, which spares a widening.
    """

    name: str
    element: CType
    values: tuple[int, ...]
    about: str
    lane: CType | None = None

    @property
    def widest(self) -> CType:
        """The type of an element on any machine."""
        return self.lane if self.lane and self.lane.bits > self.element.bits else self.element

    def text(self) -> str:
        """Its definition in C, under a comment that says what its numbers are."""
        element = self.element.text
        if self.widest != self.element:
            element = f"QSSM_TABLE({element}, {self.widest.text})"
        head = f"static const {element} {self.name}[{len(self.values)}] = {{"
        lines, line = [f"/* {self.about} */", head], "   "
        for value in self.values:
            item = f" {constant(value)},"
            if len(line) + len(item) > COLUMNS:
                lines.append(line)
                line = "   "
            line += item
        return "\n".join([*lines, line, "};"])


class CTables:
    """Collects arrays by name, in order of first use. Constant ones become literals instead."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.arrays: dict[str, CTable] = {}

    def element(
        self, name: str, values: Sequence[int], index: str, about: str, *, lane: CType | None = None
    ) -> Expression:
        """Element `index` of a table, a literal if all its elements are one number."""
        if len(set(values)) <= 1:
            return literal_of(values[0] if len(values) else 0)
        array = self.array(name, values, about, lane=lane)
        return Expression(f"{array.name}[{index}]", array.widest)

    def array(
        self,
        name: str,
        values: Sequence[int],
        about: str,
        *,
        element: CType | None = None,
        lane: CType | None = None,
    ) -> CTable:
        """The array that holds the values: the given name, numbered if other values have taken it."""
        kept = tuple(int(value) for value in values) or (0,)
        full, number = f"{self.prefix}_{name}", 1
        while full in self.arrays and self.arrays[full].values != kept:
            number += 1
            full = f"{self.prefix}_{name}_{number}"
        if full not in self.arrays:
            self.arrays[full] = CTable(full, element or storage(min(kept), max(kept)), kept, about, lane)
        return self.arrays[full]

    @property
    def bytes(self) -> int:
        """Memory that the arrays take, packed."""
        return sum(len(array.values) * array.element.bytes for array in self.arrays.values())
