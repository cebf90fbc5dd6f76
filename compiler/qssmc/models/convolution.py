"""CausalConvolution: the FFT convolution of every head with its kernel, with a real-only backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class CausalConvolution(torch.autograd.Function):
    """y[b, h, t] = sum_s kernel[h, s] u[b, h, t - s], zero before the first sample.

    autograd would differentiate rfft by full complex FFTs, twice the work; both gradients are real correlations,
    so they are written down here.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, kernel: Tensor) -> Tensor:
        """u: (batch, H, length); kernel: (H, length); both real. Returns (batch, H, length)."""
        length = u.shape[-1]
        size = fft_size(2 * length)
        u_spectrum, kernel_spectrum = torch.fft.rfft(u, n=size), torch.fft.rfft(kernel, n=size)
        ctx.save_for_backward(u_spectrum, kernel_spectrum)
        ctx.length, ctx.size = length, size
        y: Tensor = torch.fft.irfft(u_spectrum * kernel_spectrum, n=size)[..., :length]
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor]:
        u_spectrum, kernel_spectrum = ctx.saved_tensors
        spectrum = torch.fft.rfft(grads[0], n=ctx.size)
        kernel_product = (spectrum * u_spectrum.conj().resolve_conj()).sum(0)
        u_product = spectrum * kernel_spectrum.conj().resolve_conj()
        grad_u, grad_kernel = (
            torch.fft.irfft(each, n=ctx.size)[..., : ctx.length] for each in (u_product, kernel_product)
        )
        return grad_u, grad_kernel


def fft_size(minimum: int) -> int:
    """The smallest product of 2, 3, 5 and 7 not below minimum: sizes for which FFTs are fast."""
    size = minimum
    while True:
        rest = size
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
