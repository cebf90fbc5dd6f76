"""Sequences: labelled integer sequences of one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.input_format import InputFormat

__all__ = ["InputFormat", "Sequences"]


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
