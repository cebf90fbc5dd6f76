"""Quantiser: a grid that a model was trained on, and weights that lie on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.frontend.axes import Refused, Signal
from qssmc.ir.ops import Cast
from qssmc.ir.table import Grid, Table

_GRID = "qssmc_quantiser"  # the attribute of a parameter that a fake quantiser made
_GRIDS = "qssmc_quantisers"  # of a module: the same by the parameter's name, which a copy of the module keeps
_MOST_BITS, _BIAS_BITS = 16, 32  # of values between ops, and of biases on the grid of a sum


@dataclass(frozen=True)
class Quantiser:
    """q = clamp(round(x / scale) + zero_point, low, high), and back. axis: of one scale each.

    up: whether a value half-way between two levels goes up, and not, as torch and ONNX round, to the even one.
    """

    scale: NDArray[np.float64]
    zero_point: NDArray[np.int64]
    low: int
    high: int
    axis: int | None = None
    up: bool = False

    def __post_init__(self) -> None:
        good = np.isfinite(self.scale) & (self.scale > 0.0)
        if not good.all():
            bad = self.scale.ravel()[int(np.argmin(good))]
            raise Refused(
                f"a fake quantiser has the scale {bad:g}; scales must be positive and finite: calibrate its observer, "
                "and keep learned scales above 0"
            )
        if not self.low < self.high or self.high - self.low >= 1 << _BIAS_BITS:
            raise Refused(f"a fake quantiser has levels {self.low} to {self.high}; give 2 to 2^{_MOST_BITS} levels")
        if (np.abs(self.zero_point) > 1 << _MOST_BITS).any():
            raise Refused(f"a fake quantiser has the zero point {np.abs(self.zero_point).max()}; it must be a level")

    def cast(self, x: Signal) -> Cast:
        """The rounding of a signal. Raises Refused where scales go by an axis that is no axis of channels."""
        if self.high - self.low >= 1 << _MOST_BITS:
            raise Refused(f"a fake quantiser has levels {self.low} to {self.high}; give 2 to 2^{_MOST_BITS} levels")
        scale, zero = self.scale, self.zero_point
        if self.axis is not None and scale.size > 1:
            at = self.axis % len(x.axes)
            extents = [axis.extent if axis.kind == "channel" else 1 for axis in x.axes]
            if x.axes[at].kind != "channel" or x.axes[at].extent != scale.size:
                raise Refused(
                    f"a fake quantiser with {scale.size} scales along axis {self.axis}; of activations, scales go by "
                    "channels: give one a channel, or one a tensor"
                )
            lined = [-1 if i == at else 1 for i in range(len(extents))]
            scale = np.broadcast_to(scale.reshape(lined), extents).ravel()
            zero = np.broadcast_to(zero.reshape(lined), extents).ravel()
        else:
            scale, zero = scale.reshape(-1)[:1].reshape(()), zero.reshape(-1)[:1].reshape(())
        return self._cast(scale, zero)

    def cast_of_each(self) -> Cast:
        """The rounding of values with a scale each, or with one for all of them."""
        if self.scale.size == 1:
            return self._cast(self.scale.reshape(()), self.zero_point.reshape(()))
        return self._cast(self.scale, self.zero_point)

    def _cast(self, scale: NDArray[np.float64], zero: NDArray[np.int64]) -> Cast:
        low, high = Table.integer(np.asarray(self.low - zero)), Table.integer(np.asarray(self.high - zero))
        even = None if self.up else Table.integer(1)
        return Cast(scale=Table.real(scale), low=low, high=high, even=even)

    def table(self, values: torch.Tensor) -> Table:
        """Constants on the grid, with the integers that torch's own fake quantisation gives them."""
        array = self.fake(values).double().numpy()
        lined = [-1 if i == (self.axis or 0) % array.ndim else 1 for i in range(array.ndim)]
        scale = self.scale.reshape(lined if self.scale.size > 1 else [1] * array.ndim)
        integers = np.rint(array / scale)
        levels = (self.high - self.low).bit_length()
        signed = int(max(np.abs(integers + 0.5).max(initial=0.5) - 0.5, 0)).bit_length() + 1
        return Table.real(integers * scale, Grid.of(scale, max(levels, signed)))

    def fake(self, values: torch.Tensor) -> torch.Tensor:
        """What torch makes of constants, computed as numbers of float32 where they are such."""
        single = values.detach().float()
        given = single if bool((single.double() == values.double()).all()) else values.detach().double()
        scale, zero = torch.from_numpy(self.scale.ravel()), torch.from_numpy(self.zero_point.ravel())
        with torch._C.DisableTorchFunctionSubclass():
            if self.axis is None or self.scale.size == 1:
                low, high = self.low, self.high
                return torch.fake_quantize_per_tensor_affine(given, float(scale[0]), int(zero[0]), low, high)
            args = scale.float(), zero.to(torch.int32), self.axis % values.ndim, self.low, self.high
            return torch.fake_quantize_per_channel_affine(given, *args)

    def is_like(self, other: Quantiser) -> bool:
        """Whether another has the same scales and zero points."""
        pairs = ((self.scale, other.scale), (self.zero_point, other.zero_point))
        return all(a.shape == b.shape and np.array_equal(a, b) for a, b in pairs) and self.axis == other.axis

    def stored(self, integers: torch.Tensor) -> Table:
        """Integers of a converted model as a table."""
        return self.table(self.real(integers))

    def lined(self, ndim: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and zero point as they lie beside values of so many axes."""
        shape = [1] * ndim
        if self.axis is not None and self.scale.size > 1:
            shape[self.axis % ndim] = -1
        scale, zero = (torch.from_numpy(v.reshape(shape or [1])) for v in (self.scale, self.zero_point))
        return scale, zero

    def levels(self, values: torch.Tensor) -> torch.Tensor:
        """The integers of values on the grid, as numbers of float64."""
        scale, zero = self.lined(values.ndim)
        return (torch.round(values.double() / scale) + zero).reshape(values.shape)

    def real(self, integers: torch.Tensor) -> torch.Tensor:
        """What integers stand for, in float64."""
        scale, zero = self.lined(integers.ndim)
        return ((integers.double() - zero) * scale).reshape(integers.shape)

    def exact(self, values: torch.Tensor) -> torch.Tensor:
        """The same of any values in float64, without the float32 reciprocal of the scale that torch multiplies by."""
        scale, zero = self.lined(values.ndim)
        steps = values.double() / scale
        q = ((torch.floor(steps + 0.5) if self.up else torch.round(steps)) + zero).clamp(self.low, self.high)
        return ((q - zero) * scale).reshape(values.shape)


@dataclass(frozen=True)
class OnGrid:
    """Weights that a fake quantiser gave: numbers of which no pass changes any."""

    table: Table

    def transposed(self) -> OnGrid:
        """Of a matrix."""
        grid = self.table.grid
        assert grid is not None
        turned = Grid.of(grid.scale.T, grid.width)
        return OnGrid(Table.real(self.table.data.T, turned))

    @property
    def tensor(self) -> torch.Tensor:
        """The numbers alone."""
        return torch.from_numpy(self.table.data.copy())

    @property
    def ndim(self) -> int:
        """Axes of the weights."""
        return self.table.data.ndim

    @property
    def T(self) -> OnGrid:  # noqa: N802 - as torch spells it
        """The transposed matrix."""
        return self.transposed()

    def t(self) -> OnGrid:
        """The transposed matrix."""
        return self.transposed()

    def detach(self) -> OnGrid:
        """The weights themselves."""
        return self

    def __len__(self) -> int:
        return len(self.table.data)


def table_of(weight: torch.Tensor | OnGrid) -> Table:
    """A weight as a table, on the grid that a fake quantiser gave it, if one did."""
    if isinstance(weight, OnGrid):
        return weight.table
    quantiser = getattr(weight, _GRID, None)
    if isinstance(quantiser, Quantiser):
        return quantiser.table(weight)
    return Table.real(np.asarray(weight.detach().cpu().double().numpy()))


def on_grid(tensor: torch.Tensor) -> torch.Tensor | OnGrid:
    """A weight that a fake quantiser gave as such, any other tensor as it is."""
    return OnGrid(table_of(tensor)) if isinstance(getattr(tensor, _GRID, None), Quantiser) else tensor


def with_grid(tensor: torch.Tensor, quantiser: Quantiser) -> torch.Tensor:
    """A tensor that remembers the grid on which its numbers lie."""
    setattr(tensor, _GRID, quantiser)
    return tensor


def place(part: nn.Module, name: str, quantiser: Quantiser, before: torch.Tensor) -> None:
    """Give a module a weight on its grid, in float64, that remembers the grid; before: what the quantiser rounds."""
    plain = nn.Parameter(torch.from_numpy(quantiser.table(before).data.copy()))
    setattr(part, name, with_grid(plain, quantiser))
    vars(part).setdefault(_GRIDS, {})[name] = quantiser


def replace_grids(part: nn.Module) -> None:
    """Let the weights of a copied module remember their grids."""
    for name, quantiser in vars(part).get(_GRIDS, {}).items():
        setattr(getattr(part, name), _GRID, quantiser)


def numbers_of(value: Any) -> NDArray[np.float64]:
    """A number or a tensor of them as an array of at least one axis."""
    return np.atleast_1d(np.asarray(torch.as_tensor(value).detach().cpu().double().numpy()))


def whole_of(value: Any) -> NDArray[np.int64]:
    """The same of zero points, which are whole numbers whatever their type."""
    numbers = numbers_of(value)
    if not np.array_equal(numbers, np.rint(numbers)):
        raise Refused("a fake quantiser has a zero point that is no whole number; round it")
    return numbers.astype(np.int64)
