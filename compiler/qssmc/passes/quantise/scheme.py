"""Scheme: the choices that differ between quantisation schemes, asked by the walk over the graph."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.build import Builder
from qssmc.ir.graph import RANGE_ROWS
from qssmc.ir.ops import Diag, Scale
from qssmc.ir.table import Grid, Table
from qssmc.passes.quantise.grids import Bits, IntegerWindow
from qssmc.passes.quantise.options import QuantiseOptions

Real = NDArray[np.float64]


class Scheme(ABC):
    """Turns observed ranges into windows, and weights into tables on grids.

    bits: how many each number gets. least: the finest scale worth having, one for each result; 0 where there is none.
    """

    # Whether lambda_bar x and b_bar u are each rounded before they are added.
    rounds_state_terms: bool
    # Whether the readout sees the sum before it is rounded into the state.
    reads_sum: bool
    # Whether the rounding of the states can be dithered.
    can_dither: bool

    def __init__(self, options: QuantiseOptions) -> None:
        self.options = options

    @abstractmethod
    def activation(self, ranges: Real, shared: bool, least: Real, bits: int) -> IntegerWindow:
        """The window of a value between ops. ranges: (RANGE_ROWS, H); shared: one scale for all channels."""

    @abstractmethod
    def state(self, ranges: Real, heads: NDArray[np.int64], bits: Bits) -> IntegerWindow:
        """The window of complex states. ranges: (RANGE_ROWS, S, 2); heads: (S,), whose states may share a scale."""

    @abstractmethod
    def real_state(self, ranges: Real, bits: Bits) -> IntegerWindow:
        """The window of real states. ranges: (RANGE_ROWS, H)."""

    @abstractmethod
    def matrix(self, weight: Real, scale: Real, least: Real, bits: Bits) -> Table:
        """weight (out, in), read against operands of the given scale (in,). least: of weight times scale, (out,)."""

    @abstractmethod
    def transition(self, b: Builder, op: Diag, x: str, heads: NDArray[np.int64], bits: Bits, state_bits: Bits) -> str:
        """lambda_bar x with lambda_bar rounded to `bits`, for states of state_bits. Returns the value."""

    @abstractmethod
    def decay(self, b: Builder, op: Scale, x: str, bits: Bits, state_bits: Bits) -> str:
        """factor x with real poles rounded to `bits`, for states of state_bits. Returns the value."""

    @abstractmethod
    def per_state(self, values: Real, heads: NDArray[np.int64], least: Real, bits: int) -> Table:
        """b_bar (S, 2), or (S, H, 2) of a MIMO system. least: (S,)."""

    @abstractmethod
    def per_head(self, values: Real, heads: NDArray[np.int64], least: Real, bits: int) -> Table:
        """c (S, 2) in units of the states of its head, which are summed, or (H, S, 2) of a MIMO system. least: (H,)."""

    @abstractmethod
    def vector(self, values: Real, least: Real, bits: int) -> Table:
        """One factor a channel, (H,). least: (H,)."""


def row(ranges: Real, name: str) -> Real:
    """One row of a range table."""
    return np.asarray(ranges[RANGE_ROWS.index(name)])


def exact_table(values: Real, scale: Real) -> Table:
    """Numbers rounded to multiples of a scale, with as many bits as the largest one needs: biases."""
    steps = np.rint(values / scale)
    width = int(np.abs(steps).max(initial=0.0)).bit_length() + 1
    return Table.real(steps * scale, Grid.of(scale, width))


def group_max(values: Real, groups: NDArray[np.int64]) -> Real:
    """The largest value of each element's group, element by element."""
    found = np.zeros(int(groups.max(initial=-1)) + 1)
    np.maximum.at(found, groups, values)
    return found[groups]
