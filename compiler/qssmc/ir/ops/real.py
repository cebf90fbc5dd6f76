"""Real ops: those of the stages before integers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qssmc.ir.ops.exact import Exact, complex_products, drive_products, states_of
from qssmc.ir.ops.op import (
    REAL_STAGES,
    Method,
    Op,
    Precision,
    Still,
    Types,
    Widths,
    holding,
    like,
    need,
    rounding_phase,
    spread,
    vector,
)
from qssmc.ir.table import Table
from qssmc.ir.types import Type


@dataclass(frozen=True)
class Decay(Exact):
    """The state transition of a continuous diagonal SSM over one step: disc(a, dt) * x. a: (S, 2); dt: (S,)."""

    a: Table
    dt: Table
    method: Method
    mnemonic = "decay"
    stages = ("float",)
    analog = "product"
    holds = holding(a="poles", dt="step lengths")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        states = vector(x, complex_=True)
        need(x.is_real, "decay exists in the real stages only")
        need(self.a.shape == (states, 2) and self.dt.shape == (states,), f"a is {self.a.shape}, dt {self.dt.shape}")
        return like(x, (states,), True)

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield complex_products(bits.table(self.a), bits.operands[0])


@dataclass(frozen=True)
class Drive(Exact):
    """The input of a continuous diagonal SSM over one step: disc(a, b, dt) * u, with b as in Inject."""

    a: Table
    b: Table
    dt: Table
    method: Method
    heads: Table | None = None
    mnemonic = "drive"
    stages = ("float",)
    analog = "drive"
    holds = holding(a="poles", b="input weights", dt="step lengths", heads="head sizes")

    def rule(self, operands: Types) -> Type:
        (u,) = operands
        need(u.is_real, "drive exists in the real stages only")
        states = states_of(self.b, self.heads, vector(u), matrix_axis=1)
        need(self.a.shape == (states, 2) and self.dt.shape == (states,), f"a is {self.a.shape}, dt {self.dt.shape}")
        return like(u, (states,), True)

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield drive_products(bits, self.b, self.heads)


@dataclass(frozen=True)
class Activation(Still):
    """A nonlinearity of one variable, one of ACTIVATIONS."""

    kind: str
    mnemonic = "activation"
    stages = REAL_STAGES
    nature = "nonlinear"
    analog = "digital"
    granularity = "table"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(self.kind in ACTIVATIONS, f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.kind}")
        need(x.is_real, "activation exists in the real stages only")
        return like(x, (vector(x),))


ACTIVATIONS = ("exp", "gelu", "gelu_tanh", "qgelu", "relu", "rsqrt", "silu", "sigmoid", "softplus", "tanh")


@dataclass(frozen=True)
class Glu(Op):
    """Gated linear unit: the first half times the sigmoid of the second."""

    mnemonic = "glu"
    stages = ("float",)
    nature = "nonlinear"
    analog = "digital"
    granularity = "channel"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        need(x.is_real and vector(x) % 2 == 0, f"glu needs a real operand of even extent, not {x}")
        return like(x, (x.shape[0] // 2,))

    def products(self, bits: Precision) -> Iterable[Widths]:
        half = self.type.shape[0]
        yield bits.operands[0][:half] * bits.operands[0][half:]


class Norm(Op):
    """Base of norms over the channels of one step, which compare channels, so that these share a scale."""

    stages = REAL_STAGES
    nature = "nonlinear"
    analog = "digital"
    granularity = "shared"

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield np.tile(bits.operands[0] ** 2, 3)  # squares, 1 / root, gamma


@dataclass(frozen=True)
class LayerNorm(Norm):
    """(x - mean) / sqrt(variance + eps) * gamma + beta over the channels of one step."""

    gamma: Table
    beta: Table
    eps: float
    mnemonic = "layernorm"
    holds = holding(gamma="factors", beta="biases")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        shape = (vector(x),)
        need(x.is_real and self.gamma.shape == shape and self.beta.shape == shape, f"gamma is {self.gamma.shape}")
        return like(x, shape)


@dataclass(frozen=True)
class RMSNorm(Norm):
    """x / sqrt(mean(x^2) + eps) * gamma over the channels of one step (Zhang and Sennrich, arXiv 1910.07467)."""

    gamma: Table
    eps: float
    mnemonic = "rmsnorm"
    holds = holding(gamma="factors")

    def rule(self, operands: Types) -> Type:
        (x,) = operands
        shape = (vector(x),)
        need(x.is_real and self.gamma.shape == shape, f"gamma is {self.gamma.shape}, the operand is {x}")
        return like(x, shape)


@dataclass(frozen=True)
class Divide(Still):
    """x / count, where count is a (1,) value: the mean over the steps so far."""

    mnemonic = "divide"
    arity = 2
    stages = REAL_STAGES
    nature = "nonlinear"
    analog = "digital"
    granularity = "channel"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        x, count = operands
        need(x.is_real and count.is_real and count.shape == (1,), f"divide needs real operands, not {x} and {count}")
        return like(x, (vector(x),))


@dataclass(frozen=True)
class Cast(Still):
    """Rounding onto a grid, still as real numbers: scale * clamp(floor(x / scale + 1/2), low, high).

    The quantised stage's picture of a requant. In the stages before, it is a quantiser that the model was trained with:
    no pass changes it. scale, low, high and even are scalars or one an element, shared by re and im. even: 1 where a
    value half-way between two levels goes to the even one, as IEEE 754, torch and ONNX round; 0, or no table: to the
    upper one. With a second operand, a phase in 0 <= p < 1 that serves all elements, p stands for the 1/2: dithered
    rounding, which has no half-way.
    """

    scale: Table
    low: Table
    high: Table
    even: Table | None = None
    mnemonic = "cast"
    optional = 1
    stages = REAL_STAGES
    nature = "rounding"
    analog = "digital"
    granularity = "channel"
    holds = holding(scale="scales", low="clamps", high="clamps", even="clamps")

    def rule(self, operands: Types) -> Type:
        x = operands[0]
        need(x.is_real, "cast exists in the real stages only")
        need(not rounding_phase(operands) or self.even is None, "dithered rounding has no ties")
        for what in self.tables():
            spread(getattr(self, what), x, what)
        return like(x, x.shape, x.complex)
