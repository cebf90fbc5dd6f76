"""Layers written from the equations of their papers, with the parameter names that their users know."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def causal(u: Tensor, kernel: Tensor) -> Tensor:
    """(batch, H, length) by (H, length)."""
    n = 2 * u.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(u, n=n) * torch.fft.rfft(kernel, n=n), n=n)[..., : u.shape[-1]]


class S4DKernel(nn.Module):
    def __init__(
        self, heads: int, states: int, method: str = "zoh", *, given_b: bool = False, twice: bool = True, **kind: Any
    ) -> None:
        super().__init__()
        self.method, self.twice = method, twice
        log_dt = torch.rand(heads) * 3 - 5
        c = torch.randn(heads, states, 2)
        if kind.get("frozen"):
            self.register_buffer("log_dt", log_dt)
        else:
            self.log_dt = nn.Parameter(log_dt)
        self.C = nn.Parameter(torch.view_as_complex(c) if kind.get("complex64") else c)
        self.log_A_real = nn.Parameter(torch.full((heads, states), math.log(0.5)))
        self.A_imag = nn.Parameter(math.pi * torch.arange(states).repeat(heads, 1).float())
        self.B = nn.Parameter(torch.randn(heads, states, 2)) if given_b else None

    def forward(self, length: int) -> Tensor:
        dt = self.log_dt.exp()[:, None]
        a = torch.complex(-self.log_A_real.exp(), self.A_imag)
        c = self.C if self.C.is_complex() else torch.view_as_complex(self.C)
        if self.B is not None:
            c = c * torch.view_as_complex(self.B)
        if self.method == "zoh":
            pole, gain = (a * dt).exp(), ((a * dt).exp() - 1) / a
        else:
            pole, gain = (1 + a * dt / 2) / (1 - a * dt / 2), dt / (1 - a * dt / 2)
        powers = pole[..., None] ** torch.arange(length)
        return (2 if self.twice else 1) * torch.einsum("hn,hnl->hl", c * gain, powers).real


class S4D(nn.Module):
    """(y, None) of (batch, H, length), or of (batch, length, H) if not transposed."""

    def __init__(self, heads: int, states: int = 4, *, transposed: bool = True, **kernel: Any) -> None:
        super().__init__()
        self.transposed = transposed
        self.D = nn.Parameter(torch.randn(heads))
        self.kernel = S4DKernel(heads, states, **kernel)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout1d(0.1)
        self.output_linear = nn.Sequential(nn.Conv1d(heads, 2 * heads, 1), nn.GLU(dim=-2))

    def forward(self, u: Tensor, state: Any = None, rate: float = 1.0) -> tuple[Tensor, None]:
        if not self.transposed:
            u = u.transpose(-1, -2)
        y = causal(u, self.kernel(u.size(-1))) + u * self.D.unsqueeze(-1)
        y = self.output_linear(self.dropout(self.activation(y)))
        return (y if self.transposed else y.transpose(-1, -2)), None


class BareS4D(S4DKernel):
    """The kernel's parameters in the layer itself, and the convolution alone."""

    def forward(self, u: Tensor) -> Tensor:  # type: ignore[override]
        return causal(u.transpose(1, 2), super().forward(u.shape[1])).transpose(1, 2)


class LRU(nn.Module):
    """(batch, length, H); a scan over steps."""

    def __init__(self, inputs: int, outputs: int, states: int = 6, *, dense: bool = True) -> None:
        super().__init__()
        radius = torch.rand(states) * 0.4 + 0.5
        self.nu_log = nn.Parameter((-radius.log()).log())
        self.theta_log = nn.Parameter((torch.rand(states) * 3).log())
        self.gamma_log = nn.Parameter((1 - radius**2).sqrt().log())
        self.B_re, self.B_im = (nn.Parameter(torch.randn(states, inputs)) for _ in range(2))
        self.C_re, self.C_im = (nn.Parameter(torch.randn(outputs, states)) for _ in range(2))
        self.D = nn.Parameter(torch.randn(outputs, inputs) if dense else torch.randn(inputs))

    def forward(self, u: Tensor) -> Tensor:
        pole = torch.polar((-self.nu_log.exp()).exp(), self.theta_log.exp())
        b = self.gamma_log.exp()[:, None] * torch.complex(self.B_re, self.B_im)
        x, c = torch.zeros(len(pole), dtype=b.dtype), torch.complex(self.C_re, self.C_im)
        steps = []
        for step in u.unbind(1):
            x = pole * x + step.to(b.dtype) @ b.T
            steps.append((x @ c.T).real)
        feed = u @ self.D.T if self.D.ndim == 2 else u * self.D
        return torch.stack(steps, 1) + feed


class S5SSM(nn.Module):
    """(batch, length, H); conjugate pairs, so twice the real part."""

    def __init__(self, width: int, states: int = 4, *, method: str = "zoh", pairs: bool = True) -> None:
        super().__init__()
        self.method, self.pairs = method, pairs
        self.Lambda_re = nn.Parameter(-torch.rand(states) - 0.2)
        self.Lambda_im = nn.Parameter(torch.rand(states) * 5)
        self.B, self.C = nn.Parameter(torch.randn(states, width, 2)), nn.Parameter(torch.randn(width, states, 2))
        self.D = nn.Parameter(torch.randn(width))
        self.log_step = nn.Parameter(torch.rand(states, 1) * 2 - 3)

    def forward(self, u: Tensor) -> Tensor:
        a, dt = torch.complex(self.Lambda_re, self.Lambda_im), self.log_step[:, 0].exp()
        b, c = torch.view_as_complex(self.B), torch.view_as_complex(self.C)
        if self.method == "zoh":
            pole, b = (a * dt).exp(), (((a * dt).exp() - 1) / a)[:, None] * b
        else:
            pole, b = (1 + a * dt / 2) / (1 - a * dt / 2), (dt / (1 - a * dt / 2))[:, None] * b
        x, steps = torch.zeros(len(pole), dtype=b.dtype), []
        for step in u.unbind(1):
            x = pole * x + step.to(b.dtype) @ b.T
            steps.append((2 if self.pairs else 1) * (x @ c.T).real)
        return torch.stack(steps, 1) + self.D * u


class MultiHeadEMA(nn.Module):
    """Damped EMA of (length, batch, H), followed by SiLU."""

    def __init__(self, width: int, states: int = 2) -> None:
        super().__init__()
        self.delta, self.alpha, self.beta = (nn.Parameter(torch.randn(width, states, 1)) for _ in range(3))
        self.gamma = nn.Parameter(torch.randn(width, states))
        self.omega = nn.Parameter(torch.randn(width))
        self.scale = math.sqrt(1.0 / states)

    def forward(self, u: Tensor, padding_mask: Any = None) -> Tensor:
        p = torch.sigmoid(self.delta)
        q = 1.0 - p * torch.sigmoid(self.alpha)
        powers = (p * self.beta) * torch.exp(torch.arange(len(u)).view(1, 1, -1) * torch.log(q))
        kernel = torch.einsum("dnl,dn->dl", powers, self.gamma * self.scale)
        y = causal(u.permute(1, 2, 0), kernel).permute(2, 0, 1)
        return F.silu(y + u * self.omega)


class LeakyEMA(nn.Module):
    """x <- a x + (1 - a) u with a = sigmoid(alpha)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.randn(width))

    def forward(self, u: Tensor) -> Tensor:
        a, x, steps = torch.sigmoid(self.alpha), torch.zeros(len(self.alpha)), []
        for step in u.unbind(1):
            x = a * x + (1 - a) * step
            steps.append(x)
        return torch.stack(steps, 1)
