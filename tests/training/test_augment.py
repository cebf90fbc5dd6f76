"""Augmentation: shifted images are the same images, moved by at most so many pixels."""

from __future__ import annotations

import numpy as np
import pytest

from qssmc.errors import UsageError
from qssmc.training.augment import shift_images


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """The image moved with zeros coming in, written with loops."""
    side = len(image)
    result = np.zeros_like(image)
    for row in range(side):
        for column in range(side):
            if 0 <= row - down < side and 0 <= column - right < side:
                result[row, column] = image[row - down, column - right]
    return result


def test_each_image_is_moved_by_at_most_the_given_pixels():
    images = np.random.default_rng(0).integers(1, 255, (200, 16, 1)).astype(np.uint8)
    found = shift_images(images, 1, np.random.default_rng(1))
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    seen = set()
    for before, after in zip(images.reshape(-1, 4, 4), found.reshape(-1, 4, 4), strict=True):
        moves = [(d, r) for d in (-1, 0, 1) for r in (-1, 0, 1) if np.array_equal(moved(before, d, r), after)]
        assert len(moves) == 1
        seen.update(moves)
    assert len(seen) == 9, "all nine moves occur among 200 images"


def test_no_shift_changes_nothing_and_draws_nothing():
    images = np.arange(16, dtype=np.uint8).reshape(1, 16, 1)
    random = np.random.default_rng(0)
    assert shift_images(images, 0, random) is images
    assert random.integers(1 << 30) == np.random.default_rng(0).integers(1 << 30)


def test_sequences_that_are_no_images_are_refused():
    with pytest.raises(
        UsageError, match="only square images can be shifted, not sequences of 15 samples; give --shift 0"
    ):
        shift_images(np.zeros((1, 15, 1), np.uint8), 1, np.random.default_rng(0))
