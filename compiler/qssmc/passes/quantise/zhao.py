"""The published scheme (Zhao et al., arXiv 2506.12480): asymmetric, static, real scales, one a head in the SSM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.build import Builder
from qssmc.ir.ops import Diag, Scale
from qssmc.ir.table import Grid, Table
from qssmc.passes.quantise.grids import Bits, IntegerWindow, affine_window, round_in_window
from qssmc.passes.quantise.scheme import Real, Scheme, group_max, row

_STATE_CLIP = 50.0


class Zhao(Scheme):
    """99.999-percentile ranges; lambda_bar x, b_bar u and their sum are each requantised; y reads the sum before that.

    Zero points are whole numbers of steps, so they fold into asymmetric clamps and the integers stay centred.
    """

    rounds_state_terms = True
    reads_sum = True
    can_dither = False

    def activation(self, ranges: Real, shared: bool, least: Real, bits: int) -> IntegerWindow:
        """One scale a tensor."""
        low, high = row(ranges, "low_99999").min(), row(ranges, "high_99999").max()
        return affine_window(low, high, bits, _least_of(least))

    def state(self, ranges: Real, heads: NDArray[np.int64], bits: Bits) -> IntegerWindow:
        """One scale and zero point a head, shared by its states and by re and im; ranges clipped to +-50."""
        low = -group_max(np.maximum(-row(ranges, "low_99999").min(axis=-1), 0.0), heads)
        high = group_max(np.maximum(row(ranges, "high_99999").max(axis=-1), 0.0), heads)
        return affine_window(np.maximum(low, -_STATE_CLIP), np.minimum(high, _STATE_CLIP), bits)

    def real_state(self, ranges: Real, bits: Bits) -> IntegerWindow:
        """One scale and zero point for all; ranges clipped to +-50."""
        low, high = row(ranges, "low_99999").min(), row(ranges, "high_99999").max()
        return affine_window(np.maximum(low, -_STATE_CLIP), np.minimum(high, _STATE_CLIP), int(bits))

    def matrix(self, weight: Real, scale: Real, least: Real, bits: Bits) -> Table:
        """One scale a tensor; the operand's scale plays no part in it."""
        return self._table(weight, weight.min(), weight.max(), bits, _least_of(least / scale.max()))

    def transition(self, b: Builder, op: Diag, x: str, heads: NDArray[np.int64], bits: Bits, state_bits: Bits) -> str:
        """lambda_bar x on one grid a head: nothing keeps the rounded pole inside the unit circle."""
        table = self._by_head(op.lambda_bar.data, heads, bits, 0.0)
        return b.add(Diag(lambda_bar=table), op.name, x, origin=op.origin)

    def decay(self, b: Builder, op: Scale, x: str, bits: Bits, state_bits: Bits) -> str:
        """a x on one grid: nothing keeps the rounded pole below 1."""
        factor = np.broadcast_to(op.factor.data, op.type.shape)
        table = self._table(factor, factor.min(), factor.max(), bits, 0.0)
        return b.add(Scale(factor=table), op.name, x, origin=op.origin)

    def per_state(self, values: Real, heads: NDArray[np.int64], least: Real, bits: int) -> Table:
        """One scale a head."""
        return self._by_head(values, heads, np.asarray(bits), _least_of(least))

    def per_head(self, values: Real, heads: NDArray[np.int64], least: Real, bits: int) -> Table:
        """One scale a head."""
        return self._by_head(values, heads, np.asarray(bits), _least_of(least))

    def vector(self, values: Real, least: Real, bits: int) -> Table:
        """One scale for all channels."""
        return self._table(values, values.min(), values.max(), np.asarray(bits), _least_of(least))

    def _by_head(self, values: Real, heads: NDArray[np.int64], bits: Bits, least: float) -> Table:
        if values.ndim == 3:
            return self._table(values, values.min(), values.max(), bits, least)
        low = -group_max(np.maximum(-values.min(axis=-1), 0.0), heads)
        high = group_max(np.maximum(values.max(axis=-1), 0.0), heads)
        return self._table(values, low[:, None], high[:, None], bits, least)

    @staticmethod
    def _table(values: Real, low: Real, high: Real, bits: Bits, least: float) -> Table:
        window = affine_window(np.asarray(low), np.asarray(high), bits, least)
        return Table.real(round_in_window(values, window), Grid.of(window.scale, bits))


def _least_of(least: Real) -> float:
    """The finest scale that any of the results that share it has a use for."""
    useful = least[least > 0.0]
    return float(useful.min()) if len(useful) else 0.0
