"""Sensitivity: what fewer bits of one variable cost, measured by lowering it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qssmc.search.bit_allocation import error_of
from qssmc.search.candidate import Candidate
from qssmc.search.objective import Measured
from qssmc.search.variables import Variable


@dataclass(frozen=True)
class Sensitivity:
    """A variable with fewer bits than in the base: its bits and loss at both; the factor a of its loss a 4^-bits."""

    variable: str
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


def probes(base: Candidate, variables: Sequence[Variable]) -> list[Candidate]:
    """The candidates to measure: the base, then each variable lowered alone."""
    return [base, *(base.with_bits(variable.name, variable.base - variable.drop) for variable in variables)]


def sensitivities_of(variables: Sequence[Variable], measured: Sequence[Measured]) -> tuple[Sensitivity, ...]:
    """From what the candidates of probes() gave; a variable that cannot be lowered counts as insensitive."""
    base, rest = measured[0], measured[1:]
    return tuple(
        Sensitivity(variable.name, variable.base, variable.base - variable.drop, base.loss, found.loss)
        for variable, found in zip(variables, rest, strict=True)
        if variable.drop > 0
    )
