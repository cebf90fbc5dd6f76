"""System: a diagonal state-space system in discrete time, read from a layer's parameters, and the ops it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.build import Builder
from qssmc.ir.causal import real_recurrence
from qssmc.ir.discretize import input_gain, lambda_bar
from qssmc.ir.ops import Add, Diag, Inject, Matvec, Method, Readout, Scale
from qssmc.ir.table import Table
from qssmc.ir.types import Type

if TYPE_CHECKING:
    import torch

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@dataclass(frozen=True)
class System:
    """x' = poles x + b u, y = Re(c x') + d u with S complex states.

    poles: (S,). With heads (S,), the channel of each state: b (S,), c (S,). Without: b (S, H_in), c (H_out, S).
    d: (H,) a channel, (H_out, H_in), or None. channels: H_out.
    """

    poles: Complex
    b: Complex
    c: Complex
    d: Real | None
    channels: int
    heads: NDArray[np.int64] | None = None

    def build(self, b: Builder, stem: str, u: str, origin: str) -> str:
        """The ops of one step. u: the operand, (H_in,); returns y, (H_out,). Real poles make real states."""
        states = self.real_vectors()
        if states is not None:
            return self.with_feed(b, stem, u, self.build_real(b, stem, u, origin, states), origin)
        heads = None if self.heads is None else Table.integer(self.heads)
        x = b.state(b.fresh(f"{stem}_x"), Type((len(self.poles),), complex=True), origin)
        ax = b.add(Diag(lambda_bar=Table.real(self.poles)), b.fresh(f"{stem}_ax"), x, origin=origin)
        bu = b.add(Inject(b_bar=Table.real(self.b), heads=heads), b.fresh(f"{stem}_bu"), u, origin=origin)
        b.updates[x] = b.add(Add(), b.fresh(f"{stem}_xn"), ax, bu, origin=origin)
        readout = Readout(c=Table.real(self.c), heads=heads, channels=self.channels)
        cx = b.add(readout, b.fresh(f"{stem}_cx"), b.updates[x], origin=origin)
        return self.with_feed(b, stem, u, cx, origin)

    def real_vectors(self) -> tuple[NDArray[np.int64], ...] | None:
        """The states, as vectors of one state a channel, or in one where b and c are matrices; None of complex ones.

        A real pole answers to a real input on one line of the plane, so that the state is a real number times b.
        """
        if self.poles.imag.any() or not len(self.poles):
            return None
        if self.heads is None:
            return None if self.b.imag.any() else (np.arange(len(self.poles)),)
        members = [np.flatnonzero(self.heads == channel) for channel in range(self.channels)]
        if len({len(own) for own in members}) != 1:
            return None
        return tuple(np.array(own) for own in zip(*members, strict=True))

    def build_real(self, b: Builder, stem: str, u: str, origin: str, states: tuple[NDArray[np.int64], ...]) -> str:
        """Real states of each vector, and what is read of them: with one a channel, z' = pole z + u, x = b z."""
        read = []
        for own in states:
            drive = u
            if self.heads is None:
                drive = b.add(_matrix(self.b.real), b.fresh(f"{stem}_bu"), u, origin=origin)
            x = real_recurrence(b, stem, self.poles.real[own], drive, origin)
            c = _matrix(self.c.real) if self.heads is None else Scale(factor=Table.real((self.c * self.b).real[own]))
            read.append(b.add(c, b.fresh(f"{stem}_cx"), x, origin=origin))
        return read[0] if len(read) == 1 else b.add(Add(), b.fresh(f"{stem}_cxs"), *read, origin=origin)

    def with_feed(self, b: Builder, stem: str, u: str, cx: str, origin: str) -> str:
        """What is read of the states, and d u."""
        if self.d is None:
            return cx
        if self.d.ndim == 1:
            du = b.add(Scale(factor=Table.real(self.d)), b.fresh(f"{stem}_du"), u, origin=origin)
        else:
            du = b.add(_matrix(self.d), b.fresh(f"{stem}_du"), u, origin=origin)
        return b.add(Add(), b.fresh(f"{stem}_y"), cx, du, origin=origin)


def _matrix(weight: Real) -> Matvec:
    return Matvec(weight=Table.real(weight), bias=Table.real(np.zeros(len(weight))))


def by_heads(a: Complex, b: Complex, c: Complex, dt: Real, d: Real | None, method: Method) -> System:
    """A system of independent heads from continuous poles a, b, c, each (H, N), and dt, (H,) or (H, N)."""
    count, states = a.shape
    step = np.broadcast_to(dt if dt.ndim == 2 else dt[:, None], a.shape).ravel()
    flat = a.ravel()
    heads = np.repeat(np.arange(count), states)
    gain = input_gain(flat, step, method) * b.ravel()
    return System(lambda_bar(flat, step, method), gain, c.ravel(), d, count, heads)


def as_complex(tensor: torch.Tensor) -> Complex:
    """A complex parameter, or one of pairs (re, im) in a last axis of 2, in complex128."""
    import torch  # here, because what reads files without torch makes systems too

    tensor = tensor.detach().cpu()
    if tensor.is_complex():
        return np.asarray(tensor.resolve_conj().to(torch.complex128).numpy())
    pairs = tensor.double().numpy()
    return np.asarray(pairs[..., 0] + 1j * pairs[..., 1])


def real(tensor: torch.Tensor) -> Real:
    """A real parameter in float64."""
    return np.asarray(tensor.detach().cpu().double().numpy())
