"""Parameters: the float arrays of one trained model, from which every peer engine is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.models import SequenceModel
from qssmc.models.blocks import Block

Array = NDArray[Any]
_SHAPE = {"n_layers": 1, "activation": "gelu", "mixing": "glu", "residual": True, "norm": "none", "output": "pooled"}


@dataclass(frozen=True)
class Parameters:
    """float32 and complex64 arrays; H heads of N complex states: lambda_bar, b_bar and c are (H, N), d is (H,)."""

    encoder_weight: Array
    encoder_bias: Array
    lambda_bar: Array
    b_bar: Array
    c: Array
    d: Array
    mixing_weight: Array
    mixing_bias: Array
    decoder_weight: Array
    decoder_bias: Array

    @property
    def heads(self) -> int:
        """H."""
        return int(self.c.shape[0])

    @property
    def states(self) -> int:
        """N."""
        return int(self.c.shape[1])

    @property
    def d_input(self) -> int:
        """Width of a sample."""
        return int(self.encoder_weight.shape[1])


def parameters(model: SequenceModel) -> Parameters:
    """Read a torch module; raises UnsupportedModelError for a shape that the peers are not written for."""
    config = model.config.to_dict()
    faults = [f"{name} {config[name]!r} (must be {want!r})" for name, want in _SHAPE.items() if config[name] != want]
    if faults:
        raise UnsupportedModelError("the benchmark's peers do not cover this model: " + ", ".join(faults))
    block = cast(Block, model.blocks[0])
    with torch.no_grad():
        lambda_bar, b_bar, c = block.ssm.step_parameters()
    tensors = (
        *(model.encoder.weight, model.encoder.bias, lambda_bar, b_bar, c, block.ssm.d),
        *(block.mixing.weight, block.mixing.bias, model.decoder.weight, model.decoder.bias),
    )
    return Parameters(*(np.ascontiguousarray(tensor.detach().numpy()) for tensor in tensors))
