"""Cost: the bits that a candidate is predicted to store, from one of the same shape that was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qssmc.search.candidate import Candidate
from qssmc.search.objective import Measured
from qssmc.search.variables import FunctionTable, Variable


@dataclass(frozen=True)
class Cost:
    """Every table's bits are its elements times its width; a function's table doubles with each bit it reads.

    Widths of fields, exponents and zero points are taken as they were at the counted candidate.
    """

    variables: tuple[Variable, ...]
    function_tables: tuple[FunctionTable, ...]
    counted: Candidate
    measured: Measured

    def elements(self, variable: Variable) -> int:
        """How many numbers are stored at the variable's bits; none for a cast, whose values live for a step alone."""
        return 0 if variable.kind == "cast" else self.measured.elements.get(variable.name, 0)

    def total(self, bits: Mapping[str, float]) -> float:
        """Predicted bits stored."""
        return self.measured.bits + self._counted(bits) - self._counted(dict(self.counted.bits))

    def _counted(self, bits: Mapping[str, float]) -> float:
        tables = sum(self.elements(variable) * bits[variable.name] for variable in self.variables)
        return tables + sum(
            float(2.0 ** bits[table.before]) * bits[table.after]
            for table in self.function_tables
            if self._is_stored(table, bits)
        )

    def _is_stored(self, table: FunctionTable, bits: Mapping[str, float]) -> bool:
        stored = f"{table.after}_q.entries" in self.measured.elements
        return stored and table.before in bits and table.after in bits
