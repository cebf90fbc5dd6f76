"""MNIST read from its IDX files, one pixel a step."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat, Sequences
from qssmc.errors import MalformedInputError

MNIST_FORMAT = InputFormat(width=8, frac=8, signed=False)
_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def load_mnist(root: Path, split: str) -> Sequences:
    """60 000 (train) or 10 000 (test) sequences of 784 samples in 0..255."""
    images, labels = (_read_idx(root / "mnist" / name, rank) for name, rank in zip(_FILES[split], (3, 1), strict=True))
    if len(images) != len(labels):
        raise MalformedInputError(f"MNIST in {root}: {len(images)} images but {len(labels)} labels; fetch it again")
    return Sequences(images.reshape(len(images), -1, 1), labels.astype(np.int64), MNIST_FORMAT)


def _read_idx(path: Path, axes: int) -> NDArray[Any]:
    """One gzipped IDX file of unsigned bytes with so many axes."""
    try:
        raw = gzip.decompress(path.read_bytes())
        zero, kind, rank = struct.unpack(">HBB", raw[:4])
        shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
        if zero != 0 or kind != 8:
            raise ValueError("it is not an IDX file of bytes")
        if rank != axes:
            raise ValueError(f"it has {rank} axes, not {axes}")
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise MalformedInputError(f"{path} cannot be read as an IDX file ({error}); fetch it again") from error
