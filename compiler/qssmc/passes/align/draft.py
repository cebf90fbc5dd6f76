"""Draft: an integer graph in the making, which knows the unit of every value so far, and how to change it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed_point import MULTIPLIER_BITS, as_factor
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Offset, Op, Pair, Requant, Scale, ShiftLeft, Unpair
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import WIDEST
from qssmc.passes.rewrite import Rebuilder

Scales = NDArray[np.float64]
_EXACT_TERM = 1 << (MULTIPLIER_BITS - 2)  # the least multiplier that stands for a ratio of scales precisely enough
_NO_CLAMP = (1 << 40) - 1  # beyond what a requantised term of a sum can be


class IntegerDraft:
    """scales: the unit of each integer value, one an element."""

    def __init__(self, graph: Graph) -> None:
        self.b = Rebuilder(graph, "integer")
        self.scales: dict[str, Scales] = {}

    def put(self, op: Op, name: str, *inputs: str, scale: Scales, origin: str) -> str:
        """Append an op whose unit is known."""
        value = self.b.add(op, name, *inputs, origin=origin)
        self.scales[value] = np.ascontiguousarray(np.broadcast_to(scale, self.b.type(value).shape))
        return value

    def shifted(self, value: str, target: Scales, origin: str) -> str:
        """The value in units of a finer power-of-two target."""
        amount = np.frexp(self.scales[value] / target)[1].astype(np.int64) - 1
        if not amount.any():
            return value
        return self.shift_left(f"{value}_aligned", value, amount, origin)

    def shift_left(self, stem: str, value: str, amount: NDArray[np.int64], origin: str) -> str:
        """The value in units that are 2^amount times finer."""
        name = self.b.fresh(stem)
        _check_shift(name, amount, origin)
        scale = np.ldexp(self.scales[value], -amount)
        return self.put(ShiftLeft(amount=compact(amount)), name, value, scale=scale, origin=origin)

    def multiplied(self, value: str, target: Scales, origin: str) -> str:
        """The value in units of any target: an exact multiple where that is precise enough, else a requant."""
        ratio = self.scales[value] / target
        name = self.b.fresh(f"{value}_aligned")
        if ratio.min(initial=np.inf) < _EXACT_TERM:
            return self.requant(name, value, target, -_NO_CLAMP, _NO_CLAMP, origin)
        _check_shift(name, np.frexp(ratio)[1], origin)
        factor = np.rint(ratio).astype(np.int64)
        table = Table.integer(factor, Grid.of(1.0, int(factor.max(initial=1)).bit_length() + 1))
        return self.put(Scale(factor=table), name, value, scale=target, origin=origin)

    def requant(
        self,
        name: str,
        value: str,
        target: Scales,
        low: Table | int,
        high: Table | int,
        origin: str,
        *phase: str,
        phase_bits: int = 0,
    ) -> str:
        """The value rounded to units of the target, dithered by a phase if one is given.

        Where the target is finer than the value's own unit, it is shifted up first.
        """
        factor = as_factor(self.scales[value] / target)
        _check_shift(name, factor.shift, origin)
        if factor.left.any():
            value = self.shift_left(f"{value}_up", value, factor.left, origin)
        return self.put(
            Requant(
                multiplier=compact(factor.multiplier),
                shift=compact(factor.shift),
                low=low if isinstance(low, Table) else Table.integer(low),
                high=high if isinstance(high, Table) else Table.integer(high),
                phase_bits=phase_bits,
            ),
            name,
            value,
            *phase,
            scale=target,
            origin=origin,
        )

    def requant_to_even(
        self,
        name: str,
        value: str,
        target: Scales,
        low: Table,
        high: Table,
        even: NDArray[np.int64],
        origin: str,
        *,
        is_state: bool,
    ) -> str:
        """The value rounded to units of the target, what is half-way to the even unit where `even` is 1.

        Where no shift is exactly half-way, this is a requant. Else it is the sum of two, with no op but those that all
        targets have: as x grows, the result r steps up at every odd multiple of half a unit; floor(r / 2) takes the
        steps to even results and ceil(r / 2) those to odd ones, and each is x, moved, rounded to two units.
        """
        factor = as_factor(self.scales[value] / target)
        half_ways = (factor.multiplier == 1) & (factor.shift > 0) & (even != 0)
        if not half_ways.any():
            return self.requant(name, value, target, low, high, origin)
        _check_shift(name, factor.shift + 1, origin)
        if factor.left.any():
            value = self.shift_left(f"{value}_up", value, factor.left, origin)
        is_complex, shift = self.b.type(value).complex, factor.shift
        half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
        moves = -np.where(shift > 0, half, 1), half - (half_ways & (shift > 0))
        clamps = (low.data // 2, high.data // 2), (-(-low.data // 2), -(-high.data // 2))
        if is_complex:
            value = self.put(Unpair(), self.b.fresh(f"{name}_parts"), value, scale=_both(target), origin=origin)
            moves, shift, target = (_both(moves[0]), _both(moves[1])), _both(shift), _both(target)
            clamps = tuple(tuple(_both(end) for end in ends) for ends in clamps)  # type: ignore[assignment]
        halves = []
        for what, move, (least, most) in zip(("even", "odd"), moves, clamps, strict=True):
            width = int(np.abs(move).max()).bit_length() + 1
            offset = Offset(value=Table.integer(move, Grid.of(1.0, width)))
            moved = self.put(offset, self.b.fresh(f"{name}_{what}_in"), value, scale=self.scales[value], origin=origin)
            rounded = Requant(
                multiplier=Table.integer(1), shift=compact(shift + 1), low=compact(least), high=compact(most)
            )
            halves.append(self.put(rounded, self.b.fresh(f"{name}_{what}"), moved, scale=target, origin=origin))
        if not is_complex and not is_state:
            return self.put(Add(), name, *halves, scale=target, origin=origin)
        total = self.put(Add(), self.b.fresh(f"{name}_sum"), *halves, scale=target, origin=origin)
        if is_complex:
            target = target[: len(target) // 2]
            stem = self.b.fresh(f"{name}_pairs") if is_state else name
            total = self.put(Pair(), stem, total, scale=target, origin=origin)
        # The proof of a state's bounds starts from the clamps of a requant.
        return self.requant(name, total, target, low, high, origin) if is_state else total


def _both(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers of complex elements for all re, then all im; those that all elements share stay."""
    return np.tile(values, 2) if values.shape else values


def compact(values: NDArray[np.int64]) -> Table:
    """A scalar where all elements are the same, else one an element."""
    if values.size and bool((values == values.flat[0]).all()):
        return Table.integer(values.flat[0])
    return Table.integer(values)


def _check_shift(name: str, amount: NDArray[Any], origin: str) -> None:
    if amount.max(initial=0) >= WIDEST - 1:
        raise UnsupportedModelError(
            f"%{name} (from {origin}) would bring together numbers that lie a factor of 2^{amount.max()} apart, "
            "and 64-bit integers hold 2^63; this model has weights or ranges too small beside the others"
        )
