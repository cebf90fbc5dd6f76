"""Random integer graphs of one op each, for every op of the integer stage, and samples that go to the extremes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from qssmc.ir import Builder, Graph, Table, Type, verify
from qssmc.ir.ops import (
    STAGES,
    Add,
    Advance,
    Concat,
    Constant,
    Diag,
    Inject,
    Input,
    Lut,
    Matvec,
    Mul,
    Normalize,
    Offset,
    Pair,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    State,
    Take,
    Unpair,
    Xbar,
)

MNEMONICS = [op.mnemonic for op in STAGES["integer"] if op not in (Input, State)]


class Dice:
    """Random extents, integers and tables, with an unfair share of extremes and zeros."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def below(self, stop: int, start: int = 0) -> int:
        return int(self.random.integers(start, stop))

    def integers(self, low: int, high: int, *shape: int) -> Any:
        plain = self.random.integers(low, high, shape, endpoint=True)
        extreme = self.random.choice([low, high, min(max(0, low), high)], shape)
        return np.where(self.random.random(shape) < 0.5, plain, extreme).astype(np.int64)

    def table(self, bits: int, *shape: int) -> Table:
        return Table.integer(self.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1, *shape))

    def per_element(self, low: int, high: int, extent: int) -> Table:
        """A scalar for all elements or one number for each."""
        return Table.integer(self.integers(low, high, *((extent,) if self.below(2) else ())))


def one_op(mnemonic: str, seed: int) -> Graph:
    """An input of a random width, one op of the kind asked for, and its value (complex ones unpaired) as output."""
    dice = Dice(seed)
    b = Builder("one", "integer")
    _MAKERS[mnemonic](b, dice)
    value = "y" if not b.type("y").complex else b.add(Unpair(), "lanes", "y")
    b.output("y", value, "step")
    return verify(b.graph())


def seeds() -> st.SearchStrategy[int]:
    return st.integers(0, 2**32 - 1)


def extreme_samples(graph: Graph, seed: int, batch: int, length: int) -> Any:
    """(batch, length, d_input) samples; the first two sequences hold nothing but the lowest and the highest."""
    (u,) = graph.inputs
    low, high = u.type.bounds
    samples = Dice(seed).integers(low, high, batch, length, *u.type.shape)
    samples[0], samples[1 % batch] = low, high
    return samples


def _input(b: Builder, dice: Dice, extent: int, widest: int = 12) -> str:
    width = dice.below(widest + 1, 1)
    return b.input("u", Type((extent,), width, bool(dice.below(2))))


def _vector(b: Builder, dice: Dice, extent: int) -> str:
    """The input, or the input moved away, so that its interval need not hold 0."""
    u = _input(b, dice, extent)
    return b.add(Offset(value=dice.table(13, extent)), "moved", u) if dice.below(2) else u


def _pairs(b: Builder, dice: Dice, extent: int) -> str:
    return b.add(Pair(), "z", _vector(b, dice, 2 * extent))


def _either(b: Builder, dice: Dice, extent: int) -> str:
    return _pairs(b, dice, extent) if dice.below(2) else _vector(b, dice, extent)


def _heads(dice: Dice, states: int, channels: int) -> Table:
    """Ragged, some empty, and not sorted."""
    return Table.integer(dice.random.integers(0, channels, states))


def _matvec(b: Builder, dice: Dice) -> None:
    out, extent = dice.below(5), dice.below(6)
    b.add(Matvec(weight=dice.table(8, out, extent), bias=dice.table(16, out)), "y", _vector(b, dice, extent))


def _xbar(b: Builder, dice: Dice) -> None:
    out, extent = dice.below(5), dice.below(6)
    b.add(Xbar(weight=dice.table(8, out, extent)), "y", _vector(b, dice, extent))


def _diag(b: Builder, dice: Dice) -> None:
    states = dice.below(5)
    b.add(Diag(lambda_bar=dice.table(8, states, 2)), "y", _pairs(b, dice, states))


def _inject(b: Builder, dice: Dice) -> None:
    states, channels = dice.below(6), dice.below(4, 1)
    u = _vector(b, dice, channels)
    if dice.below(2):
        b.add(Inject(b_bar=dice.table(8, states, 2), heads=_heads(dice, states, channels)), "y", u)
    else:
        b.add(Inject(b_bar=dice.table(8, states, channels, 2)), "y", u)


def _readout(b: Builder, dice: Dice) -> None:
    states, channels = dice.below(6), dice.below(4, 1)
    x = _pairs(b, dice, states)
    if dice.below(2):
        heads = _heads(dice, states, channels)
        b.add(Readout(c=dice.table(8, states, 2), heads=heads, channels=channels), "y", x)
    else:
        b.add(Readout(c=dice.table(8, channels, states, 2), channels=channels), "y", x)


def _add(b: Builder, dice: Dice) -> None:
    terms, extent = dice.below(5, 2), dice.below(4)
    u = _vector(b, dice, 2 * terms * extent)
    parts = [b.add(Slice(start=2 * i * extent, stop=2 * (i + 1) * extent), f"s{i}", u) for i in range(terms)]
    if dice.below(2):
        parts = [b.add(Pair(), f"p{i}", part) for i, part in enumerate(parts)]
    b.add(Add(), "y", *parts)


def _mul(b: Builder, dice: Dice) -> None:
    extent = dice.below(5)
    u = _vector(b, dice, 2 * extent)
    first = b.add(Slice(start=0, stop=extent), "a", u)
    second = b.add(Slice(start=extent, stop=2 * extent), "b", u)
    b.add(Mul(), "y", first, second)


def _slice(b: Builder, dice: Dice) -> None:
    extent = dice.below(6)
    start = dice.below(extent + 1)
    b.add(Slice(start=start, stop=dice.below(extent + 1, start)), "y", _either(b, dice, extent))


def _concat(b: Builder, dice: Dice) -> None:
    x = _either(b, dice, 4)
    cuts = [0, dice.below(5), dice.below(5), 4]
    parts = [b.add(Slice(start=min(p), stop=max(p)), f"s{i}", x) for i, p in enumerate(pairwise(cuts))]
    b.add(Concat(), "y", *parts)


def _take(b: Builder, dice: Dice) -> None:
    extent = dice.below(6, 1)
    b.add(Take(indices=Table.integer(dice.integers(0, extent - 1, dice.below(7, 1)))), "y", _either(b, dice, extent))


def _advance(b: Builder, dice: Dice) -> None:
    bits = dice.below(33, 1)
    b.add(Advance(step=int(dice.integers(0, (1 << bits) - 1)), bits=bits), "y", _vector(b, dice, dice.below(4)))


def _dithered(b: Builder, dice: Dice, extent: int) -> tuple[str, str, int]:
    """The operand of a requant and its phase, both from one input, and the bits of the phase."""
    pairs = 1 + bool(dice.below(2))
    u = _input(b, dice, pairs * extent + 1)
    width, signed = b.type(u).width or 0, b.type(u).signed
    phase = b.add(Slice(start=0, stop=1), "first", u)
    if signed:
        phase = b.add(Offset(value=Table.integer([1 << (width - 1)])), "phase", phase)
    x = b.add(Slice(start=1, stop=pairs * extent + 1), "rest", u)
    return b.add(Pair(), "z", x) if pairs == 2 else x, phase, dice.below(20, width)


def _requant(b: Builder, dice: Dice) -> None:
    extent = dice.below(5)
    phase: tuple[str, ...] = ()
    bits = 0
    if dice.below(2):
        x, *phase, bits = _dithered(b, dice, extent)
    else:
        x = _either(b, dice, extent)
    ends = np.sort(dice.integers(-200, 200, 2))
    b.add(
        Requant(
            phase_bits=bits,
            multiplier=dice.per_element(-300, 300, extent) if dice.below(2) else Table.integer(1),
            shift=dice.per_element(0, 20 if phase else 12, extent),
            low=dice.per_element(-500, int(ends[0]), extent),
            high=dice.per_element(int(ends[1]), 500, extent),
        ),
        "y",
        x,
        *phase,
    )


def _scale(b: Builder, dice: Dice) -> None:
    extent = dice.below(5)
    b.add(Scale(factor=dice.per_element(-99, 99, extent)), "y", _either(b, dice, extent))


def _offset(b: Builder, dice: Dice) -> None:
    extent = dice.below(5)
    b.add(Offset(value=dice.table(16, extent)), "y", _vector(b, dice, extent))


def _shift_left(b: Builder, dice: Dice) -> None:
    extent = dice.below(5)
    b.add(ShiftLeft(amount=dice.per_element(0, 20, extent)), "y", _either(b, dice, extent))


def _lut(b: Builder, dice: Dice) -> None:
    extent = dice.below(5)
    u = _input(b, dice, extent, 5)
    low, high = b.type(u).bounds
    first = Table.integer(low - dice.integers(0, 3, *((extent,) if dice.below(2) else ())))
    entries = high - low + 4
    rows = (extent, entries) if dice.below(2) else (entries,)
    b.add(Lut(entries=dice.table(9, *rows), first=first), "y", u)


def _normalize(b: Builder, dice: Dice) -> None:
    x = _vector(b, dice, dice.below(7, 1))
    b.add(Normalize(eps=dice.below(50), frac=dice.below(21), centred=dice.below(2)), "y", x)


def _constant(b: Builder, dice: Dice) -> None:
    _vector(b, dice, 1)
    b.add(Constant(value=dice.table(12, dice.below(5))), "y")


_MAKERS: dict[str, Callable[[Builder, Dice], Any]] = {
    "constant": _constant,
    "matvec": _matvec,
    "xbar": _xbar,
    "diag": _diag,
    "inject": _inject,
    "readout": _readout,
    "scale": _scale,
    "offset": _offset,
    "add": _add,
    "mul": _mul,
    "slice": _slice,
    "take": _take,
    "advance": _advance,
    "concat": _concat,
    "unpair": lambda b, dice: b.add(Unpair(), "y", _pairs(b, dice, dice.below(5))),
    "pair": lambda b, dice: b.add(Pair(), "y", _vector(b, dice, 2 * dice.below(5))),
    "requant": _requant,
    "shift_left": _shift_left,
    "lut": _lut,
    "normalize": _normalize,
}
