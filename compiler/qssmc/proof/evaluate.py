"""Evaluate: terms as numbers, for many assignments of their variables at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.proof.terms import Term, TermAtom, Terms, parts

Array = NDArray[Any]


class Assignments:
    """The values of terms under assignments of the variables, which are made from a seed when a term asks for them.

    A quarter of the assignments has every variable at one of its ends, the others are drawn over its whole range.
    """

    def __init__(self, terms: Terms, count: int, seed: int = 0) -> None:
        self.terms, self.count = terms, count
        self.known: dict[int, Array] = {}
        self._random = np.random.default_rng(seed)

    def draw(self, low: int, high: int) -> Array:
        """Numbers from low to high, one an assignment."""
        numbers = self._random.integers(low, high, self.count, endpoint=True)
        ends = np.where(self._random.integers(0, 2, self.count) == 0, low, high)
        return np.where(np.arange(self.count) % 4 == 0, ends, numbers).astype(object)

    def of(self, term: Term) -> Array:
        """The numbers of a term, one an assignment: exact, as Python integers."""
        total = np.zeros(self.count, object)
        for monomial, coefficient in parts(term).items():
            product: Array | int = coefficient
            for number in monomial:
                product = product * self._atom(number)
            total = total + product
        return total

    def _atom(self, number: int) -> Array:
        if number not in self.known:
            self.known[number] = self._compute(self.terms.atoms[number])
        return self.known[number]

    def _compute(self, atom: TermAtom) -> Array:
        if atom.kind == "variable":
            return self.draw(atom.low, atom.high)
        x = self.of(atom.of[0])
        if atom.kind == "floor":
            return np.asarray(x >> atom.numbers[0])
        if atom.kind == "modulo":
            return np.asarray(x & ((1 << int(atom.numbers[0] or 0)) - 1))
        if atom.kind == "clip":
            low, high = atom.numbers
            x = x if low is None else np.maximum(x, low)
            return x if high is None else np.minimum(x, high)
        if atom.kind == "entry":
            return np.array(atom.numbers, object)[x.astype(np.int64)]
        return np.where(x < 0, self.of(atom.of[1]), self.of(atom.of[2]))
