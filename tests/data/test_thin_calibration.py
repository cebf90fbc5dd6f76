"""Thin calibration: each reason not to trust sequences is said in a sentence, and good ones say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from qssmc.data import InputFormat
from qssmc.data.thin_calibration import thin_calibration

FORMAT = InputFormat(8, 8, False)
GOOD = np.random.default_rng(0).integers(0, 256, (16, 100, 2))


def test_good_sequences_say_nothing() -> None:
    assert list(thin_calibration(GOOD, FORMAT, 100)) == []
    assert list(thin_calibration(GOOD, FORMAT, None)) == []


@pytest.mark.parametrize(
    ("samples", "length", "said"),
    [
        (GOOD[:1], 100, "1 calibration sequence is too few"),
        (GOOD[:, :25], 100, "25 steps are much shorter than the 100"),
        (GOOD // 16, 100, "5.9 % of the range 0..255"),
        (GOOD * (1, 0), 100, "channel 1 of the calibration sequences never moves"),
    ],
)
def test_each_reason_is_one_sentence(samples: np.ndarray, length: int, said: str) -> None:
    (sentence,) = thin_calibration(samples, FORMAT, length)
    assert said in sentence
