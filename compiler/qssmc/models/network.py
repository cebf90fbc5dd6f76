"""SequenceModel: encoder, a stack of blocks, and a decoder that answers at the end or at every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qssmc.models.blocks import Block, MeanPool
from qssmc.models.config import ModelConfig


@dataclass
class StreamState:
    """What a streaming run carries from sample to sample."""

    layers: list[Tensor]
    total: Tensor
    count: int


class SequenceModel(nn.Module):
    """Linear(d_input -> H), n_layers blocks, then Linear(H -> d_output) on the time mean or on every step."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.Linear(config.d_input, config.d_model)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.pool = MeanPool() if config.output == "pooled" else nn.Identity()
        self.decoder = nn.Linear(config.d_model, config.d_output)

    def forward(self, u: Tensor) -> Tensor:
        """u: (batch, length, d_input). Returns (batch, d_output) if pooled, else (batch, length, d_output)."""
        x = self.encoder(u)
        for block in self.blocks:
            x = block(x)
        return self.decoder(self.pool(x))  # type: ignore[no-any-return]

    def initial_state(self, batch: int) -> StreamState:
        """The state before the first sample."""
        layers = [block.ssm.initial_state(batch) for block in self.blocks]  # type: ignore[union-attr, operator]
        return StreamState(layers, torch.zeros(batch, self.config.d_model), 0)

    def step(self, u: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """One sample of the recurrent form. u: (batch, d_input). The answer is that of the samples seen so far."""
        x = self.encoder(u)
        layers = []
        for block, layer_state in zip(self.blocks, state.layers, strict=True):
            x, after = block.step(x, layer_state)  # type: ignore[operator]
            layers.append(after)
        total, count = state.total + x, state.count + 1
        answer = self.decoder(total / count if self.config.output == "pooled" else x)
        return answer, StreamState(layers, total, count)
