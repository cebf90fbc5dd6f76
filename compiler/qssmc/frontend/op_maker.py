"""OpMaker: what rules make ops with, under names and origins of the call at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.frontend.axes import (
    Axis,
    Signal,
)
from qssmc.ir.build import Builder
from qssmc.ir.ops import Add, Constant, Divide, Matvec, Take
from qssmc.ir.table import Table
from qssmc.ir.types import Type


class OpMaker:
    """Makes ops for one call: the builder, where the call stands, and names for what it makes."""

    def __init__(self, builder: Builder, origin: str, stem: Callable[[str], str]) -> None:
        self.b, self.origin, self._stem = builder, origin, stem

    def add(self, op: Any, what: str, *inputs: str) -> str:
        """An op on values."""
        return self.b.add(op, self._stem(f"{self.origin}_{what}"), *inputs, origin=self.origin)

    def stem(self, what: str) -> str:
        """What names of the call's own begin with."""
        return self._stem(f"{self.origin}_{what}")

    def extent(self, signal: Signal) -> int:
        """How many elements a signal has a step."""
        return self.b.type(signal.name).shape[0]

    def take(self, signal: Signal, indices: NDArray[np.int64], axes: Sequence[Axis]) -> Signal:
        """Elements of a signal, in a new layout."""
        if np.array_equal(indices, np.arange(self.extent(signal))):
            return signal.with_axes(axes)
        value = self.add(Take(indices=Table.integer(indices)), "take", signal.name)
        return replace(signal, name=value, axes=tuple(axes))

    def matvec(
        self, signal: Signal, weight: NDArray[Any] | Table, bias: NDArray[Any] | None, axes: Sequence[Axis]
    ) -> Signal:
        """A matrix product over all channels."""
        table = weight if isinstance(weight, Table) else Table.real(weight)
        offset = np.zeros(table.shape[0]) if bias is None else bias
        op = Matvec(weight=table, bias=Table.real(offset))
        return replace(signal, name=self.add(op, "matvec", signal.name), axes=tuple(axes))

    def held(self, signal: Signal) -> str:
        """What the last step left of a value: a state that becomes the value at every step."""
        state = self.b.state(self._stem(f"{self.origin}_held"), Type((self.extent(signal),)), self.origin)
        self.b.updates[state] = signal.name
        return state

    def mean(self, signal: Signal) -> str:
        """The mean over time: a running sum and a count of the steps, divided after the last sample."""
        stem = self._stem(f"{self.origin}_mean")
        return mean_of(self.b, stem, signal.name, self.origin)


def mean_of(b: Builder, stem: str, x: str, origin: str) -> str:
    """The mean over time: a running sum and a step count, divided after the last sample."""
    total = b.state(b.fresh(f"{stem}_total"), b.type(x), origin)
    b.updates[total] = b.add(Add(), b.fresh(f"{stem}_total_n"), total, x, origin=origin)
    count = b.state(b.fresh(f"{stem}_steps"), Type((1,)), origin)
    one = b.add(Constant(value=Table.real([1.0])), b.fresh(f"{stem}_one"), origin=origin)
    b.updates[count] = b.add(Add(), b.fresh(f"{stem}_steps_n"), count, one, origin=origin)
    return b.add(Divide(), stem, total, count, origin=origin)
