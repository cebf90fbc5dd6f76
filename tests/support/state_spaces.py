"""State spaces: more layers from the equations of their papers: blocks of S4, S5 over a batch, memories, dense A."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StructuredKernel(nn.Module):
    """S4's kernel of shape (channels, H, length): diagonal, real diagonal, or diagonal minus p p* by bilinear."""

    def __init__(self, heads: int, states: int, *, channels: int = 1, few: int | None = None, **kind: Any) -> None:
        super().__init__()
        few = few or heads
        self.heads, self.disc, self.is_real = heads, kind.get("disc", "zoh"), kind.get("is_real", False)
        self.dt_transform, self.real_transform = kind.get("dt_transform", "exp"), kind.get("real_transform", "exp")
        self.bandlimit = kind.get("bandlimit")
        step = torch.rand(heads, states if kind.get("untied") else 1) * 1.5 - 3.5
        self.inv_dt = nn.Parameter(step)
        self.A_real = nn.Parameter(torch.rand(few, states) - 1.0)
        shape = (states,) if self.is_real else (states, 2)
        self.B = nn.Parameter(torch.randn(1, few, *shape))
        self.C = nn.Parameter(torch.randn(channels, heads, *shape))
        if not self.is_real:
            self.A_imag = nn.Parameter(math.pi * torch.arange(states).repeat(few, 1).float() + 0.3)
        if kind.get("low_rank"):
            self.P = nn.Parameter(torch.randn(kind["low_rank"], few, states, 2) * 0.5)
            self.register_buffer("l_kernel", torch.tensor(kind.get("length", 0)))

    def _positive(self, raw: Tensor, kind: str) -> Tensor:
        return F.softplus(raw) if kind == "softplus" else raw.exp()

    def forward(self, length: int) -> Tensor:
        dt = self._positive(self.inv_dt, self.dt_transform)
        a = -self._positive(self.A_real, self.real_transform).to(torch.complex128)
        b, c = (x.to(torch.complex128) if self.is_real else torch.view_as_complex(x) for x in (self.B, self.C))
        if not self.is_real:
            a = a - 1j * self.A_imag
        a, b = a.repeat(self.heads // len(a), 1), b[0].repeat(self.heads // b.shape[1], 1)
        if self.bandlimit is not None:
            c = c * (dt * a.imag.abs() / (2 * math.pi) < self.bandlimit / 2)
        if hasattr(self, "P"):
            return self._low_rank(a, b, c, dt[:, 0], length)
        if self.disc == "zoh":
            pole, gain = (a * dt).exp(), ((a * dt).exp() - 1) / a
        else:
            pole, gain = (1 + a * dt / 2) / (1 - a * dt / 2), dt / (1 - a * dt / 2)
        powers = pole[..., None] ** torch.arange(length)
        return 2 * torch.einsum("chn,hnl->chl", c * b * gain, powers).real

    def _low_rank(self, a: Tensor, b: Tensor, c: Tensor, dt: Tensor, length: int) -> Tensor:
        """Step by step, in all 2 N states of the conjugate pairs."""
        p = torch.view_as_complex(self.P).repeat(1, len(a) // self.P.shape[1], 1).to(a.dtype)
        a, b, c, p = (torch.cat([x, x.conj()], -1) for x in (a, b.to(a.dtype), c.to(a.dtype), p))
        matrix = torch.diag_embed(a) - torch.einsum("rhn,rhm->hnm", p, p.conj())
        half, eye = matrix * dt[:, None, None] / 2, torch.eye(a.shape[1], dtype=a.dtype)
        step = torch.linalg.solve(eye - half, eye + half)
        x = torch.linalg.solve(eye - half, (b * dt[:, None])[..., None])
        if int(self.l_kernel):  # c is kept as c (1 - step**length)
            once = eye - torch.linalg.matrix_power(step, int(self.l_kernel))
            c = torch.linalg.solve(once.transpose(-1, -2), c.permute(1, 2, 0)).permute(2, 0, 1)
        found = []
        for _ in range(length):
            found.append(torch.einsum("chn,hnk->chk", c, x).real)
            x = step @ x
        return torch.cat(found, -1)


class KernelConv(nn.Module):
    """(y, state) of (batch, length, H): a convolution by channels of kernels, D and an activation."""

    def __init__(self, heads: int, states: int = 4, *, activation: str = "gelu", **kernel: Any) -> None:
        super().__init__()
        self.bidirectional = kernel.pop("bidirectional", False)
        channels = kernel.get("channels", 1) * (2 if activation == "glu" else 1)
        self.activation = nn.GLU(dim=-1) if activation == "glu" else nn.GELU()
        self.D = nn.Parameter(torch.randn(channels, heads))
        self.kernel = StructuredKernel(heads, states, **{**kernel, "channels": channels})
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, state: Any = None, rate: float = 1.0) -> tuple[Tensor, Any]:
        u, n = x.transpose(-1, -2), 2 * x.shape[1]
        k = self.kernel(x.shape[1])
        y = torch.fft.irfft(torch.fft.rfft(u, n=n)[:, None] * torch.fft.rfft(k, n=n), n=n)[..., : x.shape[1]]
        y = (y + u[:, None] * self.D[..., None]).flatten(1, 2)
        return self.activation(self.drop(y.transpose(-1, -2))), state


class S4Block(nn.Module):
    """(batch, H, length) in and out, as the block around such a convolution is written."""

    def __init__(self, width: int, **layer: Any) -> None:
        super().__init__()
        self.layer = KernelConv(width, **layer)
        wide = width * layer.get("channels", 1)
        self.drop = nn.Dropout(0.1)
        self.output_linear = nn.Sequential(nn.Linear(wide, 2 * width), nn.GLU(dim=-1))

    def forward(self, x: Tensor, lengths: Any = None, **kwargs: Any) -> tuple[Tensor, Any]:
        x = x.transpose(-1, -2)
        if lengths is not None:
            x = x * (torch.arange(x.shape[1])[:, None] < lengths[:, None, None])
        y, state = self.layer(x, **kwargs)
        return self.output_linear(self.drop(y)).transpose(-1, -2), state


class S5(nn.Module):
    """A system of many inputs and outputs that is mapped over the batch; both is whether it runs both ways."""

    def __init__(self, width: int, states: int = 4, *, both: bool = False, liquid: bool = False) -> None:
        super().__init__()
        self.seq = S5System(width, states, both=both, liquid=liquid)

    def forward(self, signal: Tensor, step_scale: float = 1.0, state: Any = None, return_state: bool = False) -> Tensor:
        return torch.vmap(lambda one: self.seq(one, step_scale))(signal)


class S5System(nn.Module):
    def __init__(self, width: int, states: int, *, both: bool, liquid: bool) -> None:
        super().__init__()
        self.bidir, self.liquid = both, liquid
        self.Lambda = nn.Parameter(torch.complex(-torch.rand(states) - 0.3, torch.randn(states) * 4))
        self.B = nn.Parameter(torch.randn(states, width, 2))
        self.C = nn.Parameter(torch.randn(width, states * (2 if both else 1), dtype=torch.complex64))
        self.D = nn.Parameter(torch.rand(width))
        self.log_step = nn.Parameter(torch.rand(states) - 3)

    def forward(self, signal: Tensor, step_scale: float = 1.0) -> Tensor:
        dt = step_scale * self.log_step.exp()
        pole = (self.Lambda * dt).exp()
        b = ((pole - 1) / self.Lambda)[:, None] * torch.view_as_complex(self.B)
        powers = pole ** torch.arange(len(signal))[:, None]
        drive = signal.to(b.dtype) @ b.T
        lags = torch.arange(len(signal))[:, None] - torch.arange(len(signal))
        past = torch.where((lags >= 0)[..., None], powers[lags.clamp(min=0)], torch.zeros_like(pole))
        x = torch.einsum("tsn,sn->tn", past, drive)
        if self.bidir:
            x = torch.cat([x, torch.einsum("stn,sn->tn", past, drive)], -1)
        return (x @ self.C.T).real + self.D * signal


class HeadsEMA(nn.Module):
    """(batch, length, H): averages of several speeds of every channel, with weights before and after."""

    def __init__(self, width: int, heads: int = 3) -> None:
        super().__init__()
        self.expansion, self.reduction = (nn.Parameter(torch.randn(heads, width)) for _ in range(2))
        self.alphas, self.dampen_factors = (nn.Parameter(torch.randn(heads)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        a, g = torch.sigmoid(self.alphas)[:, None], torch.sigmoid(self.dampen_factors)[:, None]
        state, steps = torch.zeros(len(x), *self.expansion.shape, dtype=x.dtype), []
        for step in x.unbind(1):
            state = (1 - a) * g * state + a * step[:, None] * self.expansion
            steps.append((state * self.reduction).sum(1))
        return torch.stack(steps, 1)


def legendre(states: int, window: float) -> tuple[Tensor, Tensor]:
    """A and B of one step of the Legendre delay (Voelker et al. 2019, equation 6), by zero-order hold."""
    n = np.arange(states, dtype=np.float64)
    rate = ((2 * n + 1) / window)[:, None]
    i, j = n[:, None], n[None]
    a = rate * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    joint = np.zeros((states + 1,) * 2)
    joint[:-1, :-1], joint[:-1, -1] = a, (rate[:, 0] * (-1.0) ** n)
    powers = torch.linalg.matrix_exp(torch.from_numpy(joint))
    return powers[:-1, :-1].float(), powers[:-1, -1:].float()


class ParallelLMU(nn.Module):
    """(h, last h) of (batch, length, inputs): a memory that is made for one length."""

    def __init__(self, inputs: int, hidden: int, memory: int, length: int, window: float) -> None:
        super().__init__()
        self.length, (a, b) = length, legendre(memory, window)
        self.W_u, self.f_u = nn.Linear(inputs, 1), nn.ReLU()
        self.W_h, self.f_h = nn.Linear(memory + inputs, hidden), nn.ReLU()
        self.register_buffer("A", a)
        self.register_buffer("B", b)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1] != self.length:
            raise ValueError(f"made for {self.length} steps")
        u, m, steps = self.f_u(self.W_u(x)), torch.zeros(len(x), len(self.A), dtype=x.dtype), []
        for step in u.unbind(1):
            m = m @ self.A.T + step @ self.B.T
            steps.append(m)
        h = self.f_h(self.W_h(torch.cat([torch.stack(steps, 1), x], -1)))
        return h, h[:, -1]


class DenseSSM(nn.Module):
    """(batch, length, H): x' = A x + B u with a dense A, and a dense D."""

    def __init__(self, inputs: int, outputs: int, states: int = 5, *, defective: bool = False) -> None:
        super().__init__()
        a = torch.randn(states, states)
        a = torch.eye(states) * 0.5 + torch.diag(torch.ones(states - 1), 1) if defective else 0.7 * a / a.norm(2)
        self.A, self.B = nn.Parameter(a), nn.Parameter(torch.randn(states, inputs))
        self.C, self.D = nn.Parameter(torch.randn(outputs, states)), nn.Parameter(torch.randn(outputs, inputs))

    def forward(self, u: Tensor) -> Tensor:
        x, steps = torch.zeros(len(u), len(self.A), dtype=u.dtype), []
        for step in u.unbind(1):
            x = x @ self.A.T + step @ self.B.T
            steps.append(x @ self.C.T + step @ self.D.T)
        return torch.stack(steps, 1)
