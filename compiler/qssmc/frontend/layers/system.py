"""System: a diagonal state-space system in discrete time, read from a layer's parameters, and the ops it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.build import Builder
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
        """The ops of one step. u: the operand, (H_in,); returns y, (H_out,)."""
        heads = None if self.heads is None else Table.integer(self.heads)
        x = b.state(b.fresh(f"{stem}_x"), Type((len(self.poles),), complex=True), origin)
        ax = b.add(Diag(lambda_bar=Table.real(self.poles)), b.fresh(f"{stem}_ax"), x, origin=origin)
        bu = b.add(Inject(b_bar=Table.real(self.b), heads=heads), b.fresh(f"{stem}_bu"), u, origin=origin)
        b.updates[x] = b.add(Add(), b.fresh(f"{stem}_xn"), ax, bu, origin=origin)
        readout = Readout(c=Table.real(self.c), heads=heads, channels=self.channels)
        cx = b.add(readout, b.fresh(f"{stem}_cx"), b.updates[x], origin=origin)
        if self.d is None:
            return cx
        if self.d.ndim == 1:
            du = b.add(Scale(factor=Table.real(self.d)), b.fresh(f"{stem}_du"), u, origin=origin)
        else:
            through = Matvec(weight=Table.real(self.d), bias=Table.real(np.zeros(len(self.d))))
            du = b.add(through, b.fresh(f"{stem}_du"), u, origin=origin)
        return b.add(Add(), b.fresh(f"{stem}_y"), cx, du, origin=origin)


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
