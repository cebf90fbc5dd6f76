"""Augmentation: seeded distortions of training batches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat


def shift(samples: NDArray[Any], most: int, random: np.random.Generator) -> NDArray[Any]:
    """Move each image in x and y, or each other sequence in time, by up to `most` samples, zero-filled.

    Images are square and hold unsigned samples: (count, side*side, channels).
    """
    if most == 0:
        return samples
    image = math.isqrt(samples.shape[1]) ** 2 == samples.shape[1] and samples.dtype.kind == "u"
    return (_shift_images if image else _shift_in_time)(samples, most, random)


def stretch(samples: NDArray[Any], percent: float, form: InputFormat, random: np.random.Generator) -> NDArray[Any]:
    """Make each sequence longer or shorter in time by up to `percent`, cut or zero-filled at its end.

    The spectrum is kept and the number of points changes, so what was band-limited stays so, at other frequencies.
    """
    if percent == 0:
        return samples
    count, length, _ = samples.shape
    points = np.rint(length * (1 + random.uniform(-percent, percent, count) / 100)).astype(int)
    result = np.zeros(samples.shape)
    for row, sequence, new in zip(result, samples, points, strict=True):
        resampled = np.fft.irfft(np.fft.rfft(sequence, axis=0), new, axis=0) * (new / length)
        row[: min(length, new)] = resampled[:length]
    return _to_samples(result, samples, form)


def scale(samples: NDArray[Any], decibels: float, form: InputFormat, random: np.random.Generator) -> NDArray[Any]:
    """Make each sequence louder or quieter by up to `decibels`, rounded and clipped to what the sensor can deliver."""
    if decibels == 0:
        return samples
    factor = 10.0 ** (random.uniform(-decibels, decibels, (len(samples), 1, 1)) / 20)
    return _to_samples(samples * factor, samples, form)


def _shift_images(samples: NDArray[Any], most: int, random: np.random.Generator) -> NDArray[Any]:
    count, length, channels = samples.shape
    side = math.isqrt(length)
    framed = np.pad(samples.reshape(count, side, side, channels), ((0, 0), (most,) * 2, (most,) * 2, (0, 0)))
    down, right = random.integers(0, 2 * most + 1, (2, count))
    rows = (down[:, None] + np.arange(side))[:, :, None]
    columns = (right[:, None] + np.arange(side))[:, None, :]
    moved: NDArray[Any] = framed[np.arange(count)[:, None, None], rows, columns]
    return moved.reshape(count, length, channels)


def _shift_in_time(samples: NDArray[Any], most: int, random: np.random.Generator) -> NDArray[Any]:
    count, length, _ = samples.shape
    source = np.arange(length) - random.integers(-most, most + 1, (count, 1))
    inside = (source >= 0) & (source < length)
    moved: NDArray[Any] = samples[np.arange(count)[:, None], source.clip(0, length - 1)] * inside[..., None]
    return moved


def _to_samples(values: NDArray[np.float64], like: NDArray[Any], form: InputFormat) -> NDArray[Any]:
    return np.clip(np.rint(values), *form.bounds).astype(like.dtype)
