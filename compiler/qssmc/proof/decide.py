"""Decide: whether two terms of different form are equal for all values of their variables.

First numbers are drawn, to find a counterexample. Then the difference is taken apart into sums that share no variable:
each of few values is computed for all of them, and clips and floors are compared before they are made. What is left
goes to a solver.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from qssmc.proof.evaluate import Assignments
from qssmc.proof.smt import Solver
from qssmc.proof.terms import Monomial, Term, TermAtom, Terms, Value, parts

_TRIES = 2000
_MOST_VALUES = 1 << 17  # of the variables of a sum that is computed for all of them


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
        self._drawn: Assignments | None = None

    def equal(self, found: Term, wanted: Term, ask: bool = True) -> Verdict:
        """Whether found == wanted for all values of the variables. ask: the solver too, if nothing else decides."""
        if found == wanted:
            return Verdict(True)
        example = self._differing(found, wanted)
        if example:
            return Verdict(False, example)
        if self._same(found, wanted):
            return Verdict(True)
        if not ask:
            return Verdict(None, reason="the solver was not asked")
        answer = self.solver.differ(self.terms, found, wanted)
        if answer.example is not None:
            return self._confirmed(found, wanted, answer.example)
        return Verdict(True) if answer.unsatisfiable else Verdict(None, reason=answer.reason)

    def outside(self, term: Term, low: int, high: int) -> str:
        """Numbers of the variables for which a term leaves low..high, "" if none were found."""
        if self._drawn is None:
            self._drawn = Assignments(self.terms, _TRIES)
        values = self._drawn.of(term)
        rows = np.flatnonzero((values < low) | (values > high))
        return f"{self._row(term, term, int(rows[0]))} gives {values[rows[0]]}" if len(rows) else ""

    def _vanishes(self, difference: Term) -> bool:
        """Whether a difference is shown to be 0 for all values of its variables."""
        total = 0
        for summand in self._summands(difference):
            constant = self._constant(summand)
            if constant is None:
                return False
            total += constant
        return total == 0

    def _summands(self, term: Term) -> Iterable[Term]:
        """Sums of a term's products that share no variable."""
        groups: list[tuple[set[int], dict[Monomial, int]]] = []
        for monomial, coefficient in parts(term).items():
            names = {name for number in monomial for name in variables(self.terms, Value({(number,): 1}, 0, 0))}
            group = {monomial: coefficient}
            for other in [other for other in groups if other[0] & names]:
                groups.remove(other)
                names, group = names | other[0], group | other[1]
            groups.append((names, group))
        for _, group in groups:
            yield self.terms.total(Value({monomial: c}, 0, 0) if monomial else c for monomial, c in group.items())

    def _constant(self, term: Term) -> int | None:
        """The only value of a term, where it can be computed for all values, or is the difference of equal atoms."""
        if isinstance(term, int):
            return term
        names = sorted(variables(self.terms, term))
        counts = [self.terms.atoms[name].high - self.terms.atoms[name].low + 1 for name in names]
        if math.prod(counts) <= _MOST_VALUES:
            every = Assignments(self.terms, math.prod(counts))
            for name, values in zip(names, np.indices(counts).reshape(len(names), -1), strict=True):
                every.known[name] = values.astype(object) + self.terms.atoms[name].low
            found = every.of(term)
            return int(found[0]) if (found == found[0]).all() else None
        return 0 if self._is_equal_pair(term) else None

    def _is_equal_pair(self, term: Value) -> bool:
        """Whether a term is the difference of two atoms that do the same to equal terms."""
        if sorted(term.terms.values()) not in ([-c, c] for c in map(abs, term.terms.values())):
            return False
        if any(len(monomial) != 1 for monomial in term.terms):
            return False
        first, second = (self.terms.atoms[monomial[0]] for monomial in term.terms)
        if not _alike(first, second):
            return False
        return self._same(first.of[0], second.of[0])

    def _same(self, a: Term, b: Term) -> bool:
        """Whether two terms are equal, or are floors of terms that are equal before they are rounded."""
        if self._vanishes(self.terms.subtract(a, b)):
            return True
        before = [self._before_rounding(term) for term in (a, b)]
        if before[0] is None or before[1] is None or before[0][1] != before[1][1]:
            return False
        return self._vanishes(self.terms.subtract(before[0][0], before[1][0]))

    def _before_rounding(self, term: Term) -> tuple[Term, int] | None:
        """(p, k) of a term that is floor(p / 2^k): the one that is left of all its multiples, and these put back."""
        floors = [
            m for m, c in parts(term).items() if c == 1 and len(m) == 1 and self.terms.atoms[m[0]].kind == "floor"
        ]
        if not floors:
            return None
        outer = max(floors)
        atom = self.terms.atoms[outer[0]]
        shift = int(atom.numbers[0] or 0)
        rest = self.terms.total(Value({m: c}, 0, 0) if m else c for m, c in parts(term).items() if m != outer)
        return self.terms.add(atom.of[0], self.terms.scale(rest, 1 << shift)), shift

    def _differing(self, found: Term, wanted: Term) -> str:
        if self._drawn is None:
            self._drawn = Assignments(self.terms, _TRIES)
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
        once = Assignments(self.terms, 1)
        once.known = {number: np.array([value], object) for number, value in example.items()}
        got, expected = once.of(found)[0], once.of(wanted)[0]
        told = _few([f"{self.terms.atoms[number].name} = {value}" for number, value in sorted(example.items())])
        if got == expected:
            return Verdict(None, reason=f"the solver's counterexample ({told}) is none")
        return Verdict(False, f"{told}: the C gives {got}, golden {expected}")


def _alike(first: TermAtom, second: TermAtom) -> bool:
    """Whether two atoms are the same function of one term."""
    return first.kind in ("floor", "clip", "modulo") and (first.kind, first.numbers) == (second.kind, second.numbers)


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
