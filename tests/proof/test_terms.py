"""Terms: their normal form keeps the value, their interval holds it, and forms that are equal become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.proof.decide import Decider
from qssmc.proof.evaluate import Assignments
from qssmc.proof.smt import Solver
from qssmc.proof.terms import Term, Terms, span

STEPS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 50), st.integers(0, 50), st.integers(-40, 40), st.integers(1, 9)),
    min_size=1,
    max_size=12,
)


TABLE = [(7 * n * n) % 23 - 5 for n in range(16)]


def applied(
    terms: Terms, kind: int, of: tuple[Term, Term], values: tuple[Any, Any], number: int, bits: int
) -> tuple[Term, Any]:
    """An operation on terms, and the same on their numbers."""
    (a, b), (x, y) = of, values
    low, half = (1 << bits) - 1, 1 << (bits - 1)
    operations: list[Callable[[], tuple[Term, Any]]] = [
        lambda: (terms.add(a, b), x + y),
        lambda: (terms.multiply(a, b), x * y),
        lambda: (terms.scale(a, number), x * number),
        lambda: (terms.floor_shift(a, bits), x >> bits),
        lambda: (terms.clip(a, number, number + bits), np.minimum(np.maximum(x, number), number + bits)),
        lambda: (terms.modulo(a, bits), x & low),
        lambda: (terms.wrap(a, bits, True), ((x + half) & low) - half),
        lambda: (terms.entry(TABLE, terms.modulo(a, 4)), np.array(TABLE, object)[(x & 15).astype(int)]),
        lambda: (terms.select(terms.subtract(a, b), b, a), np.maximum(x, y)),
    ]
    return operations[kind]()


@settings(deadline=None, max_examples=150)
@given(STEPS)
def test_every_operation_keeps_value_and_interval(steps: list[tuple[int, int, int, int, int]]) -> None:
    terms = Terms()
    made: list[Term] = [terms.variable("a", -20, 35), terms.variable("b", 0, 7), terms.variable("c", -3, 3)]
    drawn = Assignments(terms, 40)
    values = [drawn.of(term) for term in made]
    for kind, i, j, number, bits in steps:
        a, b, x, y = made[i % len(made)], made[j % len(made)], values[i % len(made)], values[j % len(made)]
        if max(map(abs, (*span(a), *span(b)))) > 1 << 40:
            continue
        term, expected = applied(terms, kind, (a, b), (x, y), number, bits)
        assert (drawn.of(term) == expected).all()
        low, high = span(term)
        assert low <= min(expected)
        assert max(expected) <= high
        made.append(term)
        values.append(expected)


def test_roundings_written_in_different_ways_are_one_term() -> None:
    terms = Terms()
    x, phase = terms.variable("x", -500, 500), terms.variable("p", 0, 65535)
    twice = terms.floor_shift(terms.add(terms.floor_shift(x, 4), 1), 1)
    assert twice == terms.floor_shift(terms.add(x, 16), 5)
    aligned = terms.add(terms.scale(x, 1 << 9), terms.add(terms.scale(x, 3), terms.floor_shift(phase, 7)))
    apart = terms.add(terms.floor_shift(terms.add(terms.scale(x, 3), terms.floor_shift(phase, 7)), 9), x)
    assert terms.floor_shift(aligned, 9) == apart


def test_what_differs_in_form_is_decided() -> None:
    terms = Terms()
    x, y = terms.variable("x", -500, 500), terms.variable("y", -500, 500)
    third = terms.floor_shift(terms.add(terms.scale(x, 683), 1024), 11)
    assert Decider(terms, Solver()).equal(third, terms.add(third, 0)).equal
    almost = terms.clip(terms.add(x, terms.scale(y, 1000)), None, 500499)
    verdict = Decider(terms, Solver()).equal(terms.add(x, terms.scale(y, 1000)), almost)
    assert verdict.equal is False
    assert "x = 500" in verdict.example
