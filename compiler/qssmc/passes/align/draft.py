"""Draft: an integer graph in the making, which knows the unit of every value so far, and how to change it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed_point import MULTIPLIER_BITS, as_factor
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Requant, Scale, ShiftLeft
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
