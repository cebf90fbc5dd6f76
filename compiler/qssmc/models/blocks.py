"""Blocks: the state-space layer with its activation, mixing, residual and norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qssmc.models.config import Activation, ModelConfig
from qssmc.models.s4d import S4D


class QGELU(nn.Module):
    """qGELU(x) = x min(max(0, x + 2), 4) / 4, the piecewise quadratic GELU of Zhao et al. (arXiv 2506.12480)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.clamp(x + 2.0, 0.0, 4.0) / 4.0


class ChannelBatchNorm(nn.BatchNorm1d):
    """Batch norm over the last axis of (batch, [length,] channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(-1, x.shape[-1])).reshape(x.shape)


class MeanPool(nn.Module):
    """Mean over time: (batch, length, H) to (batch, H)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


def activation(kind: Activation) -> nn.Module:
    """The torch module of an activation's name."""
    modules: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "qgelu": QGELU}
    return modules[kind]()


def norm(kind: str, width: int) -> nn.Module:
    """The torch module of a norm's name over the last axis."""
    if kind == "layer":
        return nn.LayerNorm(width)
    return ChannelBatchNorm(width) if kind == "batch" else nn.Identity()


class Block(nn.Module):
    """norm? -> S4D -> activation -> mixing (Linear or Linear + GLU) -> + residual -> norm?"""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.d_model
        self.residual = config.residual
        self.pre_norm = norm(config.norm if config.norm_position == "pre" else "none", width)
        self.post_norm = norm(config.norm if config.norm_position == "post" else "none", width)
        self.ssm = S4D(width, config.d_state, config.discretization, config.dt_min, config.dt_max)
        self.activation = activation(config.activation)
        self.dropout = nn.Dropout(config.dropout)
        self.mixing = nn.Linear(width, 2 * width if config.mixing == "glu" else width)
        self.gate = nn.GLU(dim=-1) if config.mixing == "glu" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """x: (batch, length, H) to the same shape."""
        y = self.dropout(self.activation(self.ssm(self.pre_norm(x))))
        y = self.gate(self.mixing(y))
        mixed: Tensor = self.post_norm(x + y if self.residual else y)
        return mixed

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One sample. x: (batch, H); state: complex (batch, H, N)."""
        y, state = self.ssm.step(self.pre_norm(x), state)
        y = self.gate(self.mixing(self.dropout(self.activation(y))))
        return self.post_norm(x + y if self.residual else y), state
