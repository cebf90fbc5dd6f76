"""Sequences: labelled integer sequences of one length, and the fixed-point format their samples are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError


@dataclass(frozen=True)
class InputFormat:
    """A sensor sample: an integer q of `width` bits that stands for the real value q * 2**-frac."""

    width: int
    frac: int
    signed: bool

    def __post_init__(self) -> None:
        for name in ("width", "frac", "signed"):  # numpy's scalars are taken for Python's
            if hasattr(value := getattr(self, name), "item"):
                object.__setattr__(self, name, value.item())
        if not 1 <= self.width <= 32 or not -32 <= self.frac <= 32:
            wanted = "a width of 1 to 32 bits and frac of -32 to 32"
            raise UsageError(f"input format must have {wanted}, not {self.width} and {self.frac}")

    def __str__(self) -> str:
        return f"{'signed' if self.signed else 'unsigned'} {self.width}-bit integers with {self.frac} fractional bits"

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest sample."""
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1

    def to_real(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Samples as real values, the ones that a model is trained on."""
        return samples.astype(np.float32) * np.float32(2.0**-self.frac)


@dataclass(frozen=True)
class Sequences:
    """samples: integers (count, length, d_input); labels: integers (count,)."""

    samples: NDArray[Any]
    labels: NDArray[np.int64]
    format: InputFormat

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, count: int, seed: int | None = None) -> Sequences:
        """The first `count` sequences, or a seeded draw of them without repetition."""
        if seed is None:
            index = np.arange(min(count, len(self)))
        else:
            index = np.random.default_rng(seed).permutation(len(self))[:count]
        return Sequences(self.samples[index], self.labels[index], self.format)

    def of_classes(self, count: int) -> Sequences:
        """The sequences of the first `count` classes, in their order."""
        index = np.flatnonzero(self.labels < count)
        return Sequences(self.samples[index], self.labels[index], self.format)
