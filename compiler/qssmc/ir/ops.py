"""The ops: one frozen dataclass each, with its type rule; an op is the one value it produces.

Shapes: a vector value is (H,) over channels or (S,) over the complex states of all heads, in head order, where
`heads[s]` names the channel that state s belongs to, so heads may be ragged or empty. Complex values and tables are
pairs (re, im) in a last axis. `rule` returns the type an op must have, up to the integer width, which the range
proof sets; it raises TypeFault where operands do not fit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from qssmc.ir.table import Table
from qssmc.ir.types import WIDEST, Type

Method = Literal["zoh", "bilinear"]
Types = tuple[Type, ...]


class TypeFault(ValueError):
    """Operands or attributes of an op that do not fit."""


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise TypeFault(message)


def _vector(type_: Type, *, complex_: bool = False) -> int:
    _need(len(type_.shape) == 1, f"operand must be a vector, not {type_}")
    _need(type_.complex == complex_, f"operand must {'' if complex_ else 'not '}be complex, but is {type_}")
    return type_.shape[0]


def _like(operand: Type, shape: tuple[int, ...], complex_: bool = False) -> Type:
    return Type(shape, None if operand.is_real else WIDEST, True, complex_)


def _spread(table: Table, type_: Type, what: str) -> None:
    """A per-element table must be a scalar or match the vector; it is shared by re and im."""
    _need(table.shape in ((), type_.shape), f"{what} has shape {table.shape}, but the operand is {type_}")


def _kind(table: Table, type_: Type, what: str) -> None:
    _need(table.is_real == type_.is_real, f"{what} is {'real' if table.is_real else 'integer'}, the operand is {type_}")


@dataclass(frozen=True)
class Op:
    """One value: its name, type, the names of its operands, and the path in the source model that it comes from."""

    name: str
    type: Type
    inputs: tuple[str, ...]
    origin: str

    mnemonic: ClassVar[str] = ""
    arity: ClassVar[int | None] = 1

    def rule(self, operands: Types) -> Type:
        """The type that the operands and attributes give, with the widest integer element."""
        raise TypeFault(f"{self.mnemonic} has no type rule")

    def tables(self) -> dict[str, Table]:
        """The op's constant arrays by attribute name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, Table)}


# --- sources ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Input(Op):
    """The samples of this step, (d_input,)."""

    mnemonic: ClassVar[str] = "input"
    arity: ClassVar[int | None] = 0

    def rule(self, operands: Types) -> Type:
        return self.type


@dataclass(frozen=True)
class State(Op):
    """A value carried from step to step; zero at reset. The graph's updates name what it becomes."""

    mnemonic: ClassVar[str] = "state"
    arity: ClassVar[int | None] = 0

    def rule(self, operands: Types) -> Type:
        return self.type


@dataclass(frozen=True)
class Constant(Op):
    """A vector that never changes."""

    value: Table
    mnemonic: ClassVar[str] = "constant"
    arity: ClassVar[int | None] = 0

    def rule(self, operands: Types) -> Type:
        return Type(self.value.shape, None if self.value.is_real else WIDEST)


# --- exact arithmetic, real or integer -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Matvec(Op):
    """weight @ x + bias. weight: (out, in); bias: (out,)."""

    weight: Table
    bias: Table
    mnemonic: ClassVar[str] = "matvec"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _kind(self.weight, x, "weight")
        _kind(self.bias, x, "bias")
        _need(len(self.weight.shape) == 2, f"weight must be a matrix, not {self.weight.shape}")
        _need(self.weight.shape[1] == _vector(x), f"weight is {self.weight.shape}, but the operand is {x}")
        _need(self.bias.shape == self.weight.shape[:1], f"bias is {self.bias.shape}, weight is {self.weight.shape}")
        return _like(x, self.weight.shape[:1])


@dataclass(frozen=True)
class Xbar(Op):
    """One crossbar operation: weight @ x, every row driven and every column read at once. weight: (columns, rows)."""

    weight: Table
    mnemonic: ClassVar[str] = "xbar"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _kind(self.weight, x, "weight")
        _need(len(self.weight.shape) == 2, f"weight must be a matrix, not {self.weight.shape}")
        _need(self.weight.shape[1] == _vector(x), f"weight is {self.weight.shape}, but the operand is {x}")
        return _like(x, self.weight.shape[:1])


@dataclass(frozen=True)
class Diag(Op):
    """lambda_bar * x for complex states. lambda_bar: (S, 2)."""

    lambda_bar: Table
    mnemonic: ClassVar[str] = "diag"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _kind(self.lambda_bar, x, "lambda_bar")
        states = _vector(x, complex_=True)
        _need(self.lambda_bar.shape == (states, 2), f"lambda_bar is {self.lambda_bar.shape}, the operand is {x}")
        return _like(x, (states,), True)


@dataclass(frozen=True)
class Inject(Op):
    """b_bar * u: channels to complex states. Diagonal: b_bar (S, 2) and heads (S,); MIMO (S5): b_bar (S, H, 2)."""

    b_bar: Table
    heads: Table | None = None
    mnemonic: ClassVar[str] = "inject"

    def rule(self, operands: Types) -> Type:
        (u,) = operands
        _kind(self.b_bar, u, "b_bar")
        return _like(u, (_states(self.b_bar, self.heads, _vector(u), matrix_axis=1),), True)


@dataclass(frozen=True)
class Readout(Op):
    """Re(sum_n c_n x_n): complex states to channels. Diagonal: c (S, 2) and heads (S,); MIMO (S5): c (H, S, 2)."""

    c: Table
    heads: Table | None = None
    channels: int = 0
    mnemonic: ClassVar[str] = "readout"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _kind(self.c, x, "c")
        states = _states(self.c, self.heads, self.channels, matrix_axis=0)
        _need(states == _vector(x, complex_=True), f"c holds {states} states, but the operand is {x}")
        return _like(x, (self.channels,))


def _states(table: Table, heads: Table | None, channels: int, matrix_axis: int) -> int:
    """The number of states of an inject or readout table, checked against its channels."""
    if heads is None:
        _need(
            len(table.shape) == 3 and table.shape[2] == 2, f"a MIMO table must be a complex matrix, not {table.shape}"
        )
        _need(table.shape[matrix_axis] == channels, f"table {table.shape} does not fit {channels} channels")
        return table.shape[1 - matrix_axis]
    _need(len(table.shape) == 2 and table.shape[1] == 2, f"table must be (states, 2), not {table.shape}")
    _need(heads.shape == table.shape[:1], f"heads is {heads.shape}, the table is {table.shape}")
    _need(not heads.is_real, "heads must be integers")
    owner = heads.data
    _need(not owner.size or (owner.min() >= 0 and owner.max() < channels), f"heads must lie in 0..{channels - 1}")
    return table.shape[0]


@dataclass(frozen=True)
class Scale(Op):
    """factor * x, element by element; factor is a scalar or (H,) and applies to re and im alike."""

    factor: Table
    mnemonic: ClassVar[str] = "scale"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _kind(self.factor, x, "factor")
        _spread(self.factor, x, "factor")
        return _like(x, x.shape, x.complex)


@dataclass(frozen=True)
class Offset(Op):
    """x + value, element by element; value is (H,)."""

    value: Table
    mnemonic: ClassVar[str] = "offset"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _kind(self.value, x, "value")
        _need(self.value.shape == (_vector(x),), f"value is {self.value.shape}, but the operand is {x}")
        return _like(x, x.shape)


@dataclass(frozen=True)
class Add(Op):
    """The sum of two or more values of one shape; in the integer stage all lie on one binary point."""

    mnemonic: ClassVar[str] = "add"
    arity: ClassVar[int | None] = None

    def rule(self, operands: Types) -> Type:
        _need(len(operands) >= 2, "add needs two operands or more")
        first = operands[0]
        for other in operands[1:]:
            same = (other.shape, other.complex, other.is_real) == (first.shape, first.complex, first.is_real)
            _need(same, f"operands disagree: {first} and {other}")
        return _like(first, first.shape, first.complex)


@dataclass(frozen=True)
class Mul(Op):
    """The product of two real-valued vectors, element by element."""

    mnemonic: ClassVar[str] = "mul"
    arity: ClassVar[int | None] = 2

    def rule(self, operands: Types) -> Type:
        a, b = operands
        _need(_vector(a) == _vector(b) and a.is_real == b.is_real, f"operands disagree: {a} and {b}")
        return _like(a, a.shape)


@dataclass(frozen=True)
class Slice(Op):
    """Elements start..stop-1 of a vector."""

    start: int
    stop: int
    mnemonic: ClassVar[str] = "slice"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        extent = x.shape[0] if len(x.shape) == 1 else -1
        _need(0 <= self.start <= self.stop <= extent, f"slice {self.start}..{self.stop} of {x}")
        return _like(x, (self.stop - self.start,), x.complex)


@dataclass(frozen=True)
class Concat(Op):
    """Vectors one after another."""

    mnemonic: ClassVar[str] = "concat"
    arity: ClassVar[int | None] = None

    def rule(self, operands: Types) -> Type:
        _need(len(operands) >= 1, "concat needs an operand")
        first = operands[0]
        for other in operands:
            same = len(other.shape) == 1 and (other.complex, other.is_real) == (first.complex, first.is_real)
            _need(same, f"operands disagree: {first} and {other}")
        return _like(first, (sum(other.shape[0] for other in operands),), first.complex)


@dataclass(frozen=True)
class Unpair(Op):
    """Complex (S,) to real (2S,): all re, then all im, the two lanes of a crossbar."""

    mnemonic: ClassVar[str] = "unpair"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        return _like(x, (2 * _vector(x, complex_=True),))


@dataclass(frozen=True)
class Pair(Op):
    """Real (2S,), all re then all im, to complex (S,)."""

    mnemonic: ClassVar[str] = "pair"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(_vector(x) % 2 == 0, f"operand must have an even extent, not {x}")
        return _like(x, (x.shape[0] // 2,), True)


# --- real stages only ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decay(Op):
    """The state transition of a continuous diagonal SSM over one step: disc(a, dt) * x. a: (S, 2); dt: (S,)."""

    a: Table
    dt: Table
    method: Method
    mnemonic: ClassVar[str] = "decay"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        states = _vector(x, complex_=True)
        _need(x.is_real, "decay exists in the real stages only")
        _need(self.a.shape == (states, 2) and self.dt.shape == (states,), f"a is {self.a.shape}, dt {self.dt.shape}")
        return _like(x, (states,), True)


@dataclass(frozen=True)
class Drive(Op):
    """The input of a continuous diagonal SSM over one step: disc(a, b, dt) * u, with b as in Inject."""

    a: Table
    b: Table
    dt: Table
    method: Method
    heads: Table | None = None
    mnemonic: ClassVar[str] = "drive"

    def rule(self, operands: Types) -> Type:
        (u,) = operands
        _need(u.is_real, "drive exists in the real stages only")
        states = _states(self.b, self.heads, _vector(u), matrix_axis=1)
        _need(self.a.shape == (states, 2) and self.dt.shape == (states,), f"a is {self.a.shape}, dt {self.dt.shape}")
        return _like(u, (states,), True)


@dataclass(frozen=True)
class Activation(Op):
    """A nonlinearity of one variable: gelu, qgelu, relu, silu, sigmoid or tanh."""

    kind: str
    mnemonic: ClassVar[str] = "activation"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(self.kind in ACTIVATIONS, f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.kind}")
        _need(x.is_real, "activation exists in the real stages only")
        return _like(x, (_vector(x),))


ACTIVATIONS = ("gelu", "gelu_tanh", "qgelu", "relu", "silu", "sigmoid", "tanh")


@dataclass(frozen=True)
class Glu(Op):
    """Gated linear unit: the first half times the sigmoid of the second."""

    mnemonic: ClassVar[str] = "glu"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(x.is_real and _vector(x) % 2 == 0, f"glu needs a real operand of even extent, not {x}")
        return _like(x, (x.shape[0] // 2,))


@dataclass(frozen=True)
class LayerNorm(Op):
    """(x - mean) / sqrt(variance + eps) * gamma + beta over the channels of one step."""

    gamma: Table
    beta: Table
    eps: float
    mnemonic: ClassVar[str] = "layernorm"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        shape = (_vector(x),)
        _need(x.is_real and self.gamma.shape == shape and self.beta.shape == shape, f"gamma is {self.gamma.shape}")
        return _like(x, shape)


@dataclass(frozen=True)
class Divide(Op):
    """x / count, where count is a (1,) value: the mean over the steps so far."""

    mnemonic: ClassVar[str] = "divide"
    arity: ClassVar[int | None] = 2

    def rule(self, operands: Types) -> Type:
        x, count = operands
        _need(x.is_real and count.is_real and count.shape == (1,), f"divide needs real operands, not {x} and {count}")
        return _like(x, (_vector(x),))


@dataclass(frozen=True)
class Cast(Op):
    """Rounding onto a grid, still as real numbers: scale * clamp(floor(x / scale + 1/2), low, high).

    The quantised stage's picture of a requant. scale, low and high are scalars or one an element, shared by re and im.
    """

    scale: Table
    low: Table
    high: Table
    mnemonic: ClassVar[str] = "cast"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(x.is_real, "cast exists in the real stages only")
        for what in ("scale", "low", "high"):
            _spread(getattr(self, what), x, what)
        return _like(x, x.shape, x.complex)


# --- integer stage only ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Requant(Op):
    """clamp(floor((x * multiplier + 2^(shift-1)) / 2^shift), low, high): the only op that loses bits.

    All tables are scalars or one an element, shared by re and im; the rounding term is 0 where shift is 0.
    """

    multiplier: Table
    shift: Table
    low: Table
    high: Table
    mnemonic: ClassVar[str] = "requant"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(not x.is_real, "requant exists in the integer stage only")
        for what in ("multiplier", "shift", "low", "high"):
            _spread(getattr(self, what), x, what)
            _kind(getattr(self, what), x, what)
        _need(bool(((self.shift.data >= 0) & (self.shift.data < WIDEST - 1)).all()), "shift must lie in 0..62")
        _need(bool((self.low.data <= self.high.data).all()), "low must not exceed high")
        return _like(x, x.shape, x.complex)


@dataclass(frozen=True)
class ShiftLeft(Op):
    """x * 2^amount, exact. amount is a scalar or one an element, shared by re and im."""

    amount: Table
    mnemonic: ClassVar[str] = "shift_left"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(not x.is_real, "shift_left exists in the integer stage only")
        _spread(self.amount, x, "amount")
        _kind(self.amount, x, "amount")
        _need(bool(((self.amount.data >= 0) & (self.amount.data < WIDEST - 1)).all()), "amount must lie in 0..62")
        return _like(x, x.shape, x.complex)


@dataclass(frozen=True)
class Lut(Op):
    """entries[x - first]: a nonlinearity of one bounded value. entries: (T,) shared, or (H, T); first: (), or (H,)."""

    entries: Table
    first: Table
    mnemonic: ClassVar[str] = "lut"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(not x.is_real, "lut exists in the integer stage only")
        extent = _vector(x)
        _kind(self.entries, x, "entries")
        _kind(self.first, x, "first")
        shared = len(self.entries.shape) == 1
        _need(shared or (len(self.entries.shape) == 2 and self.entries.shape[0] == extent), "entries do not fit")
        _need(self.first.shape in ((), (extent,)), f"first is {self.first.shape}, but the operand is {x}")
        return _like(x, (extent,))


@dataclass(frozen=True)
class Normalize(Op):
    """The integer core of LayerNorm: with n elements, sum s and v = n * sum(x^2) - s^2 + eps (all exact integers),
    (n * x - s) * floor(2^frac / max(1, isqrt(v))). Its value is (x - mean) / std on a grid of about 2^-frac.
    """

    eps: int
    frac: int
    mnemonic: ClassVar[str] = "normalize"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        _need(not x.is_real, "normalize exists in the integer stage only")
        _need(self.eps >= 0 and 0 <= self.frac <= 30, "eps must not be negative, frac must be 0 to 30")
        return _like(x, (_vector(x),))


OPS: tuple[type[Op], ...] = (
    Input,
    State,
    Constant,
    Matvec,
    Xbar,
    Diag,
    Inject,
    Readout,
    Scale,
    Offset,
    Add,
    Mul,
    Slice,
    Concat,
    Unpair,
    Pair,
    Decay,
    Drive,
    Activation,
    Glu,
    LayerNorm,
    Divide,
    Cast,
    Requant,
    ShiftLeft,
    Lut,
    Normalize,
)
BY_MNEMONIC = {op.mnemonic: op for op in OPS}

_EXACT = (
    Input,
    State,
    Constant,
    Matvec,
    Xbar,
    Diag,
    Inject,
    Readout,
    Scale,
    Offset,
    Add,
    Mul,
    Slice,
    Concat,
    Unpair,
    Pair,
)
_REAL = (Activation, LayerNorm, Divide)
# The stages in order, each with the ops it allows.
STAGES: dict[str, tuple[type[Op], ...]] = {
    "float": (*_EXACT, *_REAL, Glu, Decay, Drive),
    "discrete": (*_EXACT, *_REAL),
    "quantised": (*_EXACT, *_REAL, Cast),
    "integer": (*_EXACT, Requant, ShiftLeft, Lut, Normalize),
}
