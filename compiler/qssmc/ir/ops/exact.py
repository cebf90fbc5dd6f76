"""Exact ops: sources, and arithmetic that loses nothing, on reals or on integers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.ops.op import (
    EVERY_STAGE,
    WIDEST_PHASE,
    Nature,
    Op,
    Precision,
    Still,
    Types,
    Widths,
    holding,
    kind,
    like,
    need,
    spread,
    vector,
)
from qssmc.ir.table import Table
from qssmc.ir.types import WIDEST, Type


class Source(Still):
    """Base of ops without operands."""

    arity = 0
    stages = EVERY_STAGE
    nature: ClassVar[Nature] = "source"
    analog = "digital"
    granularity = "channel"


class Exact(Op):
    """Base of ops that lose nothing, on reals as on integers."""

    stages = EVERY_STAGE
    nature = "exact"
    granularity = "channel"


@dataclass(frozen=True)
class Input(Source):
    """The samples of this step, (d_input,).

    On integers, a sample beyond the type's bounds becomes the nearest bound: the value of the op is the sample clamped.
    So each target defines what it does with every sample that its container (an int16_t, a word of a stream) can hold.
    """

    mnemonic = "input"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        return self.type


@dataclass(frozen=True)
class State(Source):
    """A value carried from step to step; zero at reset. The graph's updates name what it becomes."""

    mnemonic = "state"
    nature = "state"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        return self.type


@dataclass(frozen=True)
class Constant(Source):
    """A vector that never changes."""

    value: Table
    mnemonic = "constant"
    holds = holding(value="biases")

    def rule(self, operands: Types) -> Type:
        return Type(self.value.shape, None if self.value.is_real else WIDEST)


@dataclass(frozen=True)
class Matvec(Exact):
    """weight @ x + bias. weight: (out, in); bias: (out,)."""

    weight: Table
    bias: Table
    mnemonic = "matvec"
    analog = "product"
    holds = holding(weight="weights", bias="biases")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        kind(self.weight, x, "weight")
        kind(self.bias, x, "bias")
        need(len(self.weight.shape) == 2, f"weight must be a matrix, not {self.weight.shape}")
        need(self.weight.shape[1] == vector(x), f"weight is {self.weight.shape}, but the operand is {x}")
        need(self.bias.shape == self.weight.shape[:1], f"bias is {self.bias.shape}, weight is {self.weight.shape}")
        return like(x, self.weight.shape[:1])

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield bits.table(self.weight) * bits.operands[0]


@dataclass(frozen=True)
class Xbar(Exact):
    """One crossbar operation: weight @ x, every row driven and every column read at once. weight: (columns, rows)."""

    weight: Table
    mnemonic = "xbar"
    analog = "product"
    holds = holding(weight="weights")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        kind(self.weight, x, "weight")
        need(len(self.weight.shape) == 2, f"weight must be a matrix, not {self.weight.shape}")
        need(self.weight.shape[1] == vector(x), f"weight is {self.weight.shape}, but the operand is {x}")
        return like(x, self.weight.shape[:1])

    def products(self, bits: Precision) -> Iterable[Widths]:
        """Only weights other than 0 count: a cell that is not programmed multiplies nothing."""
        yield (bits.table(self.weight) * bits.operands[0])[self.weight.data != 0]


@dataclass(frozen=True)
class Diag(Exact):
    """lambda_bar * x for complex states. lambda_bar: (S, 2)."""

    lambda_bar: Table
    mnemonic = "diag"
    analog = "product"
    holds = holding(lambda_bar="poles")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        kind(self.lambda_bar, x, "lambda_bar")
        states = vector(x, complex_=True)
        need(self.lambda_bar.shape == (states, 2), f"lambda_bar is {self.lambda_bar.shape}, the operand is {x}")
        return like(x, (states,), True)

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield complex_products(bits.table(self.lambda_bar), bits.operands[0])


@dataclass(frozen=True)
class Inject(Exact):
    """b_bar * u: channels to complex states. Diagonal: b_bar (S, 2) and heads (S,); MIMO (S5): b_bar (S, H, 2)."""

    b_bar: Table
    heads: Table | None = None
    mnemonic = "inject"
    analog = "drive"
    holds = holding(b_bar="input weights", heads="head sizes")

    def rule(self, operands: Types) -> Type:
        (u,) = operands
        kind(self.b_bar, u, "b_bar")
        return like(u, (states_of(self.b_bar, self.heads, vector(u), matrix_axis=1),), True)

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield drive_products(bits, self.b_bar, self.heads)


@dataclass(frozen=True)
class Readout(Exact):
    """Re(sum_n c_n x_n): complex states to channels. Diagonal: c (S, 2) and heads (S,); MIMO (S5): c (H, S, 2)."""

    c: Table
    heads: Table | None = None
    channels: int = 0
    mnemonic = "readout"
    analog = "product"
    holds = holding(c="output weights", heads="head sizes")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        kind(self.c, x, "c")
        states = states_of(self.c, self.heads, self.channels, matrix_axis=0)
        need(states == vector(x, complex_=True), f"c holds {states} states, but the operand is {x}")
        return like(x, (self.channels,))

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield bits.table(self.c) * bits.operands[0][..., None]


def states_of(table: Table, heads: Table | None, channels: int, matrix_axis: int) -> int:
    """The number of states of an inject or readout table, checked against its channels."""
    if heads is None:
        need(len(table.shape) == 3 and table.shape[2] == 2, f"a MIMO table must be a complex matrix, not {table.shape}")
        need(table.shape[matrix_axis] == channels, f"table {table.shape} does not fit {channels} channels")
        return table.shape[1 - matrix_axis]
    need(len(table.shape) == 2 and table.shape[1] == 2, f"table must be (states, 2), not {table.shape}")
    need(heads.shape == table.shape[:1], f"heads is {heads.shape}, the table is {table.shape}")
    need(not heads.is_real, "heads must be integers")
    owner = heads.data
    need(not owner.size or (owner.min() >= 0 and owner.max() < channels), f"heads must lie in 0..{channels - 1}")
    return table.shape[0]


def complex_products(table: Widths, operand: Widths) -> Widths:
    """Bits times bits of a complex product an element, which takes four real ones. table: (S, 2); operand: (S,)."""
    return np.tile(table * operand[:, None], 2)


def drive_products(bits: Precision, weights: Table, heads: Table | None) -> Widths:
    """Bits times bits of the input of complex states; an im that is 0 for all states is not multiplied.

    The float model's b_bar is b divided by a complex pole, so it is complex whatever b is.
    """
    u = bits.operands[0] if heads is None else bits.operands[0][heads.data]
    planes = [lane for lane in (0, 1) if bits.real or weights.data[..., lane].any()]
    return np.asarray(bits.table(weights)[..., planes] * u[..., None])


@dataclass(frozen=True)
class Scale(Exact):
    """factor * x, element by element; factor is a scalar or (H,) and applies to re and im alike."""

    factor: Table
    mnemonic = "scale"
    analog = "sum"
    holds = holding(factor="factors")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        kind(self.factor, x, "factor")
        spread(self.factor, x, "factor")
        return like(x, x.shape, x.complex)

    def products(self, bits: Precision) -> Iterable[Widths]:
        factor = np.broadcast_to(bits.table(self.factor), self.type.shape)
        yield np.tile(factor * bits.operands[0], 2 if self.type.complex else 1)


@dataclass(frozen=True)
class Offset(Still, Exact):
    """x + value, element by element; value is (H,)."""

    value: Table
    mnemonic = "offset"
    analog = "sum"
    holds = holding(value="biases")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        kind(self.value, x, "value")
        need(self.value.shape == (vector(x),), f"value is {self.value.shape}, but the operand is {x}")
        return like(x, x.shape)


@dataclass(frozen=True)
class Add(Still, Exact):
    """The sum of two or more values of one shape; in the integer stage all lie on one binary point."""

    mnemonic = "add"
    arity = None
    analog = "sum"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        need(len(operands) >= 2, "add needs two operands or more")
        first = operands[0]
        for other in operands[1:]:
            same = (other.shape, other.complex, other.is_real) == (first.shape, first.complex, first.is_real)
            need(same, f"operands disagree: {first} and {other}")
        return like(first, first.shape, first.complex)


@dataclass(frozen=True)
class Mul(Exact):
    """The product of two real-valued vectors, element by element."""

    mnemonic = "mul"
    arity = 2
    analog = "digital"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        a, b = operands
        need(vector(a) == vector(b) and a.is_real == b.is_real, f"operands disagree: {a} and {b}")
        return like(a, a.shape)

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield bits.operands[0] * bits.operands[1]


class Move(Still, Exact):
    """Base of ops that put elements elsewhere and compute nothing."""

    analog = "move"

    def moved(self, *operands: NDArray[Any]) -> NDArray[Any]:
        """The op's array from its operands' arrays, each of the array shape of its value: (extent,) or (extent, 2)."""
        raise NotImplementedError

    def noted(self, *operands: NDArray[Any]) -> NDArray[Any]:
        """What is noted of each element, (extent,) with one number for re and im, as the elements stand after the move.

        Where re and im come from two elements, the larger of their numbers counts.
        """
        return self.moved(*operands)


@dataclass(frozen=True)
class Slice(Move):
    """Elements start..stop-1 of a vector."""

    start: int
    stop: int
    mnemonic = "slice"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        extent = x.shape[0] if len(x.shape) == 1 else -1
        need(0 <= self.start <= self.stop <= extent, f"slice {self.start}..{self.stop} of {x}")
        return like(x, (self.stop - self.start,), x.complex)

    def moved(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return operands[0][self.start : self.stop]


@dataclass(frozen=True)
class Take(Move):
    """The elements of a vector at indices, (K,), in that order: channels that are left where whole heads are gone."""

    indices: Table
    mnemonic = "take"
    holds = holding(indices="chosen channels")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(len(x.shape) == 1, f"operand must be a vector, not {x}")
        need(not self.indices.is_real, "indices must be integers")
        need(len(self.indices.shape) == 1 and self.indices.shape[0] >= 1, f"indices is {self.indices.shape}")
        chosen, extent = self.indices.data, x.shape[0]
        need(bool((chosen >= 0).all() and (chosen < extent).all()), f"indices must lie in 0..{extent - 1}")
        return like(x, self.indices.shape, x.complex)

    def moved(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(operands[0][self.indices.data])


@dataclass(frozen=True)
class Concat(Move):
    """Vectors one after another."""

    mnemonic = "concat"
    arity = None
    holds = holding()

    def rule(self, operands: Types) -> Type:
        need(len(operands) >= 1, "concat needs an operand")
        first = operands[0]
        for other in operands:
            same = len(other.shape) == 1 and (other.complex, other.is_real) == (first.complex, first.is_real)
            need(same, f"operands disagree: {first} and {other}")
        return like(first, (sum(other.shape[0] for other in operands),), first.complex)

    def moved(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate(operands)


@dataclass(frozen=True)
class Unpair(Move):
    """Complex (S,) to real (2S,): all re, then all im, the two lanes of a crossbar."""

    mnemonic = "unpair"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        return like(x, (2 * vector(x, complex_=True),))

    def moved(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([operands[0][:, 0], operands[0][:, 1]])

    def noted(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return np.tile(operands[0], 2)


@dataclass(frozen=True)
class Pair(Move):
    """Real (2S,), all re then all im, to complex (S,)."""

    mnemonic = "pair"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(vector(x) % 2 == 0, f"operand must have an even extent, not {x}")
        return like(x, (x.shape[0] // 2,), True)

    def moved(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return np.stack(np.split(operands[0], 2), axis=-1)

    def noted(self, *operands: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.maximum(*np.split(operands[0], 2)))


@dataclass(frozen=True)
class Advance(Still, Exact):
    """(x + step) mod 2^bits: a phase that counts. Real stages see it in units of 2^-bits: (x + step 2^-bits) mod 1."""

    step: int
    bits: int
    mnemonic = "advance"
    analog = "digital"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(1 <= self.bits <= WIDEST_PHASE, f"bits must be 1 to {WIDEST_PHASE}, not {self.bits}")
        need(0 <= self.step < 1 << self.bits, f"step must lie in 0..{(1 << self.bits) - 1}, not {self.step}")
        return like(x, (vector(x),))
