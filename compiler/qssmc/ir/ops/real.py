"""Real ops: those of the stages before integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qssmc.ir.ops.exact import states_of
from qssmc.ir.ops.op import Method, Op, Types, like, need, rounding_phase, spread, vector
from qssmc.ir.table import Table
from qssmc.ir.types import Type


@dataclass(frozen=True)
class Decay(Op):
    """The state transition of a continuous diagonal SSM over one step: disc(a, dt) * x. a: (S, 2); dt: (S,)."""

    a: Table
    dt: Table
    method: Method
    mnemonic: ClassVar[str] = "decay"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        states = vector(x, complex_=True)
        need(x.is_real, "decay exists in the real stages only")
        need(self.a.shape == (states, 2) and self.dt.shape == (states,), f"a is {self.a.shape}, dt {self.dt.shape}")
        return like(x, (states,), True)


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
        need(u.is_real, "drive exists in the real stages only")
        states = states_of(self.b, self.heads, vector(u), matrix_axis=1)
        need(self.a.shape == (states, 2) and self.dt.shape == (states,), f"a is {self.a.shape}, dt {self.dt.shape}")
        return like(u, (states,), True)


@dataclass(frozen=True)
class Activation(Op):
    """A nonlinearity of one variable: gelu, qgelu, relu, silu, sigmoid or tanh."""

    kind: str
    mnemonic: ClassVar[str] = "activation"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(self.kind in ACTIVATIONS, f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.kind}")
        need(x.is_real, "activation exists in the real stages only")
        return like(x, (vector(x),))


ACTIVATIONS = ("gelu", "gelu_tanh", "qgelu", "relu", "silu", "sigmoid", "tanh")


@dataclass(frozen=True)
class Glu(Op):
    """Gated linear unit: the first half times the sigmoid of the second."""

    mnemonic: ClassVar[str] = "glu"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(x.is_real and vector(x) % 2 == 0, f"glu needs a real operand of even extent, not {x}")
        return like(x, (x.shape[0] // 2,))


@dataclass(frozen=True)
class LayerNorm(Op):
    """(x - mean) / sqrt(variance + eps) * gamma + beta over the channels of one step."""

    gamma: Table
    beta: Table
    eps: float
    mnemonic: ClassVar[str] = "layernorm"

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        shape = (vector(x),)
        need(x.is_real and self.gamma.shape == shape and self.beta.shape == shape, f"gamma is {self.gamma.shape}")
        return like(x, shape)


@dataclass(frozen=True)
class Divide(Op):
    """x / count, where count is a (1,) value: the mean over the steps so far."""

    mnemonic: ClassVar[str] = "divide"
    arity: ClassVar[int | None] = 2

    def rule(self, operands: Types) -> Type:
        x, count = operands
        need(x.is_real and count.is_real and count.shape == (1,), f"divide needs real operands, not {x} and {count}")
        return like(x, (vector(x),))


@dataclass(frozen=True)
class Cast(Op):
    """Rounding onto a grid, still as real numbers: scale * clamp(floor(x / scale + 1/2), low, high).

    The quantised stage's picture of a requant. scale, low and high are scalars or one an element, shared by re and im.
    With a second operand, a phase in 0 <= p < 1 that serves all elements, p stands for the 1/2: dithered rounding.
    """

    scale: Table
    low: Table
    high: Table
    mnemonic: ClassVar[str] = "cast"
    optional: ClassVar[int] = 1

    def rule(self, operands: Types) -> Type:
        x = operands[0]
        need(x.is_real, "cast exists in the real stages only")
        rounding_phase(operands)
        for what in ("scale", "low", "high"):
            spread(getattr(self, what), x, what)
        return like(x, x.shape, x.complex)
