"""The forecast of calibration counts what the passes do, and big jobs are told of, or refused, before they start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import qssmc
from qssmc.data import InputFormat
from qssmc.driver import forecast as forecasts
from qssmc.driver.forecast import OWN_WORK, RUNS, RUNS_A_LAYER, Forecast, check_memory
from qssmc.driver.watch import Watch
from qssmc.errors import UsageError
from qssmc.models import Checkpoint, ModelConfig, SequenceModel

COUNT, LENGTH = 24, 20


def checkpoint(n_layers: int) -> Checkpoint:
    torch.manual_seed(0)
    config = ModelConfig(d_input=1, d_model=4, d_state=3, d_output=2, n_layers=n_layers, dt_min=0.01, dt_max=0.5)
    samples = np.random.default_rng(0).integers(0, 256, (COUNT, LENGTH, 1))
    return Checkpoint(config, SequenceModel(config).state_dict(), InputFormat(8, 8, False), LENGTH, samples)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_passes_go_through_the_sequences_as_often_as_is_forecast(n_layers: int) -> None:
    works: list[tuple[str, int]] = []
    simulated: dict[str, int] = {}

    class Counted(Watch):
        def _count(self, steps: int) -> None:
            simulated[self._what] = simulated.get(self._what, 0) + steps

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qssmc.driver.compile.Watch", Counted)
        qssmc.compile(
            checkpoint(n_layers), name="m", vectors=2, progress=lambda what, done, of: works.append((what, of))
        )
    assert [what for what, _ in works][:2] == ["tracing", "pass canonicalise"]
    assert ("emission of c", 0) in works
    # Passes run parts of the graph as well, which cost less than a whole run of it.
    times = sum(simulated.values()) / (COUNT * LENGTH)
    assert RUNS + RUNS_A_LAYER * n_layers <= times <= 2.2 * (RUNS + RUNS_A_LAYER * n_layers)


def test_a_big_job_is_told_of_and_one_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(forecasts, "_seconds", lambda *_: 0.5)
    qssmc.compile(checkpoint(1), name="m", vectors=2, say=said.append)
    assert (
        f"calibration: {COUNT} sequences of {LENGTH} steps, about "
        f"{OWN_WORK * 7 * COUNT * LENGTH * 0.5 / 60:.0f} min and 0 MB" in said
    )
    monkeypatch.setattr(forecasts, "free_memory", lambda: 10_000)
    with pytest.raises(
        UsageError, match=r"only 0\.0 GB of memory are free; give fewer or shorter sequences with --calib"
    ):
        qssmc.compile(checkpoint(1), name="m", vectors=2)


def test_memory_counts_the_sequences_twice_and_what_refit_keeps() -> None:
    with pytest.MonkeyPatch.context() as patch:
        found: list[Forecast] = []
        patch.setattr("qssmc.driver.compile.check_memory", found.append)
        qssmc.compile(checkpoint(1), name="m", vectors=2)
    kept = 4 + 4 + 8 + 2  # encoder, readout, mixing (GLU), decoder
    assert found[0].memory == 8 * (2 * COUNT * LENGTH + COUNT * 7 * kept)
    check_memory(found[0])


def test_the_simulator_that_counts_gives_the_same_and_shows_the_same() -> None:
    told: list[tuple[str, int, int]] = []
    watch = Watch(lambda *word: told.append(word))
    watch.size = 6
    seen: list[int] = []

    def run(graph: Any, samples: NDArray[Any], observe: Any = None) -> Any:
        for t in range(samples.shape[1] + 1):
            observe(t, {})
        return samples

    watch.begin("work")
    watch._next = 0.0
    samples = np.zeros((2, 3, 1))
    assert watch.simulator(run)(None, samples, lambda t, values: seen.append(t)) is samples  # type: ignore[arg-type]
    assert seen == [0, 1, 2, 3]
    assert told[:2] == [("work", 0, 0), ("work", 2, 6)]
    assert Watch().simulator(run) is run
