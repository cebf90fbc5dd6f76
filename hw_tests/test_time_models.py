"""Real states, shift registers, curves and several outputs as a core: equal to golden under Icarus."""

from __future__ import annotations

from pathlib import Path

import pytest

from cores import core, replay
from support.one_op import extreme_samples
from support.time_models import affine_stages, time_stages

PAUSES = ({}, {"idle": 90, "stall": 90})


@pytest.mark.parametrize("seed", range(3))
def test_core_is_golden(tmp_path: Path, seed: int) -> None:
    graph = time_stages(seed)["prove"]
    with core(graph, tmp_path) as emitted:
        for pauses in PAUSES:
            replay(graph, emitted, extreme_samples(graph, seed, 3, 6), seed=seed, **pauses)


def test_core_with_zero_points_is_golden(tmp_path: Path) -> None:
    graph = affine_stages(0)["prove"]
    with core(graph, tmp_path) as emitted:
        replay(graph, emitted, extreme_samples(graph, 0, 3, 6), seed=0, idle=90, stall=90)
