"""InputFormat: what the integers of a sensor stand for, a power of two or, a channel, a real scale and a zero point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError

_TEXT = re.compile(r"([us])(\d{1,2})\.(-?\d{1,2})(?:x([^@]+))?(?:@(.+))?")
_WIDEST_ZERO = 1 << 31

_KINDS = {"width": "a whole number", "frac": "a whole number", "signed": "true or false"}


@dataclass(frozen=True, repr=False)
class InputFormat:
    """A sensor sample: an integer q of `width` bits that stands for the real value (q - zero) * scale * 2**-frac.

    scale and zero are one number, or one a channel: a code of an ADC around mid-scale has its zero point there, and its
    scale in the unit that the model was trained on. Where they are left out, q stands for q * 2**-frac.

    >>> InputFormat(12, 0, False, scale=0.001, zero=2048).to_real(np.array([2048, 2548])).tolist()
    [0.0, 0.5]
    """

    width: int
    frac: int
    signed: bool
    scale: float | Sequence[float] = 1.0
    zero: int | Sequence[int] = 0

    def __post_init__(self) -> None:
        for name in ("width", "frac", "signed"):  # numpy's scalars are taken for Python's
            if hasattr(value := getattr(self, name), "item"):
                object.__setattr__(self, name, value.item())
        kinds = (("width", int), ("frac", int), ("signed", bool))
        if wrong := [name for name, kind in kinds if type(getattr(self, name)) is not kind]:
            raise UsageError(
                f"{wrong[0]} of an input format must be {_KINDS[wrong[0]]}, not {getattr(self, wrong[0])!r}"
            )
        if not 1 <= self.width <= 32 or not -32 <= self.frac <= 32:
            wanted = "a width of 1 to 32 bits and frac of -32 to 32"
            raise UsageError(f"input format must have {wanted}, not {self.width} and {self.frac}")
        scales, zeros = _numbers("scale", self.scale), _numbers("zero", self.zero)
        if not all(np.isfinite(scale) and scale > 0.0 for scale in scales):
            raise UsageError(f"the scale of an input format must be above 0 and finite, not {self.scale}")
        if not all(zero == int(zero) and abs(zero) < _WIDEST_ZERO for zero in zeros):
            raise UsageError(f"the zero point of an input format must be a whole number, not {self.zero}")
        object.__setattr__(self, "scale", _compact(scales))
        object.__setattr__(self, "zero", _compact([int(zero) for zero in zeros]))
        if len({len(part) for part in (self.scales, self.zeros) if len(part) > 1}) > 1:
            raise UsageError(f"input format has {len(self.scales)} scales and {len(self.zeros)} zero points")

    def __repr__(self) -> str:
        facts = self.facts()
        return f"InputFormat({', '.join(f'{name}={value!r}' for name, value in facts.items())})"

    def __str__(self) -> str:
        text = f"{'signed' if self.signed else 'unsigned'} {self.width}-bit integers with {self.frac} fractional bits"
        more = [f"{name} {_told(getattr(self, name))}" for name in ("scale", "zero") if name in self.facts()]
        return f"{text}, {' and '.join(more)}" if more else text

    @staticmethod
    def parse(text: str) -> InputFormat:
        """The format of a text: u or s, bits, a point and fractional bits; x and scales; @ and zero points.

        Raises UsageError for any other text.

        >>> InputFormat.parse("u12.0x0.001,0.002@2048")
        InputFormat(width=12, frac=0, signed=False, scale=[0.001, 0.002], zero=2048)
        """
        match = _TEXT.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            scale = [float(part) for part in match[4].split(",")] if match[4] else 1.0
            zero = [int(part) for part in match[5].split(",")] if match[5] else 0
        except ValueError as error:
            raise UsageError(
                "--input-format must be u or s, bits, a point and fractional bits, as u8.8, then perhaps x and a scale "
                f"or one a channel, @ and a zero point or one a channel, as u12.0x0.001,0.002@2048, not {text}"
            ) from error
        return InputFormat(int(match[2]), int(match[3]), match[1] == "s", scale, zero)

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales, one for all channels or one a channel."""
        return _numbers("scale", self.scale)

    @property
    def zeros(self) -> tuple[int, ...]:
        """The zero points, one for all channels or one a channel."""
        return tuple(int(zero) for zero in _numbers("zero", self.zero))

    def facts(self) -> dict[str, Any]:
        """What files hold of it: keywords of InputFormat, without those that are left out by default."""
        found: dict[str, Any] = {"width": self.width, "frac": self.frac, "signed": self.signed}
        for name, usual in (("scale", 1.0), ("zero", 0)):
            value = getattr(self, name)
            if value != usual:
                found[name] = list(value) if isinstance(value, tuple) else value
        return found

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest sample."""
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1

    def units(self, channels: int) -> NDArray[np.float64]:
        """What one step of a sample is worth, (channels,). Raises UsageError where there is another number of them."""
        return np.array(self._each(self.scales, "scales", channels)) * 2.0**-self.frac

    def zero_points(self, channels: int) -> NDArray[np.int64]:
        """The sample that stands for 0, (channels,). Raises UsageError where there is another number of them."""
        return np.array(self._each(self.zeros, "zero points", channels), np.int64)

    def to_real(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Samples (..., channels) as real values, the ones that a model is trained on."""
        if len(self.facts()) == 3:
            return samples.astype(np.float32) * np.float32(2.0**-self.frac)
        channels = samples.shape[-1] if max(len(self.scales), len(self.zeros)) > 1 else 1
        moved = samples.astype(np.int64) - self.zero_points(channels)
        return (moved * self.units(channels)).astype(np.float32)

    def to_steps(self, real: NDArray[Any]) -> NDArray[np.float64]:
        """Real values (..., channels) in steps of a sample: no whole numbers, and perhaps beyond its bounds."""
        values = np.asarray(real, np.float64)
        if len(self.facts()) == 3:
            return np.asarray(values * 2.0**self.frac)
        channels = values.shape[-1] if max(len(self.scales), len(self.zeros)) > 1 else 1
        return np.asarray(values / self.units(channels) + self.zero_points(channels))

    @staticmethod
    def _each(numbers: tuple[Any, ...], what: str, channels: int) -> tuple[Any, ...]:
        if len(numbers) not in (1, channels):
            raise UsageError(f"input format has {len(numbers)} {what}, and a sample has {channels} channels")
        return numbers * channels if len(numbers) == 1 else numbers


def _numbers(name: str, value: Any) -> tuple[Any, ...]:
    """One number or several as a tuple of Python's numbers."""
    try:
        found = np.asarray(value)
        if found.dtype.kind not in "iuf" or found.ndim > 1 or not found.size:
            raise ValueError
    except ValueError as error:
        raise UsageError(f"{name} of an input format must be a number, or one a channel, not {value!r}") from error
    numbers: tuple[Any, ...] = tuple(np.atleast_1d(found).tolist())
    return tuple(map(float, numbers)) if name == "scale" else numbers


def _compact(numbers: Sequence[Any]) -> Any:
    """One number where all are the same, else a tuple."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def _told(value: Any) -> str:
    return ", ".join(f"{number:g}" for number in value) if isinstance(value, tuple) else f"{value:g}"
