"""Tables: the constant arrays of the emitted C++, each in the narrowest type that holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.hls.scalar import ap_type_of, literal, number
from qssmc.backends.wrapping import COLUMNS


@dataclass(frozen=True, eq=False)
class HlsTable:
    """One constant array of one or two dimensions."""

    name: str
    values: NDArray[np.int64]

    @property
    def element(self) -> str:
        """The type of an element."""
        return ap_type_of(int(self.values.min()), int(self.values.max()))

    @property
    def lanes(self) -> int:
        """Elements that are read at once."""
        return self.values.shape[1] if self.values.ndim == 2 else 1

    @property
    def extents(self) -> str:
        """Its dimensions in C++."""
        return "".join(f"[{extent}]" for extent in self.values.shape)

    def text(self) -> str:
        """Its definition."""
        lines, line = [f"static const {self.element} {self.name}{self.extents} = {{"], "   "
        for value in self.values:
            row = ", ".join(number(int(v)) for v in np.atleast_1d(value))
            item = f" {{{row}}}," if self.values.ndim == 2 else f" {row},"
            if len(line) + len(item) > COLUMNS and line.strip():
                lines.append(line)
                line = "   "
            line += item
        return "\n".join([*lines, line, "};"])


class HlsTables:
    """Collects arrays by name, in order of first use. Constant ones become literals instead."""

    def __init__(self) -> None:
        self.arrays: dict[str, HlsTable] = {}

    def array(self, name: str, values: NDArray[np.int64]) -> HlsTable:
        """The array of a name; one without elements gets a 0."""
        kept = values if values.size else np.zeros((1,) * values.ndim, np.int64)
        if name not in self.arrays:
            self.arrays[name] = HlsTable(name, kept)
        assert np.array_equal(self.arrays[name].values, kept)
        return self.arrays[name]

    def element(self, name: str, values: NDArray[np.int64], index: str) -> tuple[str, HlsTable | None]:
        """The expression of an element, and the array behind it: a literal if all its elements are one number."""
        if values.size == 0 or (values == values.flat[0]).all():
            return literal(int(values.flat[0]) if values.size else 0), None
        array = self.array(name, values)
        return f"{name}{index}", array
