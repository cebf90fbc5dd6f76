"""Random numbers for benches, with an unfair share of extremes, and arithmetic modulo a power of two."""

from __future__ import annotations

import random
from collections.abc import Sequence


class Dice:
    """Numbers that are the same on every run with the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def between(self, low: int, high: int, count: int) -> list[int]:
        """Half of them at random, half low, high or next to zero."""
        ends = [low, high, *(v for v in (-1, 0, 1) if low <= v <= high)]
        return [
            self.random.choice(ends) if self.random.random() < 0.5 else self.random.randint(low, high)
            for _ in range(count)
        ]

    def signed(self, width: int, count: int) -> list[int]:
        """Signed numbers of a width."""
        return self.between(-(1 << (width - 1)), (1 << (width - 1)) - 1, count)

    @staticmethod
    def wrap(value: int, width: int) -> int:
        """The signed number of a width that a value is modulo 2^width."""
        half = 1 << (width - 1)
        return (value + half) % (2 * half) - half


def rounded(x: int, shift: int, low: int, high: int, phase: int | None = None, bits: int = 16) -> int:
    """The requantisation of docs/arithmetic.md, on Python's integers."""
    d = (1 << shift) >> 1 if phase is None else (phase << shift) >> bits
    return min(max((x + d) >> shift, low), high)


def pack(fields: Sequence[tuple[int, int]]) -> int:
    """One word of (value, width), the first lowest."""
    word = at = 0
    for value, width in fields:
        word |= (value & ((1 << width) - 1)) << at
        at += width
    return word
