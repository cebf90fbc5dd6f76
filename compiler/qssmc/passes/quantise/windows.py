"""Windows: how many bits a graph and its options give a value, and the window in which these lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.scales import is_power_of_two
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, Matvec
from qssmc.passes.quantise.draft import QuantisedDraft
from qssmc.passes.quantise.grids import Bits, IntegerWindow
from qssmc.passes.quantise.options import QuantiseOptions
from qssmc.passes.quantise.scheme import Real, Scheme
from qssmc.passes.quantise.survey import finest_unit


class Windows(QuantisedDraft):
    """A draft that knows the calibrated graph that it is made of, the scheme and its options."""

    def __init__(self, graph: Graph, scheme: Scheme, options: QuantiseOptions) -> None:
        super().__init__(graph)
        self.source, self.scheme, self.options = graph, scheme, options

    def bits(self, name: str, default: float) -> Bits:
        """The bits that a note of the graph gives a value or a table, else the option's."""
        note = self.source.bits.get(name)
        return np.asarray(int(default), np.int64) if note is None else note.data

    def weight_bits(self, name: str) -> int:
        """The bits of a table whose numbers all have the same."""
        return int(self.bits(name, self.options.weight_bits))

    def window(self, old: str, shared: bool) -> IntegerWindow:
        """The window of a value between ops."""
        noted, op = self.bits(old, self.options.activation_bits), self.source[old]
        # Bits of each state are those of the recurrence, not of what reads its next value.
        bits = int(noted) if noted.ndim == 0 else self.options.activation_bits
        least, ranges = finest_unit(self.source, op), self.source.ranges[old].data
        if isinstance(op, Input) and not shared and self.feeds_matrices(op) and not is_power_of_two(self.scale(old)):
            return self.sensor_window(op, ranges)
        return self.scheme.activation(ranges, shared, least, bits)

    def sensor_window(self, op: Input, ranges: Real) -> IntegerWindow:
        """In steps of the sensor times powers of two, which the weights take up, so that the rounding is a shift."""
        bits, unit = int(self.bits(op.name, self.options.activation_bits)), self.scale(op.name)
        found = self.scheme.activation(ranges / unit, False, np.ones(unit.shape), bits)
        return replace(found, scale=found.scale * unit)

    def feeds_matrices(self, op: Input) -> bool:
        """Whether matrices alone read the samples, whose rows can take any unit and any zero point."""
        users = self.source.users[op.name]
        return self.options.scheme == "qssm" and bool(users) and all(isinstance(user, Matvec) for user in users)

    def state_window(self, old: str, heads: NDArray[np.int64] | None = None) -> IntegerWindow:
        """The window of a value on the way into a state; a complex one has heads."""
        ranges, bits = self.source.ranges[old].data, self.bits(old, self.options.state_bits)
        return self.scheme.real_state(ranges, bits) if heads is None else self.scheme.state(ranges, heads, bits)
