"""A model with an RMS norm and an exponential, compiled to every stage, for tests of both ops through the targets."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from qssmc.frontend import trace
from qssmc.ir import Graph
from qssmc.models.s4d import S4D
from qssmc.passes.quantise import QuantiseOptions
from support.random_models import compile_stages, sensor_samples


class RootNormModel(nn.Module):
    """Encoder, RMS norm, S4D around which the sum goes, exponential, decoder; an answer at every step."""

    def __init__(self, width: int, states: int) -> None:
        super().__init__()
        self.encoder, self.norm, self.s4d = nn.Linear(1, width), nn.RMSNorm(width), S4D(width, states)
        self.gate, self.decoder = nn.Linear(width, width), nn.Linear(width, 2)
        nn.init.normal_(self.norm.weight, 1.0, 0.5)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        x = self.encoder(u)
        x = x + self.s4d(self.norm(x))
        answer: torch.Tensor = self.decoder(torch.exp(self.gate(x)))
        return answer


@cache
def root_norm_stages(seed: int) -> dict[str, Graph]:
    """The graph after every pass, of 8-bit weights and values."""
    torch.manual_seed(seed)
    model = RootNormModel(3 + seed % 3, 2).eval()
    return compile_stages(trace(model, 1), QuantiseOptions("qssm", 8, 8, 10, 10), sensor_samples(1, seed, 4, 48))
