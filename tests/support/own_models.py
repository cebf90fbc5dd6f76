"""Models of a user's own classes, and sequences for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qssmc.models import S4D

LENGTH = 24


class OwnBlock(nn.Module):
    """A residual around a norm, an S4D and a gated mixing, as (answer, state)."""

    def __init__(self, width: int, states: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.ssm = S4D(width, states)
        self.mix = nn.Sequential(nn.GELU(), nn.Dropout(0.1), nn.Linear(width, 2 * width), nn.GLU())

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, None]:
        return x + self.mix(self.ssm(self.norm(x))), None


class OwnModel(nn.Module):
    """Two blocks between an encoder and a decoder; the answer is of the mean over time, or of every step."""

    def __init__(self, channels: int = 1, width: int = 4, outputs: int = 5, *, pooled: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(channels, width)
        self.blocks = nn.ModuleList(OwnBlock(width, 3) for _ in range(2))
        self.decoder = nn.Linear(width, outputs)
        self.pooled = pooled

    def forward(self, u: Tensor) -> Tensor:
        x = self.encoder(u)
        for block in self.blocks:
            x, _ = block(x)
        answer: Tensor = self.decoder(x.mean(1) if self.pooled else x)
        return answer


def own_samples(count: int = 12, channels: int = 1) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Eight-bit samples."""
    return np.random.default_rng(0).integers(0, 256, (count, LENGTH, channels), dtype=np.uint8)
