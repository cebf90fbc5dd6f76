"""Sensitivity: what a knob's rounding costs, measured by turning it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qssmc.search.bit_allocation import error_of
from qssmc.search.candidate import Setting
from qssmc.search.objective import Measured
from qssmc.search.variables import Knob


@dataclass(frozen=True)
class Notch:
    """A knob turned down from the base: its bits and the loss at both; the factor a of its loss a 4^-bits."""

    knob: str
    base_bits: float
    bits: float
    base_loss: float
    loss: float

    @property
    def factor(self) -> float:
        """a; 0 where fewer bits measured no worse, which is noise."""
        return max(0.0, self.loss - self.base_loss) / (error_of(self.bits) - error_of(self.base_bits))

    def one_bit_less(self, bits: float) -> float:
        """The loss that one bit less than `bits` costs."""
        return self.factor * (error_of(bits - 1.0) - error_of(bits))


def turned(base: Setting, knobs: Sequence[Knob]) -> list[Setting]:
    """The settings to measure: the base, then each knob turned down alone."""
    return [base, *(base.but(knob.name, knob.base - knob.notch) for knob in knobs)]


def notches(knobs: Sequence[Knob], measured: Sequence[Measured]) -> tuple[Notch, ...]:
    """From what the settings of turned() gave; a knob without room to turn counts as insensitive."""
    base, rest = measured[0], measured[1:]
    return tuple(
        Notch(knob.name, knob.base, knob.base - knob.notch, base.loss, found.loss)
        for knob, found in zip(knobs, rest, strict=True)
        if knob.notch > 0
    )
