"""A core beyond its step limit, and with every sample that its port can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cores import core, replay
from qssmc_sim import run
from support.limits import answer, long_sequences, pooled


def test_sums_and_counts_stay_at_their_clamps_beyond_the_step_limit(tmp_path: Path) -> None:
    graph, samples = pooled(), long_sequences(7 + 20)
    assert run(graph, samples).outputs["mean"][:, 0].tolist() == answer(samples)
    with core(graph, tmp_path) as emitted:
        for length in (6, 7, 8, 9, 27):
            replay(graph, emitted, samples[:, :length])


def test_every_sample_of_the_port(tmp_path: Path) -> None:
    graph = pooled()
    with core(graph, tmp_path) as emitted:
        assert emitted.design["sample"]["width"] == graph.inputs[0].type.width
        replay(graph, emitted, np.arange(-8, 8).reshape(8, 2, 1))
