"""A tiny untrained model with calibration sequences, as checkpoint and as file, for tests of whole commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from qssmc.data import InputFormat
from qssmc.models import Checkpoint, ModelConfig, SequenceModel, save_checkpoint

LENGTH = 24


def tiny_checkpoint(calibrated: bool = True, **config: Any) -> Checkpoint:
    """Four heads of three states; weights and twelve random sequences are seeded."""
    torch.manual_seed(0)
    shape = ModelConfig(**{"d_model": 4, "d_state": 3, "d_output": 5, **config})
    samples = np.random.default_rng(0).integers(0, 256, (12, LENGTH, shape.d_input), dtype=np.uint8)
    state = SequenceModel(shape).state_dict()
    return Checkpoint(shape, state, InputFormat(8, 8, False), LENGTH, samples if calibrated else None)


def tiny_model(folder: Path, name: str = "tiny.pt", **options: Any) -> Path:
    """The checkpoint as a file."""
    path = folder / name
    save_checkpoint(tiny_checkpoint(**options), path)
    return path
