"""S4D: one diagonal state-space layer, trained as a convolution and streamed as a recurrence."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from qssmc.models.config import Discretization
from qssmc.models.convolution import CausalConvolution


def discretize(a: Tensor, b: Tensor, dt: Tensor, method: Discretization) -> tuple[Tensor, Tensor]:
    """Continuous poles and input weights to one step of length dt.

    a, b: complex (H, N); dt: real (H, 1). Returns lambda_bar and b_bar, complex (H, N). Zero-order hold:
    exp(dt a) and (exp(dt a) - 1) / a * b; bilinear: (1 + dt a / 2) / (1 - dt a / 2) and dt b / (1 - dt a / 2)
    (Gu et al., arXiv 2206.11893, section 3).
    """
    if method == "zoh":
        lambda_bar = torch.exp(dt * a)
        return lambda_bar, (lambda_bar - 1.0) / a * b
    denominator = 1.0 - dt * a / 2.0
    return (1.0 + dt * a / 2.0) / denominator, dt * b / denominator


class S4D(nn.Module):
    """H independent heads x' = lambda_bar x + b_bar u, y = Re(sum_n c_n x_n) + d u, with N complex states each.

    Poles are a = -exp(log_a_real) + i a_imag, so every pole is stable by construction; initialised as S4D-Lin.
    Complex parameters are stored as real pairs in a last axis of 2.
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 32,
        discretization: Discretization = "zoh",
        dt_min: float = 1e-3,
        dt_max: float = 1e-1,
    ) -> None:
        super().__init__()
        self.d_model, self.d_state, self.discretization = d_model, d_state, discretization
        log_dt = torch.rand(d_model) * (math.log(dt_max) - math.log(dt_min)) + math.log(dt_min)
        a_imag = math.pi * torch.arange(d_state, dtype=torch.float32).repeat(d_model, 1)
        self.log_dt = nn.Parameter(log_dt)
        self.log_a_real = nn.Parameter(torch.full((d_model, d_state), math.log(0.5)))
        self.a_imag = nn.Parameter(a_imag)
        self.b = nn.Parameter(torch.stack([torch.ones(d_model, d_state), torch.zeros(d_model, d_state)], dim=-1))
        # Variance 2 per complex weight stands for the conjugate half that y = Re(...) leaves out.
        self.c = nn.Parameter(torch.randn(d_model, d_state, 2) * math.sqrt(2.0))
        self.d = nn.Parameter(torch.randn(d_model))

    def poles(self) -> Tensor:
        """Continuous poles, complex (H, N)."""
        return torch.complex(-torch.exp(self.log_a_real), self.a_imag)

    def step_parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """lambda_bar, b_bar and c, complex (H, N)."""
        dt = torch.exp(self.log_dt)[:, None]
        lambda_bar, b_bar = discretize(self.poles(), torch.view_as_complex(self.b), dt, self.discretization)
        return lambda_bar, b_bar, torch.view_as_complex(self.c)

    def kernel(self, length: int) -> Tensor:
        """Impulse response without the feedthrough d, real (H, length)."""
        lambda_bar, b_bar, c = self.step_parameters()
        # lambda^(i*chunk + j) is an outer product: two short power tables and one matrix product replace H*N*L powers.
        chunk = max(1, math.isqrt(length))
        coarse_steps = -(-length // chunk)
        log_lambda = torch.log(lambda_bar)[..., None]
        fine = torch.exp(log_lambda * torch.arange(chunk, device=c.device))
        coarse = torch.exp(log_lambda * (chunk * torch.arange(coarse_steps, device=c.device)))
        weighted = (c * b_bar)[..., None] * coarse
        response = torch.matmul(weighted.transpose(1, 2), fine).real
        return response.reshape(self.d_model, coarse_steps * chunk)[:, :length]

    def forward(self, u: Tensor) -> Tensor:
        """u: (batch, length, H). Returns y of the same shape, computed as one causal convolution by FFT."""
        u_t = u.transpose(1, 2)
        y: Tensor = CausalConvolution.apply(u_t, self.kernel(u.shape[1]))  # type: ignore[no-untyped-call]
        # Contiguous, because the elementwise ops that follow are several times slower on transposed memory.
        return y.transpose(1, 2).contiguous() + self.d * u

    def initial_state(self, batch: int) -> Tensor:
        """Zero state, complex (batch, H, N)."""
        return torch.zeros(batch, self.d_model, self.d_state, dtype=torch.complex64, device=self.d.device)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One sample of the recurrence. u: (batch, H); state: complex (batch, H, N). Returns y and the next state."""
        lambda_bar, b_bar, c = self.step_parameters()
        state = lambda_bar * state + b_bar * u[..., None]
        return (c * state).real.sum(-1) + self.d * u, state
