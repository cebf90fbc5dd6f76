"""Cost: the bits that a setting is predicted to store, from one of the same shape that was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qssmc.search.candidate import Setting
from qssmc.search.objective import Measured
from qssmc.search.variables import Curve, Knob


@dataclass(frozen=True)
class Cost:
    """Every table's bits are its elements times its width; a function's table doubles with each bit it reads.

    Widths of fields, exponents and zero points are taken as they were at the counted setting.
    """

    knobs: tuple[Knob, ...]
    curves: tuple[Curve, ...]
    counted: Setting
    measured: Measured

    def elements(self, knob: Knob) -> int:
        """How many numbers are stored at the knob's bits; none for a cast, whose values live for a step alone."""
        return 0 if knob.kind == "cast" else self.measured.elements.get(knob.name, 0)

    def total(self, bits: Mapping[str, float]) -> float:
        """Predicted bits stored."""
        return self.measured.bits + self._counted(bits) - self._counted(dict(self.counted.bits))

    def _counted(self, bits: Mapping[str, float]) -> float:
        tables = sum(self.elements(knob) * bits[knob.name] for knob in self.knobs)
        return tables + sum(
            float(2.0 ** bits[curve.before]) * bits[curve.after]
            for curve in self.curves
            if self._is_stored(curve, bits)
        )

    def _is_stored(self, curve: Curve, bits: Mapping[str, float]) -> bool:
        stored = f"{curve.after}_q.entries" in self.measured.elements
        return stored and curve.before in bits and curve.after in bits
