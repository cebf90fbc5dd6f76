"""The S4D layer: its discretization, its kernel and its convolution against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qssmc.models import S4D
from qssmc.models.convolution import CausalConvolution, fft_size
from qssmc.models.s4d import discretize

METHODS = ("zoh", "bilinear")


def poles_and_weights() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    a = torch.complex(-torch.rand(3, 4, dtype=torch.float64) - 0.1, 5 * torch.randn(3, 4, dtype=torch.float64))
    return a, torch.randn(3, 4, dtype=torch.complex128), torch.rand(3, 1, dtype=torch.float64)


def test_zero_order_hold_of_a_step_is_that_of_two_half_steps():
    a, b, dt = poles_and_weights()
    whole, whole_b = discretize(a, b, dt, "zoh")
    half, half_b = discretize(a, b, dt / 2, "zoh")
    torch.testing.assert_close(half * half, whole)
    torch.testing.assert_close(half * half_b + half_b, whole_b)


def test_zero_order_hold_tends_to_the_differential_equation():
    a, b, _ = poles_and_weights()
    dt = torch.full((3, 1), 1e-7, dtype=torch.float64)
    lambda_bar, b_bar = discretize(a, b, dt, "zoh")
    torch.testing.assert_close((lambda_bar - 1) / dt, a, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(b_bar / dt, b, rtol=1e-5, atol=1e-5)


def test_bilinear_solves_the_trapezoidal_rule():
    a, b, dt = poles_and_weights()
    x, u = torch.randn(3, 4, dtype=torch.complex128), 0.7
    lambda_bar, b_bar = discretize(a, b, dt, "bilinear")
    after = lambda_bar * x + b_bar * u
    torch.testing.assert_close((after - x) / dt, a * (after + x) / 2 + b * u)


@pytest.mark.parametrize("method", METHODS)
def test_every_pole_is_inside_the_unit_circle(method):
    lambda_bar, _, _ = S4D(64, 32, method).step_parameters()
    assert float(lambda_bar.detach().abs().max()) < 1.0


@pytest.mark.parametrize("length", [1, 2, 7, 64, 100])
@pytest.mark.parametrize("method", METHODS)
def test_kernel_is_the_sum_of_direct_powers(method, length):
    layer = S4D(3, 5, method).double()
    lambda_bar, b_bar, c = (part.detach().numpy() for part in layer.step_parameters())
    powers = lambda_bar[..., None] ** np.arange(length)
    direct = ((c * b_bar)[..., None] * powers).sum(axis=1).real
    np.testing.assert_allclose(layer.kernel(length).detach().numpy(), direct, rtol=1e-9, atol=1e-9)


def direct_convolution(u: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    steps = [(u[..., : t + 1] * kernel[:, : t + 1].flip(-1)).sum(-1) for t in range(u.shape[-1])]
    return torch.stack(steps, dim=-1)


@pytest.mark.parametrize("length", [1, 5, 16])
def test_convolution_and_its_gradient_equal_the_direct_sum(length):
    u = torch.randn(2, 3, length, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(3, length, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, length, dtype=torch.float64)
    assert torch.autograd.gradcheck(CausalConvolution.apply, (u, kernel))
    fast, direct = CausalConvolution.apply(u, kernel), direct_convolution(u, kernel)
    torch.testing.assert_close(fast, direct)
    found = torch.autograd.grad((fast * weights).sum(), (u, kernel))
    wanted = torch.autograd.grad((direct * weights).sum(), (u, kernel))
    torch.testing.assert_close(found, wanted)


def test_convolution_is_causal():
    u, kernel = torch.randn(1, 2, 20, dtype=torch.float64), torch.randn(2, 20, dtype=torch.float64)
    changed = u.clone()
    changed[..., 10:] += 1.0
    before, after = CausalConvolution.apply(u, kernel), CausalConvolution.apply(changed, kernel)
    torch.testing.assert_close(before[..., :10], after[..., :10])
    assert float((before[..., 10:] - after[..., 10:]).abs().min()) > 0.0


def test_fft_size_is_the_next_product_of_small_primes():
    products = sorted(
        {2**a * 3**b * 5**c * 7**d for a in range(12) for b in range(8) for c in range(6) for d in range(5)}
    )
    for minimum in range(1, 1700):
        assert fft_size(minimum) == next(size for size in products if size >= minimum)
