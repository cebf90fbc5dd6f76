"""Augmentation: distorted sequences are the same images and sounds, moved, stretched and scaled within their limits."""

from __future__ import annotations

import numpy as np
import pytest

from qssmc.data import InputFormat
from qssmc.training import augment

SOUND = InputFormat(width=16, frac=13, signed=True)


def dice(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """The image moved with zeros coming in, written with loops."""
    side = len(image)
    result = np.zeros_like(image)
    for row in range(side):
        for column in range(side):
            if 0 <= row - down < side and 0 <= column - right < side:
                result[row, column] = image[row - down, column - right]
    return result


def tones(cycles: float, count: int = 40, length: int = 400) -> np.ndarray:
    """Sequences of one tone of so many cycles a sequence."""
    tone = np.rint(3000 * np.sin(2 * np.pi * cycles * np.arange(length) / length)).astype(np.int16)
    return np.repeat(tone[None, :, None], count, axis=0)


def test_each_image_is_moved_by_at_most_the_given_pixels():
    images = dice(0).integers(1, 255, (200, 16, 1)).astype(np.uint8)
    found = augment.shift(images, 1, dice())
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    seen = set()
    for before, after in zip(images.reshape(-1, 4, 4), found.reshape(-1, 4, 4), strict=True):
        moves = [(d, r) for d in (-1, 0, 1) for r in (-1, 0, 1) if np.array_equal(moved(before, d, r), after)]
        assert len(moves) == 1
        seen.update(moves)
    assert len(seen) == 9, "all nine moves occur among 200 images"


@pytest.mark.parametrize(("length", "dtype"), [(15, np.uint8), (16, np.int16)])
def test_a_sequence_that_is_no_image_is_moved_in_time(length, dtype):
    sequences = dice(0).integers(1, 127, (100, length, 2)).astype(dtype)
    found = augment.shift(sequences, 2, dice())
    assert found.shape == sequences.shape
    assert found.dtype == sequences.dtype
    seen = set()
    for before, after in zip(sequences, found, strict=True):
        framed = np.pad(before, ((2, 2), (0, 0)))
        places = [start for start in range(5) if np.array_equal(framed[start : start + length], after)]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 5, "all five moves occur among 100 sequences"


def test_a_shift_past_the_end_leaves_silence_at_most():
    found = augment.shift(np.ones((50, 5, 1), np.int16), 1000, dice())
    assert set(np.unique(found)) <= {0, 1}
    assert not found.all(axis=1).any()


def test_a_stretch_moves_a_tone_by_at_most_its_percentage_and_keeps_its_height():
    before = tones(40.0)
    found = augment.stretch(before, 10, SOUND, dice())
    assert found.shape == before.shape
    assert found.dtype == before.dtype
    lively = found[:, 20:340, 0].astype(float)
    crossings = (np.diff(np.signbit(lively), axis=1).sum(axis=1) - 1) / 2
    assert crossings.min() > 32 / 1.1 - 1.5
    assert crossings.max() < 32 / 0.9 + 1.5
    assert crossings.max() - crossings.min() > 3
    assert np.abs(lively).max(axis=1) == pytest.approx(np.full(len(lively), 3000), rel=0.03)


def test_a_shortened_sequence_ends_in_silence():
    found = augment.stretch(np.full((60, 100, 1), 500, np.int16), 20, SOUND, dice())
    silent = (found[..., 0] == 0).sum(axis=1)
    assert 15 < silent.max() <= 20
    assert (silent == 0).any(), "a lengthened sequence is cut"
    assert set(np.unique(found)) == {0, 500}, "a level stays at its height"


def test_a_gain_multiplies_each_sequence_by_one_factor_within_its_decibels():
    before = np.tile(np.array([1000, -2000, 4000], np.int16)[None, :, None], (300, 1, 1))
    found = augment.scale(before, 6, SOUND, dice())
    assert found.dtype == before.dtype
    factor = found[:, 2, 0] / 4000
    assert np.abs(found[..., 0] - factor[:, None] * before[..., 0]).max() <= 1
    decibels = 20 * np.log10(factor)
    assert -6.01 < decibels.min() < -5.5
    assert 5.5 < decibels.max() < 6.01
    assert len(set(factor)) > 250


def test_a_gain_stops_at_what_the_sensor_can_deliver():
    full = np.tile(np.array([32767, -32768], np.int16)[None, :, None], (50, 1, 1))
    found = augment.scale(full, 20, SOUND, dice())
    assert (found[:, 0].max(), found[:, 1].min()) == (32767, -32768)
    assert found[:, 0].min() > 0 > found[:, 1].max(), "nothing wraps around"


@pytest.mark.parametrize("name", ["shift", "stretch", "scale"])
def test_the_same_seed_distorts_alike(name):
    distort = getattr(augment, name)
    rest = () if name == "shift" else (SOUND,)
    first, second, other = (distort(tones(7.0), 5, *rest, dice(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_distortions_at_zero_change_nothing_and_draw_nothing():
    sequences = np.arange(16, dtype=np.uint8).reshape(1, 16, 1)
    random = dice(0)
    assert augment.shift(sequences, 0, random) is sequences
    assert augment.stretch(sequences, 0, SOUND, random) is sequences
    assert augment.scale(sequences, 0, SOUND, random) is sequences
    assert random.integers(1 << 30) == dice(0).integers(1 << 30)
