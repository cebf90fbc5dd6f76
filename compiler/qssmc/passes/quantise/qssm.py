"""The qssm scheme: power-of-two scales everywhere, one a channel where it is free, and poles as 1 + D."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.build import Builder
from qssmc.ir.ops import Add, Diag, Scale
from qssmc.ir.table import Grid, Table
from qssmc.passes.quantise.grids import Bits, IntegerWindow, power_of_two_scale, power_of_two_window, round_to
from qssmc.passes.quantise.poles import increment_exponents, round_inside
from qssmc.passes.quantise.scheme import Real, Scheme, row

_FAINT = 2.0**-100  # a head whose states reach no further is silent


class Qssm(Scheme):
    """Requantisation is a shift in every place, and each state has its own exponent."""

    rounds_state_terms = False
    reads_sum = False
    can_dither = True

    def activation(self, ranges: Real, shared: bool, least: Real, bits: int) -> IntegerWindow:
        """Per channel unless shared; the 99.9 % range for few bits, where resolution counts for more than peaks."""
        which = "999" if bits <= 6 else "99999"
        low, high = row(ranges, f"low_{which}"), row(ranges, f"high_{which}")
        if shared:
            low, high, least = low.min(), high.max(), least.min()
        return power_of_two_window(low, high, bits, least)

    def state(self, ranges: Real, heads: NDArray[np.int64], bits: Bits) -> IntegerWindow:
        """Symmetric, one scale a state: after balancing all reach just below 1, whatever their bits."""
        reach = np.maximum(-row(ranges, "low_999"), row(ranges, "high_999")).max(axis=-1)
        whole = np.exp2(np.ceil(np.log2(np.where(reach > 0.0, reach, _FAINT))))
        # States of one head are summed by the readout, so they share a scale; balancing has made them equal already.
        for head in np.unique(heads):
            whole[heads == head] = whole[heads == head].max()
        whole = np.where(whole > _FAINT, whole, 1.0)
        top = np.asarray((np.int64(1) << (bits - 1)) - 1, np.int64)
        return IntegerWindow(whole * np.exp2(1.0 - bits), np.asarray(-top), top)

    def real_state(self, ranges: Real, bits: Bits) -> IntegerWindow:
        """Symmetric, one scale an element, which reaches to the next power of two above the range."""
        reach = np.maximum(-row(ranges, "low_99999"), row(ranges, "high_99999"))
        whole = np.where(reach > _FAINT, np.exp2(np.ceil(np.log2(np.where(reach > _FAINT, reach, 1.0)))), 1.0)
        wide = np.broadcast_to(bits, whole.shape)
        top = np.asarray((np.int64(1) << (wide - 1)) - 1, np.int64)
        return IntegerWindow(whole * np.exp2(1.0 - wide), -top, top)

    def matrix(self, weight: Real, scale: Real, least: Real, bits: Bits) -> Table:
        """Rows with a scale each, on columns weighted by how far each operand reaches."""
        weighted = weight * scale
        wide = bits.reshape(-1, 1) if bits.ndim else bits
        rows = power_of_two_scale(weighted, wide, (1,), least[:, None])
        return Table.real(round_to(weighted, rows, wide) / scale, Grid.of(rows / scale, wide))

    def transition(self, b: Builder, op: Diag, x: str, heads: NDArray[np.int64], bits: Bits, state_bits: Bits) -> str:
        """x + D x, or a plain fixed-point lambda_bar x."""
        pole = op.lambda_bar.as_complex()
        width = bits[:, None] if bits.ndim else bits
        if self.options.a_form == "cartesian":
            scale = np.broadcast_to(np.exp2(1.0 - bits), pole.shape)
            table = Table.real(round_inside(pole, 0.0, scale, bits) * scale, Grid.of(scale[:, None], width))
            return b.add(Diag(lambda_bar=table), op.name, x, origin=op.origin)
        scale = np.exp2(-increment_exponents(pole, bits, state_bits))
        table = Table.real(round_inside(pole, 1.0, scale, bits) * scale, Grid.of(scale[:, None], width))
        change = b.add(Diag(lambda_bar=table), b.fresh(f"{op.name}_d"), x, origin=op.origin)
        return b.add(Add(), op.name, x, change, origin=op.origin)

    def decay(self, b: Builder, op: Scale, x: str, bits: Bits, state_bits: Bits) -> str:
        """x + D x; a plain fixed-point a x where that is asked for, or where it is finer: all poles are negative."""
        pole = np.broadcast_to(op.factor.data, op.type.shape).astype(np.complex128)
        plain = self.options.a_form == "cartesian" or bool((pole.real <= 0.0).all())
        origin = 0.0 if plain else 1.0
        exponent = np.broadcast_to(bits - 1.0, pole.shape) if plain else increment_exponents(pole, bits, state_bits)
        scale = np.exp2(-exponent)
        factor = Table.real(round_inside(pole, origin, scale, bits).real * scale, Grid.of(scale, bits))
        if plain:
            return b.add(Scale(factor=factor), op.name, x, origin=op.origin)
        change = b.add(Scale(factor=factor), b.fresh(f"{op.name}_d"), x, origin=op.origin)
        return b.add(Add(), op.name, x, change, origin=op.origin)

    def per_state(self, values: Real, heads: NDArray[np.int64], least: Real, bits: int) -> Table:
        """One scale a state."""
        axes = tuple(range(1, values.ndim))
        scale = power_of_two_scale(values, bits, axes, least.reshape(-1, *[1] * len(axes)))
        return Table.real(round_to(values, scale, bits), Grid.of(scale, bits))

    def per_head(self, values: Real, heads: NDArray[np.int64], least: Real, bits: int) -> Table:
        """One scale a head."""
        if values.ndim == 3:
            scale = power_of_two_scale(values, bits, (1, 2), least[:, None, None])
        else:
            scale = np.ones((len(values), 1))
            for head in np.unique(heads):
                scale[heads == head] = power_of_two_scale(values[heads == head], bits, (0, 1), least[head])
        return Table.real(round_to(values, scale, bits), Grid.of(scale, bits))

    def vector(self, values: Real, least: Real, bits: int) -> Table:
        """One scale a channel."""
        scale = power_of_two_scale(values[:, None], bits, (1,), least[:, None])[:, 0]
        return Table.real(round_to(values, scale, bits), Grid.of(scale, bits))
