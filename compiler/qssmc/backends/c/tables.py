"""Tables: the constant arrays of the emitted C, each in the smallest type that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qssmc.backends.c.scalar import CType, literal, storage

_COLUMNS = 120


@dataclass(frozen=True)
class Array:
    """One constant array; only_trace says that nothing but a trace build reads it.

    lane is the width that a loop reads it in: machines with wide registers store it so, which spares a widening.
    """

    name: str
    element: CType
    values: tuple[int, ...]
    only_trace: bool
    lane: CType | None = None

    def text(self) -> str:
        """Its definition in C."""
        element = self.element.text
        if self.lane and self.lane.bits > self.element.bits:
            element = f"QSSM_TABLE({element}, {self.lane.text})"
        head = f"static const {element} {self.name}[{len(self.values)}] = {{"
        lines, line = [head], "   "
        for value in self.values:
            item = f" {literal(value)},"
            if len(line) + len(item) > _COLUMNS:
                lines.append(line)
                line = "   "
            line += item
        return "\n".join([*lines, line, "};"])


class Tables:
    """Collects arrays by name, in order of first use. Constant ones become literals instead."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.arrays: dict[str, Array] = {}

    def element(
        self, name: str, values: Sequence[int], index: str, *, only_trace: bool = False, lane: CType | None = None
    ) -> str:
        """The C expression of element `index` of a table, a literal if all its elements are one number."""
        if len(set(values)) <= 1:
            return literal(values[0] if len(values) else 0)
        return f"{self.array(name, values, only_trace=only_trace, lane=lane)}[{index}]"

    def array(
        self,
        name: str,
        values: Sequence[int],
        *,
        element: CType | None = None,
        only_trace: bool = False,
        lane: CType | None = None,
    ) -> str:
        """The C name of an array that holds the values: the given one, numbered if other values have taken it."""
        kept = tuple(int(value) for value in values) or (0,)
        full, number = f"{self.prefix}_{name}", 1
        while full in self.arrays and self.arrays[full].values != kept:
            number += 1
            full = f"{self.prefix}_{name}_{number}"
        if full not in self.arrays or (self.arrays[full].only_trace and not only_trace):
            self.arrays[full] = Array(full, element or storage(min(kept), max(kept)), kept, only_trace, lane)
        return full

    @property
    def bytes(self) -> int:
        """Memory that the arrays take, packed, in a build without trace."""
        return sum(len(a.values) * a.element.bytes for a in self.arrays.values() if not a.only_trace)
