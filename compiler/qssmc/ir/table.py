"""Table: an immutable constant array, with the quantisation grid that its values lie on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Grid:
    """Values are integer multiples of scale (broadcastable to the data), each stored in width bits (likewise)."""

    scale: NDArray[np.float64]
    width: NDArray[np.int64]

    @classmethod
    def of(cls, scale: ArrayLike, width: ArrayLike) -> Grid:
        """A grid from scalars or arrays."""
        return cls(_freeze(np.asarray(scale, np.float64)), _freeze(np.asarray(width, np.int64)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and _same(self.scale, other.scale) and _same(self.width, other.width)

    def __hash__(self) -> int:
        return hash((self.scale.tobytes(), self.width.tobytes()))


@dataclass(frozen=True, eq=False)
class Table:
    """Constants of an op: float64 in the real stages, int64 in the integer stage; complex ones end in an axis (re, im).

    grid is set in the quantised stage, where data still holds the real values; in the integer stage its width alone
    tells how many bits an element is stored in. A grid in the stages before the quantised one is of a table that was
    trained on it: no pass changes its numbers.
    """

    data: NDArray[Any]
    grid: Grid | None = None

    @classmethod
    def real(cls, data: ArrayLike, grid: Grid | None = None) -> Table:
        """A table of float64; complex input becomes pairs."""
        array = np.asarray(data)
        if np.iscomplexobj(array):
            array = np.stack([array.real, array.imag], axis=-1)
        return cls(_freeze(array.astype(np.float64)), grid)

    @classmethod
    def integer(cls, data: ArrayLike, grid: Grid | None = None) -> Table:
        """A table of int64; anything that is not already an integer is an error."""
        array = np.asarray(data)
        if not np.issubdtype(array.dtype, np.integer):
            raise TypeError(f"an integer table cannot hold {array.dtype}")
        return cls(_freeze(array.astype(np.int64)), grid)

    @property
    def is_real(self) -> bool:
        """Whether the data is float64."""
        return self.data.dtype == np.float64

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array, the pair axis of complex tables included."""
        return self.data.shape

    def as_complex(self) -> NDArray[np.complex128]:
        """Pairs as complex numbers."""
        return np.asarray(self.data[..., 0] + 1j * self.data[..., 1])

    def on_grid(self) -> NDArray[np.int64]:
        """The integers that a gridded real table stands for."""
        if self.grid is None:
            raise ValueError("the table has no grid")
        return np.rint(self.data / self.grid.scale).astype(np.int64)

    def taken(self, *indices: NDArray[np.int64]) -> Table:
        """The elements at indices, one array of them an axis, on the same grid; axes without indices stay whole."""

        def part(array: NDArray[Any]) -> NDArray[Any]:
            full = array.ndim == self.data.ndim
            for axis, index in enumerate(indices):
                at = axis if full else axis - (self.data.ndim - array.ndim)
                if at >= 0 and array.shape[at] == self.data.shape[axis] > 1:
                    array = np.take(array, index, axis=at)
            return array

        data = self.data
        for axis, index in enumerate(indices):
            data = np.take(data, index, axis=axis)
        grid = None if self.grid is None else Grid.of(part(self.grid.scale), part(self.grid.width))
        return Table(_freeze(data), grid)

    def stored_bits(self) -> int:
        """Bits that the elements take in memory: the grid's width, else 32 (a float32)."""
        if self.grid is None:
            return 32 * self.data.size
        return int(np.broadcast_to(self.grid.width, self.data.shape).sum())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and _same(self.data, other.data) and self.grid == other.grid

    def __hash__(self) -> int:
        return hash((self.data.shape, self.data.tobytes(), self.grid))


def _freeze(array: NDArray[Any]) -> NDArray[Any]:
    frozen = np.array(array, copy=True, order="C")
    frozen.setflags(write=False)
    return frozen


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
