"""RMS norm and exponential as a core, and as a core around arrays: equal to golden under Icarus."""

from __future__ import annotations

from pathlib import Path

import pytest

from cores import core, replay, write
from qssmc.crossbar import CrossbarOptions
from qssmc_sim.emitted_verilog import EmittedVerilog
from support.arrays import laid_from
from support.one_op import extreme_samples
from support.root_norm import root_norm_stages

PAUSES = ({}, {"idle": 90, "stall": 90})


@pytest.mark.parametrize("seed", range(2))
def test_core_is_golden(tmp_path: Path, seed: int) -> None:
    graph = root_norm_stages(seed)["prove"]
    with core(graph, tmp_path) as emitted:
        for pauses in PAUSES:
            replay(graph, emitted, extreme_samples(graph, seed, 3, 6), seed=seed, **pauses)


def test_core_around_arrays_is_golden(tmp_path: Path) -> None:
    found = laid_from(root_norm_stages(0)["prove"], CrossbarOptions())
    graph = found.stages["convert"]
    with EmittedVerilog(write(graph, tmp_path, crossbar=found.crossbar)) as emitted:
        replay(graph, emitted, found.samples[:2, :5], seed=1)
