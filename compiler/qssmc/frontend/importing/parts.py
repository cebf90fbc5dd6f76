"""Parts: what models are put together from, each as a function of whole sequences and as IR ops."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.frontend.layers.system import System
from qssmc.frontend.op_maker import mean_of
from qssmc.ir.activation import apply_activation
from qssmc.ir.build import Builder
from qssmc.ir.ops import Activation, Add, Glu, LayerNorm, Matvec, Mul, Offset, RMSNorm, Scale
from qssmc.ir.table import Table
from qssmc.ir.types import Type

Real = NDArray[np.float64]


class ModelPart(ABC):
    """A part of a model, with the name of the module that its weights come from."""

    origin: str

    @abstractmethod
    def run(self, x: Real) -> Real:
        """What it makes of sequences (batch, length, channels), in float64."""

    @abstractmethod
    def build(self, b: Builder, x: str) -> str:
        """Its IR ops on a value of one step."""

    def name(self, b: Builder, what: str = "") -> str:
        """A fresh name for a value."""
        stem = self.origin.replace(".", "_").replace("-", "_") or "model"
        stem = f"{stem}_{what}" if what else stem
        return b.fresh(stem if stem[0].isalpha() else f"m{stem}")


@dataclass(frozen=True)
class Affine(ModelPart):
    """weight x + bias over the channels; weight: (outputs, inputs)."""

    origin: str
    weight: Real
    bias: Real

    def run(self, x: Real) -> Real:
        return x @ self.weight.T + self.bias

    def build(self, b: Builder, x: str) -> str:
        op = Matvec(weight=Table.real(self.weight), bias=Table.real(self.bias))
        return b.add(op, self.name(b), x, origin=self.origin)


@dataclass(frozen=True)
class Scaled(ModelPart):
    """factor x + offset, channel by channel, as batch norm is after training."""

    origin: str
    factor: Real
    offset: Real

    def run(self, x: Real) -> Real:
        return x * self.factor + self.offset

    def build(self, b: Builder, x: str) -> str:
        x = b.add(Scale(factor=Table.real(self.factor)), self.name(b, "scaled"), x, origin=self.origin)
        return b.add(Offset(value=Table.real(self.offset)), self.name(b), x, origin=self.origin)


@dataclass(frozen=True)
class Curve(ModelPart):
    """An activation by its name in the IR."""

    origin: str
    kind: str

    def run(self, x: Real) -> Real:
        return apply_activation(self.kind, x)

    def build(self, b: Builder, x: str) -> str:
        return b.add(Activation(kind=self.kind), self.name(b, self.kind), x, origin=self.origin)


@dataclass(frozen=True)
class Gate(ModelPart):
    """Gated linear unit: the first half times the sigmoid of the second."""

    origin: str

    def run(self, x: Real) -> Real:
        half = x.shape[-1] // 2
        return x[..., :half] * apply_activation("sigmoid", x[..., half:])

    def build(self, b: Builder, x: str) -> str:
        return b.add(Glu(), self.name(b, "glu"), x, origin=self.origin)


@dataclass(frozen=True)
class Gated(ModelPart):
    """What some parts make, times the sigmoid of what others make of the same operand."""

    origin: str
    value: tuple[ModelPart, ...]
    gate: tuple[ModelPart, ...]

    def run(self, x: Real) -> Real:
        return run_all(self.value, x) * apply_activation("sigmoid", run_all(self.gate, x))

    def build(self, b: Builder, x: str) -> str:
        value, gate = build_all(self.value, b, x), build_all(self.gate, b, x)
        gate = b.add(Activation(kind="sigmoid"), self.name(b, "gate"), gate, origin=self.origin)
        return b.add(Mul(), self.name(b, "gated"), value, gate, origin=self.origin)


@dataclass(frozen=True)
class Centred(ModelPart):
    """Layer norm over the channels of one step."""

    origin: str
    gamma: Real
    beta: Real
    eps: float

    def run(self, x: Real) -> Real:
        x = x - x.mean(axis=-1, keepdims=True)
        return np.asarray(x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.eps) * self.gamma + self.beta)

    def build(self, b: Builder, x: str) -> str:
        op = LayerNorm(gamma=Table.real(self.gamma), beta=Table.real(self.beta), eps=self.eps)
        return b.add(op, self.name(b), x, origin=self.origin)


@dataclass(frozen=True)
class RootMean(ModelPart):
    """RMS norm over the channels of one step."""

    origin: str
    gamma: Real
    eps: float

    def run(self, x: Real) -> Real:
        return np.asarray(x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.eps) * self.gamma)

    def build(self, b: Builder, x: str) -> str:
        return b.add(RMSNorm(gamma=Table.real(self.gamma), eps=self.eps), self.name(b), x, origin=self.origin)


@dataclass(frozen=True)
class Recurrence(ModelPart):
    """A state-space layer, by its recurrence."""

    origin: str
    system: System

    def run(self, x: Real) -> Real:
        s = self.system
        drive = x[..., s.heads] * s.b if s.heads is not None else x @ s.b.T
        state = np.zeros((len(x), len(s.poles)), np.complex128)
        states = np.empty_like(drive, dtype=np.complex128)
        for t in range(x.shape[1]):
            state = state * s.poles + drive[:, t]
            states[:, t] = state
        y = self._read(states)
        if s.d is None:
            return y
        return y + (x * s.d if s.d.ndim == 1 else x @ s.d.T)

    def _read(self, states: NDArray[np.complex128]) -> Real:
        s = self.system
        if s.heads is None:
            return np.asarray((states @ s.c.T).real)
        parts = (states * s.c).real
        return np.asarray(parts.reshape(*parts.shape[:2], s.channels, -1).sum(axis=-1))

    def build(self, b: Builder, x: str) -> str:
        return self.system.build(b, self.name(b), x, self.origin)


@dataclass(frozen=True)
class Residual(ModelPart):
    """What some parts make, added to their operand."""

    origin: str
    parts: tuple[ModelPart, ...]

    def run(self, x: Real) -> Real:
        return x + run_all(self.parts, x)

    def build(self, b: Builder, x: str) -> str:
        return b.add(Add(), self.name(b, "residual"), build_all(self.parts, b, x), x, origin=self.origin)


@dataclass(frozen=True)
class Closing(ModelPart):
    """The mean over the steps, or the last step: (batch, channels) of (batch, length, channels)."""

    origin: str
    how: str

    def run(self, x: Real) -> Real:
        return x.mean(axis=1) if self.how == "mean" else x[:, -1]

    def build(self, b: Builder, x: str) -> str:
        if self.how == "mean":
            return mean_of(b, self.name(b, "mean"), x, self.origin)
        held = b.state(self.name(b, "held"), Type((b.type(x).shape[0],)), self.origin)
        b.updates[held] = x
        return held


def run_all(parts: Sequence[ModelPart], x: Real) -> Real:
    """What parts make one after another."""
    for part in parts:
        x = part.run(x)
    return x


def build_all(parts: Sequence[ModelPart], b: Builder, x: str) -> str:
    """The IR ops of parts one after another."""
    for part in parts:
        x = part.build(b, x)
    return x
