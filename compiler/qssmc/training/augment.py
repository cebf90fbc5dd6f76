"""Augmentation: seeded distortions of training batches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError


def shift_images(samples: NDArray[Any], pixels: int, random: np.random.Generator) -> NDArray[Any]:
    """Move each square image of a batch (count, side*side, 1) by up to `pixels` in x and y, zero-filled."""
    if pixels == 0:
        return samples
    count, length, channels = samples.shape
    side = math.isqrt(length)
    if side * side != length:
        raise UsageError(f"only square images can be shifted, not sequences of {length} samples; give --shift 0")
    framed = np.pad(samples.reshape(count, side, side, channels), ((0, 0), (pixels,) * 2, (pixels,) * 2, (0, 0)))
    down, right = random.integers(0, 2 * pixels + 1, (2, count))
    rows = (down[:, None] + np.arange(side))[:, :, None]
    columns = (right[:, None] + np.arange(side))[:, None, :]
    moved: NDArray[Any] = framed[np.arange(count)[:, None, None], rows, columns]
    return moved.reshape(count, length, channels)
