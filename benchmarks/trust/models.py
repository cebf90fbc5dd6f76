"""Models: random models with random ways to compile them, and inputs that reach the edges of their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qssmc.data import InputFormat
from qssmc.models import Checkpoint, ModelConfig, SequenceModel
from qssmc.models.blocks import ChannelBatchNorm

LENGTH = 24


@dataclass(frozen=True)
class RandomModel:
    """A checkpoint and the keywords of qssmc.compile. arrays: further ones for a weight map."""

    checkpoint: Checkpoint
    keywords: dict[str, Any]
    arrays: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What was drawn, as JSON."""
        return {
            "config": self.checkpoint.config.to_dict(),
            "input_format": self.checkpoint.input_format.facts(),
            "keywords": self.keywords,
            "arrays": self.arrays,
        }


def random_model(seed: int) -> RandomModel:
    """The model of a seed: every choice that a model and a compilation have, at sizes that run in milliseconds."""
    random = np.random.default_rng([seed, 1])

    def one(*choices: Any) -> Any:
        return choices[int(random.integers(len(choices)))]

    config = ModelConfig(
        d_input=one(1, 1, 2, 3),
        d_model=one(2, 3, 4, 5, 8),
        d_state=one(1, 2, 3, 4),
        n_layers=one(1, 1, 2),
        d_output=one(1, 2, 3, 10),
        discretization=one("zoh", "bilinear"),
        activation=one("gelu", "relu", "silu", "qgelu"),
        mixing=one("linear", "glu"),
        residual=one(True, False),
        norm=one("none", "none", "layer", "batch"),
        norm_position=one("pre", "post"),
        output=one("pooled", "step"),
        dt_min=one(1e-3, 1e-2),
        dt_max=one(1e-1, 0.5),
    )
    input_format = InputFormat(one(8, 8, 4, 12, 16), one(8, 4, 0, 11), one(False, True))
    low, high = input_format.bounds
    samples = random.integers(low, high + 1, (8, LENGTH, config.d_input))
    checkpoint = Checkpoint(config, lively(config, seed).state_dict(), input_format, LENGTH, samples)
    scheme = one("qssm", "qssm", "qssm", "zhao")
    keywords: dict[str, Any] = {"scheme": scheme, "bits": f"W{one(4, 6, 8)}A{one(4, 6, 8)}", "vectors": 4}
    keywords |= {"max_steps": one(LENGTH, 64, 1000, 4096)}
    if scheme == "qssm":
        shared_by = one("none", "layer", "head", "mixed", "state")
        keywords |= {
            "state_bits": float(one(4, 6, 8, 10, 12, 16)),
            "a_bits": float(one(6, 8, 10, 12, 14)),
            "a_form": one("increment", "cartesian"),
            "dither": one(True, False),
            "bits_by": shared_by,
            "fill": one(0, 1, 2),
            "place": shared_by != "none" and one(True, False),
            "clip": one(True, False),
        }
    else:
        keywords |= {"state_bits": 8.0, "a_bits": float(one(8, 12))}
    form = one("incremental", "delayed", "lookahead", "oscillator")
    arrays = {
        "array": one("32x32", "64x64", "128x64"),
        "cell_bits": one(2, 4, 6, 8),
        "encoding": one("two-lane", "four-lane"),
        "form": form,
        "map": "ssm" if form == "oscillator" else one("ssm", "all"),
    }
    return RandomModel(checkpoint, keywords, arrays)


def lively(config: ModelConfig, seed: int) -> SequenceModel:
    """A model in evaluation mode whose norms have statistics and weights worth folding."""
    torch.manual_seed(seed)
    model = SequenceModel(config).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (ChannelBatchNorm, torch.nn.LayerNorm)):
                module.weight.normal_(1.0, 0.5)
                module.bias.normal_()
            if isinstance(module, ChannelBatchNorm):
                module.running_mean.normal_()  # type: ignore[union-attr]
                module.running_var.uniform_(0.2, 2.0)  # type: ignore[union-attr]
    return model


def edge_inputs(input_format: InputFormat, channels: int, length: int, seed: int) -> NDArray[np.int64]:
    """Sequences (16, length, channels): extremes, impulses, steps, alternations, walks, runs and random samples."""
    random = np.random.default_rng([seed, 2])
    low, high = input_format.bounds
    middle = (low + high + 1) // 2
    rows = [np.full((length, channels), value) for value in (low, high, middle)]
    for peak in (low, high):
        impulse = np.full((length, channels), middle)
        impulse[length // 4] = peak
        rows.append(impulse)
    for first, second in ((low, high), (high, low)):
        step = np.full((length, channels), first)
        step[length // 2 :] = second
        rows.append(step)
    for period in (1, 3):
        rows.append(np.where((np.arange(length) // period % 2)[:, None] == 0, low, high) + np.zeros((1, channels), int))
    walk = middle + np.cumsum(random.integers(-(high - low) // 4, (high - low) // 4 + 1, (length, channels)), axis=0)
    rows.append(np.clip(walk, low, high))
    rows.append(random.choice([low, high], (length, channels)))
    rows.append(np.repeat(random.choice([low, high], (length // 4 + 1, channels)), 4, axis=0)[:length])
    rows += list(random.integers(low, high + 1, (4, length, channels)))
    return np.stack(rows).astype(np.int64)
