"""scikit-learn's handwritten digits: as 8x8 sequences of their own, and enlarged to stand in for MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat, Sequences
from qssmc.errors import ToolError

_TRAIN = 1437  # The first four fifths, in the order of the data set: later writers are not seen in training.
DIGITS_FORMAT = InputFormat(width=5, frac=4, signed=False)
ENLARGED_FORMAT = InputFormat(width=8, frac=8, signed=False)


def load_digits(split: str) -> Sequences:
    """1 797 digits of 64 samples in 0..16, one pixel a step, row by row."""
    images, labels = _images(split)
    return Sequences(images.reshape(len(images), 64, 1).astype(np.uint8), labels, DIGITS_FORMAT)


def load_enlarged_digits(split: str) -> Sequences:
    """The same digits in MNIST's form: 20x20 inside 28x28, 784 samples in 0..255."""
    images, labels = _images(split)
    weights = _bilinear(8, 20)
    large = np.einsum("ij,njk,lk->nil", weights, images.astype(np.float64), weights)
    # Enlarging blurs the stroke; MNIST's strokes are nearly black and white, so the contrast is stretched.
    large = np.clip((large - 4.0) / 8.0, 0.0, 1.0)
    framed = np.pad(np.rint(large * 255.0).astype(np.uint8), ((0, 0), (4, 4), (4, 4)))
    return Sequences(framed.reshape(len(framed), 784, 1), labels, ENLARGED_FORMAT)


def _images(split: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits as sklearn_digits
    except ImportError as error:
        raise ToolError("the digits data set needs scikit-learn: pip install 'qssmc[train]'") from error
    bunch = sklearn_digits()
    part = slice(0, _TRAIN) if split == "train" else slice(_TRAIN, None)
    return bunch.images[part], bunch.target[part].astype(np.int64)


def _bilinear(source: int, target: int) -> NDArray[np.float64]:
    """Interpolation matrix (target, source) on pixel centres."""
    centre = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    low = np.minimum(np.floor(centre).astype(int), source - 2)
    weights = np.zeros((target, source))
    rows = np.arange(target)
    weights[rows, low] = 1.0 - (centre - low)
    weights[rows, low + 1] = centre - low
    return weights
