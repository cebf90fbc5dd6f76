"""Decide: whether two terms of different form are equal for all values of their variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qssmc.proof.evaluate import Evaluation
from qssmc.proof.smt import Solver
from qssmc.proof.terms import Term, Terms, parts

_TRIES = 2000


@dataclass(frozen=True)
class Verdict:
    """equal: whether the terms are, None if nobody knows; example: numbers of the variables for which they are not."""

    equal: bool | None
    example: str = ""
    reason: str = ""


class Decider:
    """Looks for a counterexample among drawn numbers first, then asks a solver."""

    def __init__(self, terms: Terms, solver: Solver) -> None:
        self.terms, self.solver = terms, solver
        self._drawn: Evaluation | None = None

    def equal(self, found: Term, wanted: Term) -> Verdict:
        """Whether found == wanted for all values of the variables."""
        if found == wanted:
            return Verdict(True)
        example = self._differing(found, wanted)
        if example:
            return Verdict(False, example)
        answer = self.solver.differ(self.terms, found, wanted)
        if answer.example is not None:
            return self._confirmed(found, wanted, answer.example)
        return Verdict(True) if answer.unsatisfiable else Verdict(None, reason=answer.reason)

    def outside(self, term: Term, low: int, high: int) -> str:
        """Numbers of the variables for which a term leaves low..high, "" if none were found."""
        if self._drawn is None:
            self._drawn = Evaluation(self.terms, _TRIES)
        values = self._drawn.of(term)
        rows = np.flatnonzero((values < low) | (values > high))
        return f"{self._row(term, term, int(rows[0]))} gives {values[rows[0]]}" if len(rows) else ""

    def _differing(self, found: Term, wanted: Term) -> str:
        if self._drawn is None:
            self._drawn = Evaluation(self.terms, _TRIES)
        got, expected = self._drawn.of(found), self._drawn.of(wanted)
        rows = np.flatnonzero(got != expected)
        if not len(rows):
            return ""
        row = int(rows[0])
        return f"{self._row(found, wanted, row)}: the C gives {got[row]}, golden {expected[row]}"

    def _row(self, found: Term, wanted: Term, row: int) -> str:
        if self._drawn is None:
            raise AssertionError("numbers are drawn before they are told")
        names = variables(self.terms, found) | variables(self.terms, wanted)
        told = [f"{self.terms.atoms[number].name} = {self._drawn.known[number][row]}" for number in sorted(names)]
        return _few(told)

    def _confirmed(self, found: Term, wanted: Term, example: Mapping[int, int]) -> Verdict:
        """A solver's counterexample, computed again here before it is believed."""
        once = Evaluation(self.terms, 1)
        once.known = {number: np.array([value], object) for number, value in example.items()}
        got, expected = once.of(found)[0], once.of(wanted)[0]
        told = _few([f"{self.terms.atoms[number].name} = {value}" for number, value in sorted(example.items())])
        if got == expected:
            return Verdict(None, reason=f"the solver's counterexample ({told}) is none")
        return Verdict(False, f"{told}: the C gives {got}, golden {expected}")


def variables(terms: Terms, term: Term) -> set[int]:
    """The variables that a term depends on, by number."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        for monomial in parts(waiting.pop()):
            for number in monomial:
                if number not in seen:
                    seen.add(number)
                    atom = terms.atoms[number]
                    waiting += atom.of
                    if atom.kind == "variable":
                        found.add(number)
    return found


def _few(told: list[str]) -> str:
    """The first of many, for a message."""
    return ", ".join(told[:6]) + (f" and {len(told) - 6} more" if len(told) > 6 else "") or "always"
