"""Clocks from sample to sample, as told by when the last samples were taken."""

from __future__ import annotations

from itertools import accumulate

import pytest

from qssmc_sim.emitted_verilog import interval_of


@pytest.mark.parametrize(
    ("apart", "interval"),
    [
        ([7, 7, 7], 7),
        ([2, 12, 15, 20, 24, 20, 24], 22),  # early and late in turn
        ([9, 10, 10, 11, 10, 10, 11], 11),  # a schedule has whole clocks
        ([4, 5, 6], 6),  # not steady yet
        ([5], 5),
        ([], 0),
    ],
)
def test_the_mean_of_a_cycle(apart: list[int], interval: int) -> None:
    assert interval_of(list(accumulate(apart, initial=100))) == interval
