"""Requant folding: what a requant rounds, as a sum of values times powers of two, without bits that fall away.

floor((2^f * x + rest + 2^(f-1)) / 2^f) = x + floor((rest + 2^(f-1)) / 2^f): a term shifted left by as much as the
requant shifts right joins after the shift, and the sum before it fits narrower lanes. In the same way
floor((2^p * a + b + 2^(f-1)) / 2^f) = floor((a + floor(b / 2^p) + 2^(f-1-p)) / 2^(f-p)) for p < f. A dither joins b:
floor((2^p * a + b + d) / 2^f) = floor((a + floor((b + d) / 2^p)) / 2^(f-p)), and so does a centred one (dither.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Bound, Interval
from qssmc.backends.c.dither import MOST_CENTRED, DitherTerm, is_uniform
from qssmc.backends.c.plan import CBlock, Phase
from qssmc.backends.c.unit import Exact
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Inject, Op, Requant, Scale, ShiftLeft


@dataclass(frozen=True)
class FoldedTerm:
    """factor * value, element by element; factor is an array of powers of two over the elements of the vector."""

    value: str
    factor: Exact


@dataclass(frozen=True)
class Leaf:
    """A term and the op that reads its value."""

    term: FoldedTerm
    reader: Op


@dataclass(frozen=True)
class Rounding:
    """A requant without multiplier: outside + (((sum of fine) >> pre) + sum of coarse + half) >> shift), then clamped.

    pre and shift are one an element; the factors of coarse terms and the shift are already divided by 2^pre. A dither
    is one more fine term, or a coarse one where nothing is shifted in advance; unless it is centred, no half is added.
    """

    outside: tuple[FoldedTerm, ...]
    fine: tuple[FoldedTerm, ...]
    coarse: tuple[FoldedTerm, ...]
    pre: Exact
    shift: Exact
    fine_interval: Interval
    inside: Interval
    dither: DitherTerm | None = None

    @property
    def dithers_fine(self) -> bool:
        """Whether the dither is a fine term."""
        return self.dither is not None and bool((self.pre != 0).any())


@dataclass(frozen=True)
class Folds:
    """How the loop of a block computes its requants and left shifts, and which ops have no variable of their own."""

    roundings: Mapping[str, Rounding]
    shifted: Mapping[str, FoldedTerm]
    elided: frozenset[str]


def spread(data: NDArray[np.int64], shape: tuple[int, ...]) -> Exact:
    """A per-element table, or a scalar, as an array of Python integers over the elements of a vector."""
    return np.array(np.broadcast_to(np.array(data, dtype=object), shape), dtype=object)


def folds(graph: Graph, phase: Phase, block: CBlock, bounds: Mapping[str, Bound]) -> Folds:
    """Look through the adds, left shifts and products that one reader alone in the block uses."""
    found = _Finder(graph, phase, block, bounds)
    for op in block.ops:
        if isinstance(op, Requant) and (op.multiplier.data == 1).all():
            found.requant(op)
    for op in block.ops:
        if isinstance(op, ShiftLeft) and op.name not in found.elided:
            found.shift_left(op)
    return Folds(found.roundings, found.shifted, frozenset(found.elided))


class _Finder:
    """Collects the folds of one block."""

    def __init__(self, graph: Graph, phase: Phase, block: CBlock, bounds: Mapping[str, Bound]) -> None:
        self.graph, self.phase, self.bounds = graph, phase, bounds
        self.inside = {op.name for op in block.ops}
        self.roundings: dict[str, Rounding] = {}
        self.shifted: dict[str, FoldedTerm] = {}
        self.elided: set[str] = set()

    def private(self, name: str, reader: Op) -> bool:
        """Whether reader alone, once, uses a value computed in this block."""
        alone = name in self.inside and self.phase.is_local(self.graph[name])
        return alone and self.phase.users[name] == (reader,) and reader.inputs.count(name) == 1

    def factor(self, op: ShiftLeft) -> Exact:
        """2^amount of each element."""
        return np.array(1 << spread(op.amount.data, op.type.shape), dtype=object)

    def fold(self, leaf: Leaf) -> None:
        """Let a product with a table take the factor into its table, if one op alone reads it."""
        op = self.graph[leaf.term.value]
        if isinstance(op, (Inject, Scale)) and self.private(op.name, leaf.reader) and (leaf.term.factor != 1).any():
            self.elided.add(op.name)

    def expand(self, name: str, reader: Op, factor: Exact) -> list[Leaf]:
        """factor * value as a sum of terms, through the adds and left shifts that are read here only."""
        op = self.graph[name]
        if not isinstance(op, (Add, ShiftLeft)) or not self.private(name, reader):
            return [Leaf(FoldedTerm(name, factor), reader)]
        self.elided.add(name)
        inner = factor * self.factor(op) if isinstance(op, ShiftLeft) else factor
        return [leaf for operand in op.inputs for leaf in self.expand(operand, op, inner)]

    def shift_left(self, op: ShiftLeft) -> None:
        """Plan a left shift with a variable of its own."""
        leaf = Leaf(FoldedTerm(op.inputs[0], self.factor(op)), op)
        self.fold(leaf)
        self.shifted[op.name] = leaf.term

    def requant(self, op: Requant) -> None:
        """Plan a requant without multiplier."""
        shift = spread(op.shift.data, op.type.shape)
        leaves = self.expand(op.inputs[0], op, spread(np.ones((), np.int64), op.type.shape))
        outside, inner = [], []
        for leaf in leaves:
            factor = leaf.term.factor
            if (factor >= 1 << shift).all() and (factor > 1).all():
                outside.append(FoldedTerm(leaf.term.value, factor >> shift))
            else:
                self.fold(leaf)
                inner.append(leaf.term)
        self.roundings[op.name] = self._narrowest(tuple(outside), tuple(inner), shift, op)

    def _narrowest(
        self, outside: tuple[FoldedTerm, ...], inner: tuple[FoldedTerm, ...], shift: Exact, op: Requant
    ) -> Rounding:
        """Shift in advance where that makes the sum fit 16 bits, or else 32; not at all where neither can be."""
        plain = DitherTerm(op, shift, centred=False) if len(op.inputs) > 1 else None
        for bits, dither in ((16, plain), (16, self._centred(plain)), (32, plain)):
            pre = self._pre(inner, shift, op, bits, dither)
            # A shift that differs from element to element and rounds down has no form in 16-bit lanes.
            if pre is not None and (bits > 16 or dither is None or dither.centred or is_uniform(shift - pre)):
                return self._rounding(outside, inner, shift, pre, op, dither)
        return self._rounding(outside, inner, shift, shift * 0, op, plain)

    def _centred(self, dither: DitherTerm | None) -> DitherTerm | None:
        possible = dither and (dither.shift >= 1).all() and (dither.shift <= MOST_CENTRED).all()
        return replace(dither, centred=True) if dither and possible else dither

    def _pre(
        self, inner: tuple[FoldedTerm, ...], shift: Exact, op: Requant, bits: int, dither: DitherTerm | None
    ) -> Exact | None:
        """The least shift in advance with which each element fits, the same for all elements if that is possible.

        It may not exceed the left shift of any term that has one, and must leave a shift of one bit or more.
        """
        coarse = [term.factor for term in inner if (term.factor != 1).any()]
        limit = np.maximum(0, shift - 1)
        for factor in coarse:
            limit = np.minimum(limit, np.array([int(f).bit_length() - 1 for f in factor], dtype=object))
        need = shift * 0
        for _ in range(1 + max([0, *limit])):
            made = self._rounding((), inner, shift, need, op, dither)
            bad = ~_fits(made.inside, bits) | ((made.shift > 15) & (bits == 16))
            if not _fits(made.fine_interval, bits).all():
                return None
            if not bad.any():
                widest = need * 0 + max([0, *need])
                return widest if (widest <= limit).all() else need
            need = need + bad
            if (need > limit).any():
                return None
        return None

    def _rounding(
        self,
        outside: tuple[FoldedTerm, ...],
        inner: tuple[FoldedTerm, ...],
        shift: Exact,
        pre: Exact,
        op: Requant,
        dither: DitherTerm | None,
    ) -> Rounding:
        fine = tuple(term for term in inner if (term.factor % (1 << pre)).any())
        coarse = tuple(FoldedTerm(t.value, t.factor >> pre) for t in inner if not any(t is o for o in fine))
        fine_interval, coarse_interval = self.sum(fine, op), self.sum(coarse, op)
        if dither and (pre != 0).any():
            fine_interval = fine_interval.plus(dither.interval)
        elif dither:
            coarse_interval = coarse_interval.plus(dither.interval)
        each = pre[..., None] if op.type.complex else pre
        inside = Interval(
            (fine_interval.low >> each) + coarse_interval.low, (fine_interval.high >> each) + coarse_interval.high
        )
        return Rounding(outside, fine, coarse, pre, shift - pre, fine_interval, inside, dither)

    def sum(self, terms: tuple[FoldedTerm, ...], op: Op) -> Interval:
        """An interval that holds the sum of the terms and of any of them."""
        low, high = (np.array(np.zeros(op.type.array_shape, np.int64), dtype=object) for _ in range(2))
        for term in terms:
            value = self.bounds[term.value].value.times(term.factor[..., None] if op.type.complex else term.factor)
            low, high = low + np.minimum(value.low, 0), high + np.maximum(value.high, 0)
        return Interval(low, high)


def _fits(interval: Interval, bits: int) -> NDArray[np.bool_]:
    """Which elements fit a signed integer of some bits, re and im both."""
    inside = (interval.low >= -(1 << (bits - 1))) & (interval.high < 1 << (bits - 1))
    return np.asarray(inside.all(axis=-1) if inside.ndim > 1 else inside, bool)


def fits16(interval: Interval) -> bool:
    """Whether every element fits 16 bits, signed."""
    low, high = interval.span
    return low >= -(1 << 15) and high < 1 << 15
