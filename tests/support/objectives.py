"""An objective of the tiny model, labelled by the float model, and an executor that counts what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.driver.autotune import objective_of
from qssmc.frontend import trace
from qssmc.ir.answers import answering
from qssmc.passes.methods import FULL
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc.search import Cached, Explorer, InProcess, Measured, Objective
from qssmc.search.executors import Trial
from qssmc.search.objective import with_labels
from qssmc_sim import run
from support.tiny import LENGTH, tiny_checkpoint


def tiny_objective(count: int = 12, labels: bool = False, methods: Any = FULL, **config: Any) -> Objective:
    checkpoint = tiny_checkpoint(**config)
    module = checkpoint.build()
    drawn = sequences(count + 40, checkpoint.config.d_input)
    if labels:  # the classes of an untrained model are made to be about as many
        with torch.no_grad():
            module.decoder.bias -= module(torch.from_numpy(checkpoint.input_format.to_real(drawn))).mean(dim=0)
    parameters = sum(p.numel() for p in module.parameters())
    graph = answering(trace(module, checkpoint.config.d_input, "tiny"), checkpoint.config.kind)
    options = QuantiseOptions(dither=True, max_steps=4 * LENGTH)
    plan = PassPlan(graph, options, checkpoint.input_format, Calibration(drawn[:count], run), methods)
    objective = objective_of(plan, parameters, None)
    if not labels:
        return objective
    answers = objective.results(objective.graph, Calibration(plan.real(drawn[count:]), run))
    return with_labels(objective, drawn[count:], answers.argmax(axis=1))


def sequences(count: int, channels: int) -> NDArray[np.int64]:
    """Slow waves of random depth and pace, so that the answers differ."""
    rng = np.random.default_rng(3)
    depth, pace = rng.uniform(20, 127, (count, 1, channels)), rng.uniform(0.1, 2.0, (count, 1, channels))
    wave = 128 + depth * np.sin(pace * np.arange(LENGTH)[None, :, None])
    return np.rint(wave).astype(np.int64)


class Counting:
    """Works alone and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Trial] = []

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        self.asked += trials
        yield from InProcess().results(objective, trials)


def tiny_explorer(objective: Objective | None = None, **options: Any) -> Explorer:
    return Explorer(tiny_objective() if objective is None else objective, Cached(Counting()), **options)
