"""BitAllocation: bits from where they matter little to where they matter, until a budget is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qssmc.search.cost import Cost
from qssmc.search.variables import Variable

_LEAST = 1e-12  # what a bit is worth that measures no better, so that ties have an order
_WORK = 1.0  # bits that a bit of a value costs which is never stored: so that none is given away


def error_of(bits: float) -> float:
    """The squared error of rounding to so many bits, up to a factor."""
    return float(4.0**-bits)


@dataclass(frozen=True)
class Step:
    """One turn of a variable: what it costs and what it wins, predicted."""

    variable: str
    bits: float
    stored: float
    loss: float


@dataclass
class BitAllocation:
    """Greedy, which is the Lagrangian solution where the losses are convex: loss = sum of a 4^-bits.

    Starts with every variable at its fewest bits; each step goes where a stored bit takes most loss away, until no step
    that stores anything fits into the budget any more. Then small steps are exchanged for a large one wherever that
    wins. steps: what was done, in order.
    """

    cost: Cost
    sensitivity: Mapping[str, float]
    budget: float
    steps: list[Step] = field(default_factory=list)

    def bits(self) -> dict[str, float]:
        """The bits of every variable; more than the budget if the fewest are."""
        found = self.filled({variable.name: variable.low for variable in self.cost.variables})
        while (swapped := self.swapped(found)) is not None:
            found = swapped
        return found

    def filled(self, found: dict[str, float]) -> dict[str, float]:
        """Step by step up to the budget."""
        total = self.cost.total(found)
        while True:
            fitting = [move for move in self.moves(found, total) if total + move[1].stored <= self.budget]
            if not any(move[1].stored > 0 for move in fitting):
                return found
            _, step = max(fitting, key=lambda move: move[0])  # the first of equals
            found = {**found, step.variable: step.bits}
            total += step.stored
            self.steps.append(step)

    def swapped(self, bits: dict[str, float]) -> dict[str, float] | None:
        """A step too large to fit, for smaller ones that are taken back, if that wins more than it loses."""
        for _, wide in sorted(self.moves(bits, self.cost.total(bits)), key=lambda move: -move[0]):
            found, steps = {**bits, wide.variable: wide.bits}, [wide]
            while self.cost.total(found) > self.budget:
                back = self.moves(found, self.cost.total(found), -1)
                back = [move for move in back if move[1].variable != wide.variable and move[1].stored < 0]
                if not back:
                    break
                _, step = min(back, key=lambda move: move[0])
                found = {**found, step.variable: step.bits}
                steps.append(step)
            won = -sum(step.loss for step in steps)
            if won > _LEAST and self.cost.total(found) <= self.budget:
                self.steps.extend(steps)
                return self.filled(found)
        return None

    def moves(self, bits: Mapping[str, float], total: float, way: int = 1) -> list[tuple[float, Step]]:
        """Every variable's next step, up or (way -1) down, with the loss that a bit of it takes away or brings."""
        found = []
        for variable in self.cost.variables:
            after = bits[variable.name] + way * variable.step
            if variable.low <= after <= variable.high:
                stored = self.cost.total({**bits, variable.name: after}) - total
                factor = max(self.sensitivity[variable.name], _LEAST)
                loss = factor * (error_of(after) - error_of(bits[variable.name]))
                found.append(
                    (abs(loss) / (abs(stored) + self.work(variable)), Step(variable.name, after, stored, loss))
                )
        return found

    @staticmethod
    def work(variable: Variable) -> float:
        """Bits that a step moves through the design without storing them."""
        return _WORK * variable.step * (variable.elements if variable.kind == "cast" else 1e-3)
