"""Stacks of layers written from their papers, with the names that people give to the parts of their models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from frontend.layers import lookalikes


class Stack(nn.Module):
    """Encoder, blocks of norm, layer, activation, gate and residual, pooling, head; every choice is an argument."""

    def __init__(
        self,
        layer: Callable[[], nn.Module],
        width: int = 4,
        *,
        pre: bool = True,
        norm: Callable[[int], nn.Module] = nn.LayerNorm,
        act: nn.Module | None = None,
        mixing: str = "gate",
        pool: str = "mean",
        channels: int = 2,
        layers: int = 2,
    ) -> None:
        super().__init__()
        self.pre, self.act, self.mixing, self.pool = pre, act or nn.Identity(), mixing, pool
        self.encoder = nn.Linear(channels, width)
        self.layers = nn.ModuleList(layer() for _ in range(layers))
        self.norms = nn.ModuleList(norm(width) for _ in range(layers))
        if mixing in ("gate", "half"):
            self.out1 = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        if mixing == "gate":
            self.out2 = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.decoder = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x)
        for index, layer in enumerate(self.layers):
            z: Any = layer(self._norm(index, x) if self.pre else x)
            x = x + self._mixed(index, self.act(z[0] if isinstance(z, tuple) else z))
            x = x if self.pre else self._norm(index, x)
        x = x.mean(1) if self.pool == "mean" else x[:, -1] if self.pool == "last" else x
        answer: Tensor = self.decoder(x)
        return answer

    def _norm(self, index: int, x: Tensor) -> Tensor:
        norm = self.norms[index]
        y: Tensor = norm(x.mT).mT if isinstance(norm, nn.BatchNorm1d) else norm(x)
        return y

    def _mixed(self, index: int, z: Tensor) -> Tensor:
        if self.mixing == "gate":
            z = self.out1[index](z) * torch.sigmoid(self.out2[index](z))
        elif self.mixing == "half":
            z = z * torch.sigmoid(self.out1[index](z))
        return z


def used_batch_norm(width: int) -> nn.BatchNorm1d:
    """Batch norm with the statistics of a training."""
    norm = nn.BatchNorm1d(width)
    norm.running_mean = torch.randn(width)
    norm.running_var = torch.rand(width) + 0.5
    return norm


class Sequence(nn.Module):
    """The model of a public example: encoder, lists of layers and of norms in (batch, H, length), mean, decoder."""

    def __init__(self, width: int = 4, *, pre: bool = False, channels: int = 1) -> None:
        super().__init__()
        self.pre = pre
        self.encoder, self.decoder = nn.Linear(channels, width), nn.Linear(width, 3)
        self.s4_layers = nn.ModuleList(lookalikes.S4D(width, 3) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x).mT
        for layer, norm in zip(self.s4_layers, self.norms, strict=True):
            x = layer(norm(x.mT).mT if self.pre else x)[0] + x
            x = x if self.pre else norm(x.mT).mT
        answer: Tensor = self.decoder(x.mT.mean(dim=1))
        return answer
