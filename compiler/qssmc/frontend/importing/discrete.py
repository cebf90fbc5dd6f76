"""Discrete: S4D layers that keep dA, dB, dC and D of one step, on grids beside NAME_scales if they were quantised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from qssmc.frontend.importing.arrays import Arrays
from qssmc.frontend.layers.gridded import ROLES, gridded, states_of, times
from qssmc.frontend.layers.system import System
from qssmc.ir.build import Builder
from qssmc.ir.ops import Add, Diag, Inject, Readout, Scale, TypeFault
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import Type

_BESIDE = ("{}_scales", "{}_scale", "{}_zero_points", "{}_zero_point", "orig_{}")


@dataclass(frozen=True)
class GriddedSystem(System):
    """A system whose tables lie on grids. tables: A, B, C and, if it has one, D, as ops have them."""

    tables: Mapping[str, Table] = field(default_factory=dict)

    def build(self, b: Builder, stem: str, u: str, origin: str) -> str:
        """The ops of one step. u: the operand, (H,); returns y, (H,)."""
        assert self.heads is not None
        heads = Table.integer(self.heads)
        x = b.state(b.fresh(f"{stem}_x"), Type((len(self.poles),), complex=True), origin)
        ax = b.add(Diag(lambda_bar=self.tables["A"]), b.fresh(f"{stem}_ax"), x, origin=origin)
        bu = b.add(Inject(b_bar=self.tables["B"], heads=heads), b.fresh(f"{stem}_bu"), u, origin=origin)
        b.updates[x] = b.add(Add(), b.fresh(f"{stem}_xn"), ax, bu, origin=origin)
        readout = Readout(c=self.tables["C"], heads=heads, channels=self.channels)
        y = b.add(readout, b.fresh(f"{stem}_cx"), b.updates[x], origin=origin)
        if "D" not in self.tables:
            return y
        du = b.add(Scale(factor=self.tables["D"]), b.fresh(f"{stem}_du"), u, origin=origin)
        return b.add(Add(), b.fresh(f"{stem}_y"), y, du, origin=origin)


@dataclass(frozen=True)
class DiscreteLayer:
    """What a module's own arrays say of such a layer. used: the names of those that it is made of."""

    heads: int
    states: int
    tables: Mapping[str, Table]
    used: frozenset[str]

    def system(self, gain: float) -> System:
        """x' = A x + B u, y = gain Re(C x') + D u."""
        tables = {**self.tables, "C": times(self.tables["C"], gain)}
        heads = np.repeat(np.arange(self.heads), self.states)
        d = tables["D"].data if "D" in tables else None
        a, b, c = (tables[role].as_complex() for role in "ABC")
        return GriddedSystem(a, b, c, d, self.heads, heads, tables)


def discrete_layer(own: Arrays) -> DiscreteLayer | None:
    """The layer of a module's own arrays; None where they are not those of one."""
    names = {role: next((name for name in usual if name in own), "") for role, usual in ROLES.items()}
    if not all(names[role].startswith(("d", role)) or "bar" in names[role].lower() for role in "AB") or not names["C"]:
        return None
    try:
        tables = {role: _table(own, name) for role, name in names.items() if name}
    except TypeFault:
        return None
    shape = tables["A"].data.shape
    if len(shape) != 3 or shape[-1] != 2 or any(tables[role].data.size != tables["A"].data.size for role in "BC"):
        return None
    heads, states = shape[:2]
    found = {role: states_of(tables[role], heads * states) for role in "ABC"}
    if "D" in tables:
        if tables["D"].data.size != heads:
            return None
        found["D"] = _row(tables["D"], heads)
    given = [name for name in names.values() if name]
    beside = (form.format(name) for name in given for form in _BESIDE)
    return DiscreteLayer(heads, states, found, frozenset((*given, *(name for name in beside if name in own))))


def _table(own: Arrays, name: str) -> Table:
    """An array as a table, complex numbers as pairs."""
    array = own[name]
    pairs = np.stack([array.real, array.imag], axis=-1) if array.dtype.kind == "c" else array
    ends = (next((own[name + end] for end in ways if name + end in own), None) for ways in _ENDS)
    return gridded(name, pairs, *(None if one is None else one.astype(np.float64) for one in ends))


_ENDS = (("_scales", "_scale"), ("_zero_points", "_zero_point"))


def _row(table: Table, heads: int) -> Table:
    grid = table.grid
    if grid is not None:
        grid = Grid.of(np.broadcast_to(grid.scale, table.shape).reshape(heads), grid.width)
    return Table.real(table.data.reshape(heads), grid)
