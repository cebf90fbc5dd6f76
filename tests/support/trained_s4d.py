"""A self-written recurrent S4D layer that is trained quantised, as published code has it, for tests."""

from __future__ import annotations

import torch
from torch import nn


class ActQuantizer(nn.Module):
    """Rounding of activations from stored extremes, written out, straight through for gradients.

    amax, amin: of all, or (H, 1, 1) one a head. asymmetric: levels 0 to 2^bits - 1 with a zero point.
    """

    def __init__(self, low: torch.Tensor, high: torch.Tensor, bits: int) -> None:
        super().__init__()
        self.register_buffer("amin", low)
        self.register_buffer("amax", high)
        self.bits = bits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = (self.amax - self.amin) / (2**self.bits - 1)
        zero = torch.round(-self.amin / scale)
        q = torch.clamp(torch.round(x / scale) + zero, 0, 2**self.bits - 1)
        return x + ((q - zero) * scale - x).detach()


def act_quantizer(scale: float | torch.Tensor, bits: int) -> ActQuantizer:
    """Levels -2^(bits-1) to 2^(bits-1) - 1 of a scale."""
    unit = torch.as_tensor(scale, dtype=torch.float64)
    return ActQuantizer(-unit * 2.0 ** (bits - 1), unit * (2.0 ** (bits - 1) - 1), bits)


class QuantS4Recurrent(nn.Module):
    """x' = Q(Q(A x) + Q(B u)), y = Q(Q(2 Re(C sum)) + D u), activation, mixing; parameters on grids beside scales.

    integers: A, B and C are int8 pairs and not numbers. polar: poles on a grid of magnitude and angle.
    """

    def __init__(
        self, heads: int, states: int, unit: float = 1.0, *, integers: bool = False, polar: bool = False
    ) -> None:
        super().__init__()
        make = torch.Generator().manual_seed(heads + states)
        radius = 0.5 + 0.45 * torch.rand(heads, states, generator=make)
        a = torch.polar(radius, 3.0 * torch.rand(heads, states, generator=make))
        b, c = (torch.randn(heads, states, dtype=torch.cfloat, generator=make) for _ in range(2))
        self.is_polar = polar
        for name, value, scale in (("dA", a, 2.0**-7), ("dB", b * 0.3, 2.0**-6), ("dC", c * 0.3, 2.0**-6)):
            steps = unit * scale * torch.ones(heads, 1, 1)
            pairs = torch.view_as_real(value)
            if polar and name == "dA":
                pairs = torch.stack([value.abs(), value.angle()], dim=-1)
            q = torch.clamp(torch.round(pairs / steps), -127, 127)
            self.register_buffer(f"{name}_scales", steps)
            self.register_buffer(f"{name}_zero_points", torch.zeros(heads, 1, 1))
            if integers:
                self.register_buffer(name, q.to(torch.int8))
            elif polar and name == "dA":
                self.dA = nn.Parameter(torch.polar((q * steps)[..., 0], (q * steps)[..., 1]))
            else:
                setattr(self, name, nn.Parameter(torch.view_as_complex(q * steps)))
        self.D = nn.Parameter(torch.round(torch.randn(1, heads, generator=make) * 16) / 16)
        self.register_buffer("D_scales", torch.tensor(2.0**-4))
        other = 1.0 if unit == 1.0 else 0.913 * unit  # real scales that are no powers of two of each other
        units = other * torch.where(torch.arange(heads) % 2 == 0, 2.0**-9, 2.0**-8).double()
        self.state_quantizer = act_quantizer(units[:, None, None], 14)
        self.y_recur_quantizer = act_quantizer(other**2 / 32, 8)
        self.y_pre_output_quantizer = act_quantizer(other / 16, 8)
        self.state_clamp_min, self.state_clamp_max = -50, 50
        self.activation = nn.GELU()
        self.output_linear = nn.Identity()

    def number(self, name: str) -> torch.Tensor:
        """A parameter as complex numbers."""
        value: torch.Tensor = getattr(self, name)
        if value.is_complex():
            return value
        steps = getattr(self, f"{name}_scales")
        return torch.view_as_complex(value.to(steps.dtype) * steps)

    def rounded(self, x: torch.Tensor) -> torch.Tensor:
        """A state or a term of it, re and im by themselves."""
        return torch.view_as_complex(self.state_quantizer(torch.view_as_real(x)).contiguous())

    def forward(self, u: torch.Tensor) -> tuple[torch.Tensor, None]:
        a, b, c = (self.number(name) for name in ("dA", "dB", "dC"))
        x = torch.zeros(u.shape[0], *a.shape, dtype=a.dtype)
        rows = []
        for step in u.unbind(1):
            total = self.rounded(a * x) + self.rounded(b * step[:, :, None])
            rows.append(2 * (c * total).sum(-1).real)
            state = torch.view_as_real(self.rounded(total)).clamp(self.state_clamp_min, self.state_clamp_max)
            x = torch.view_as_complex(state.contiguous())
        y = self.y_recur_quantizer(torch.stack(rows, dim=-1)).transpose(1, 2)
        y = self.y_pre_output_quantizer((y + self.D * u).transpose(1, 2)).transpose(1, 2)
        return self.output_linear(self.activation(y)), None
