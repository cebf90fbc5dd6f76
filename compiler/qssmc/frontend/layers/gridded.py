"""Gridded: arrays of a quantised layer as tables on their grids; without torch, since files are read without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.ops import TypeFault
from qssmc.ir.table import Grid, Table

ROLES: Mapping[str, tuple[str, ...]] = {
    "A": ("dA", "A_bar", "Abar", "lambda_bar", "Lambda_bar", "a_bar"),
    "B": ("dB", "B_bar", "Bbar", "b_bar"),
    "C": ("dC", "C_bar", "C", "c"),
    "D": ("D", "d"),
}
_NEAR = 1e-3  # of a step: how far numbers of float32 may lie off their grid
Real = NDArray[np.float64]


def gridded(name: str, given: NDArray[Any], scale: Real | None, zero: Real | None) -> Table:
    """Numbers with their scale as a table on its grid; integers are (q - zero) * scale. Raises TypeFault for no scale.

    Pairs (re, im) in a last axis are complex numbers. Numbers that do not lie on the grid come without one.
    """
    values = given.astype(np.float64)
    if scale is None:
        return Table.real(values)
    steps = _lined(scale, values.shape, name)
    if not (np.isfinite(steps) & (steps > 0.0)).all():
        raise TypeFault(f"{name} has a scale that is 0, negative or not finite; quantise the layer once before")
    if given.dtype.kind in "iu":
        values = (values - (0.0 if zero is None else _lined(zero, values.shape, name))) * steps
    for unit in (steps, 1.0 / steps):
        integers = np.rint(values / unit)
        if np.abs(values / unit - integers).max(initial=0.0) <= _NEAR and np.abs(integers).max(initial=0.0) < 1 << 16:
            width = int(np.abs(integers + 0.5).max(initial=0.5) - 0.5).bit_length() + 1
            return Table.real(integers * unit, Grid.of(unit, width))
    return Table.real(values)


def _lined(scale: Real, shape: tuple[int, ...], name: str) -> Real:
    """Scales as they lie beside the numbers: one, or one along the first axes."""
    if scale.size == 1:
        return np.asarray(scale.reshape([1] * len(shape)))
    while scale.ndim < len(shape):
        scale = scale[..., None]
    if any(n not in (1, extent) for n, extent in zip(scale.shape, shape, strict=False)) or scale.ndim != len(shape):
        raise TypeFault(f"{name} has scales of shape {scale.shape} beside numbers of shape {shape}")
    return scale


def states_of(table: Table, count: int) -> Table:
    """Pairs of (..., H, N, 2) as (S, 2)."""
    data = table.data.reshape(count, 2)
    if table.grid is None:
        return Table.real(data)
    scale = np.broadcast_to(table.grid.scale, table.data.shape).reshape(count, 2)
    same = (scale[:, :1] == scale[:, 1:]).all()
    return Table.real(data, Grid.of(scale[:, :1] if same else scale, table.grid.width))


def times(table: Table, factor: float) -> Table:
    """A table times a number, with its grid."""
    grid = None if table.grid is None else Grid.of(table.grid.scale * factor, table.grid.width)
    return Table.real(table.data * factor, grid)
