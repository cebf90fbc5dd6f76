"""Terms: what a requant rounds, as a sum of values times powers of two, so that no bit is carried which falls away.

floor((2^f * x + rest + 2^(f-1)) / 2^f) = x + floor((rest + 2^(f-1)) / 2^f): a term shifted left by as much as the
requant shifts right joins after the shift, and the sum before it fits narrower lanes. In the same way
floor((2^p * a + b + 2^(f-1)) / 2^f) = floor((a + floor(b / 2^p) + 2^(f-1-p)) / 2^(f-p)) for p < f.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.c.plan import Block, Phase
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Inject, Op, Requant, Scale, ShiftLeft
from qssmc.passes.bounds import Bound, Interval

Exact = NDArray[Any]  # of Python integers


@dataclass(frozen=True)
class Term:
    """factor * value, element by element; factor is an array of powers of two over the elements of the vector."""

    value: str
    factor: Exact


@dataclass(frozen=True)
class Rounding:
    """A requant without multiplier: outside + ((sum of (odd >> pre) + sum of even + half) >> shift), then the clamp.

    The factors of even terms and the shift are already divided by 2^pre.
    """

    outside: tuple[Term, ...]
    odd: tuple[Term, ...]
    even: tuple[Term, ...]
    pre: int
    shift: Exact
    odd_interval: Interval
    inside: Interval

    @property
    def inner(self) -> tuple[Term, ...]:
        """All terms under the shift."""
        return (*self.odd, *self.even)


@dataclass(frozen=True)
class Folds:
    """How the loop of a block computes its requants and left shifts, and which ops have no variable of their own."""

    roundings: Mapping[str, Rounding]
    shifted: Mapping[str, Term]
    elided: frozenset[str]


def spread(data: NDArray[np.int64], shape: tuple[int, ...]) -> Exact:
    """A per-element table, or a scalar, as an array of Python integers over the elements of a vector."""
    return np.array(np.broadcast_to(np.array(data, dtype=object), shape), dtype=object)


def folds(graph: Graph, phase: Phase, block: Block, bounds: Mapping[str, Bound]) -> Folds:
    """Look through the adds, left shifts and products that one reader alone in the block uses."""
    found = _Finder(graph, phase, block, bounds)
    for op in block.ops:
        if isinstance(op, Requant) and (op.multiplier.data == 1).all():
            found.requant(op)
    for op in block.ops:
        if isinstance(op, ShiftLeft) and op.name not in found.elided:
            found.shifted[op.name] = found.fold(Term(op.inputs[0], found.factor(op)), op)
    return Folds(found.roundings, found.shifted, frozenset(found.elided))


class _Finder:
    """Collects the folds of one block."""

    def __init__(self, graph: Graph, phase: Phase, block: Block, bounds: Mapping[str, Bound]) -> None:
        self.graph, self.phase, self.bounds = graph, phase, bounds
        self.inside = {op.name for op in block.ops}
        self.roundings: dict[str, Rounding] = {}
        self.shifted: dict[str, Term] = {}
        self.elided: set[str] = set()

    def private(self, name: str, reader: Op) -> bool:
        """Whether reader alone, once, uses a value computed in this block."""
        alone = name in self.inside and self.phase.is_local(self.graph[name])
        return alone and self.phase.users[name] == (reader,) and reader.inputs.count(name) == 1

    def factor(self, op: ShiftLeft) -> Exact:
        """2^amount of each element."""
        return np.array(1 << spread(op.amount.data, op.type.shape), dtype=object)

    def fold(self, term: Term, reader: Op) -> Term:
        """Let a product with a table take the factor into its table, if the reader alone uses it."""
        op = self.graph[term.value]
        if isinstance(op, (Inject, Scale)) and self.private(op.name, reader) and (term.factor != 1).any():
            self.elided.add(op.name)
        return term

    def requant(self, op: Requant) -> None:
        """Plan a requant without multiplier."""
        shape = op.type.shape
        shift = spread(op.shift.data, shape)
        add = self.graph[op.inputs[0]]
        through = isinstance(add, Add) and self.private(add.name, op)
        names, reader = (add.inputs, add) if through else (op.inputs, op)
        if through:
            self.elided.add(add.name)
        outside: list[Term] = []
        inner: list[Term] = []
        for name in names:
            term = self._term(name, reader, shape)
            if name != term.value:
                self.elided.add(name)
            if (term.factor >= 1 << shift).all() and (term.factor > 1).all():
                outside.append(Term(term.value, term.factor >> shift))
            else:
                inner.append(self.fold(term, self.graph[name]) if name != term.value else term)
        self.roundings[op.name] = self._narrowest(tuple(outside), inner, shift, op)

    def _term(self, name: str, reader: Op, shape: tuple[int, ...]) -> Term:
        op = self.graph[name]
        if isinstance(op, ShiftLeft) and self.private(name, reader):
            return Term(op.inputs[0], self.factor(op))
        return Term(name, spread(np.int64(1), shape))

    def _narrowest(self, outside: tuple[Term, ...], inner: list[Term], shift: Exact, op: Op) -> Rounding:
        """Shift the sum by pre = 0, 1, ... in advance until it fits 16 bits; keep pre = 0 where that never happens."""
        first: Rounding | None = None
        for pre in range(max(1, int(min(shift, default=0)))):
            odd = tuple(t for t in inner if any(f % (1 << pre) for f in t.factor))
            even = tuple(Term(t.value, t.factor >> pre) for t in inner if not any(t is o for o in odd))
            odd_interval, even_interval = self.sum(odd, op), self.sum(even, op)
            inside = Interval(
                (odd_interval.low >> pre) + even_interval.low, (odd_interval.high >> pre) + even_interval.high
            )
            made = Rounding(outside, odd, even, pre, shift - pre, odd_interval, inside)
            first = first or made
            if fits16(odd_interval) and fits16(inside):
                return made
        assert first is not None
        return first

    def sum(self, terms: tuple[Term, ...], op: Op) -> Interval:
        """An interval that holds the sum of the terms and of any of them."""
        low, high = (np.array(np.zeros(op.type.array_shape, np.int64), dtype=object) for _ in range(2))
        for term in terms:
            value = self.bounds[term.value].value.times(term.factor[..., None] if op.type.complex else term.factor)
            low, high = low + np.minimum(value.low, 0), high + np.maximum(value.high, 0)
        return Interval(low, high)


def fits16(interval: Interval) -> bool:
    """Whether every element fits 16 bits, signed."""
    low, high = interval.span
    return low >= -(1 << 15) and high < 1 << 15

