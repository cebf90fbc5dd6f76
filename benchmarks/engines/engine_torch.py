"""PyTorch engines: the eager step, and the FFT convolution over a batch of sequences."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from benchmarks.engines.engine import Array, Engine, one_by_one
from qssmc.models import SequenceModel
from qssmc.models.blocks import Block


def eager_step(model: SequenceModel) -> Engine:
    """SequenceModel.step with the discretised parameters computed once, as a careful user would write it."""
    block = cast(Block, model.blocks[0])
    with torch.no_grad():
        lambda_bar, b_bar, c = (t.clone() for t in block.ssm.step_parameters())
        d = block.ssm.d.detach().clone()
    encoder, activation, mixing, gate = model.encoder, block.activation, block.mixing, block.gate

    def step(u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        x = encoder(u)
        state = lambda_bar * state + b_bar * x[..., None]
        y = (c * state).real.sum(-1) + d * x
        return x + gate(mixing(activation(y))), state

    @torch.inference_mode()
    def run(samples: Array) -> Array:
        state = torch.zeros_like(lambda_bar)[None]
        total = torch.zeros(1, len(d))
        for u in torch.from_numpy(samples)[:, None]:
            x, state = step(u, state)
            total += x
        logits: Array = model.decoder(total / len(samples))[0].numpy()
        return logits

    return Engine("PyTorch eager step", one_by_one(run))


def convolution(model: SequenceModel, batch: int = 64) -> Engine:
    """The module's own forward pass: the whole sequence by FFT, no streaming."""

    @torch.inference_mode()
    def run(samples: Array) -> Array:
        logits: Array = model(torch.from_numpy(samples)).numpy()
        return logits

    return Engine(f"PyTorch FFT convolution, batch {batch} (not streaming)", run, batch=batch)
