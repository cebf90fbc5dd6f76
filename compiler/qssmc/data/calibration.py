"""Calibration data: real sequences from a file, a data set, or what is recorded with the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data import DATASETS, InputFormat, load_split
from qssmc.data.npy import read_npy
from qssmc.errors import MalformedInputError, UsageError

_DEFAULT_COUNT = 128
HELD_OUT, LEAST_HELD_OUT = 1000, 8  # labelled sequences that accuracies are measured on


def load_calibration(
    source: str | None,
    recorded: NDArray[Any] | None,
    input_format: InputFormat,
    d_input: int,
    *,
    seed: int = 0,
    data: Path | None = None,
) -> tuple[NDArray[np.int64], str]:
    """Integer sequences (count, length, d_input) and where they come from.

    source: FILE.npy, or DATASET[:COUNT] drawn from its training split with the seed; None takes what the model brings.
    """
    if source is None:
        if recorded is None:
            raise UsageError(
                "this model brings no calibration data; give --calib FILE.npy (integers, count x length x channels) "
                f"or --calib DATASET:COUNT with one of {', '.join(DATASETS)}"
            )
        samples, origin = recorded, "recorded with the model"
    elif source.endswith(".npy"):
        samples, origin = _from_file(Path(source)), Path(source).name
    else:
        samples, origin = _from_data_set(source, input_format, seed, data)
    _check(samples, input_format, d_input, origin)
    return samples.astype(np.int64), origin


def load_held_out(
    source: str | None,
    used: int,
    input_format: InputFormat,
    d_input: int,
    *,
    seed: int = 0,
    data: Path | None = None,
    count: int = HELD_OUT,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labelled sequences of the data set that calibration draws from, after the `used` ones of the same draw."""
    if source is None or source.endswith(".npy"):
        raise UsageError("accuracy needs labelled sequences; give --calib DATASET:COUNT")
    name = source.partition(":")[0]
    drawn = load_split(name, "train", data).take(used + count, seed)
    samples, labels = drawn.samples[used:], drawn.labels[used:]
    if len(samples) < LEAST_HELD_OUT:
        raise UsageError(
            f"--calib {source} leaves {len(samples)} of {len(drawn)} sequences to measure accuracy on; "
            f"give a count that leaves {LEAST_HELD_OUT} or more"
        )
    _check(samples, input_format, d_input, name)
    return samples.astype(np.int64), labels.astype(np.int64)


def _from_file(path: Path) -> NDArray[Any]:
    try:
        return read_npy(path)
    except OSError as error:
        raise MalformedInputError(
            f"calibration file {path} cannot be read ({error.strerror or error}); give a .npy file of integers"
        ) from error
    except ValueError as error:
        raise MalformedInputError(f"calibration file {path} cannot be read as .npy ({error})") from error


def _from_data_set(source: str, input_format: InputFormat, seed: int, data: Path | None) -> tuple[NDArray[Any], str]:
    name, _, count = source.partition(":")
    if name not in DATASETS or (count and (not (count.isascii() and count.isdecimal()) or int(count) < 1)):
        raise UsageError(f"--calib must be FILE.npy or DATASET:COUNT with one of {', '.join(DATASETS)}, not {source!r}")
    drawn = load_split(name, "train", data).take(int(count or _DEFAULT_COUNT), seed)
    if drawn.format != input_format:
        raise UsageError(f"--calib {name}: its samples are {drawn.format}, but the model takes {input_format}")
    return drawn.samples, f"{name}:{len(drawn)} (seed {seed})"


def _check(samples: NDArray[Any], input_format: InputFormat, d_input: int, origin: str) -> None:
    if samples.ndim != 3 or samples.shape[2] != d_input:
        raise UsageError(f"calibration data ({origin}) must have shape (count, length, {d_input}), not {samples.shape}")
    if 0 in samples.shape:
        raise UsageError(f"calibration data ({origin}) is empty: its shape is {samples.shape}")
    if samples.dtype.kind not in "iu":
        raise UsageError(f"calibration data ({origin}) must be integers as the sensor gives them, not {samples.dtype}")
    low, high = input_format.bounds
    if samples.min() < low or samples.max() > high:
        raise UsageError(
            f"calibration data ({origin}) must lie in {low}..{high}, the model's input format, "
            f"not {samples.min()}..{samples.max()}"
        )
