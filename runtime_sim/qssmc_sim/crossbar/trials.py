"""Trials: a test set classified by many drawn devices, in parallel processes, the same whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.answers import labelled_output, predictions
from qssmc.ir.text import parse, print_graph
from qssmc_sim.crossbar.draw import Readouts, Setup, draw, learn_readouts

_AT_ONCE = 250  # sequences, whose states the second-level cache holds
_RESAMPLES = 2000


@dataclass(frozen=True)
class Trials:
    """right: whether each device classified each sequence right, (devices, sequences)."""

    right: NDArray[np.bool_]

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Of each device, in percent."""
        return np.asarray(100.0 * self.right.mean(axis=1))

    @property
    def accuracy(self) -> float:
        """Over all devices and sequences, in percent."""
        return float(100.0 * self.right.mean())

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Bootstrap interval of the accuracy in percent, devices and sequences both drawn anew; always the same."""
        rng = np.random.default_rng(0)
        devices, sequences = self.right.shape
        # A resample of sequences is a count each; their products with the devices' answers are all that is needed.
        counts = rng.multinomial(sequences, np.full(sequences, 1.0 / sequences), _RESAMPLES)
        scores = counts @ self.right.T.astype(np.float64) / sequences
        chosen = rng.integers(0, devices, (_RESAMPLES, devices))
        means = np.take_along_axis(scores, chosen, axis=1).mean(axis=1)
        low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        return float(100.0 * low), float(100.0 * high)


def run_trials(
    setup: Setup,
    samples: NDArray[np.int64],
    labels: NDArray[np.int64],
    trials: int,
    *,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Trials:
    """Classify samples (sequences, steps, d_input) with so many devices. progress is told how many are done."""
    if trials < 1 or not len(samples):
        raise UsageError("a simulation needs at least one device and one sequence")
    readouts = learn_readouts(setup, seed) if setup.correction == "draws" else None
    rows = []
    for done, row in enumerate(_rows(setup, samples, labels, trials, seed, jobs, readouts), start=1):
        rows.append(row)
        if progress:
            progress(done)
    return Trials(np.stack(rows))


def _rows(
    setup: Setup,
    samples: NDArray[np.int64],
    labels: NDArray[np.int64],
    trials: int,
    seed: int,
    jobs: int,
    readouts: Readouts | None,
) -> Iterator[NDArray[np.bool_]]:
    if jobs <= 1:
        for trial in range(trials):
            yield classified(setup, samples, labels, (seed, trial), readouts)
        return
    # Graphs do not pickle; their text is exact and parses back.
    rest = {name: getattr(setup, name) for name in ("device", "correction", "calibration", "lanes")}
    state = (print_graph(setup.graph), {**rest, "places": dict(setup.places)}, samples, labels, seed, readouts)
    with ProcessPoolExecutor(min(jobs, trials), get_context("spawn"), _start, (state,)) as pool:
        yield from pool.map(_trial, range(trials))


def classified(
    setup: Setup,
    samples: NDArray[np.int64],
    labels: NDArray[np.int64],
    seed: tuple[int, int],
    readouts: Readouts | None = None,
) -> NDArray[np.bool_]:
    """Whether one device classifies each sequence right. The device and the noise of its reads follow from the seed."""
    device = draw(setup, seed, readouts)
    machine = device.machine(setup.graph, np.random.Generator(np.random.SFC64([*seed, 1])))
    found, output = [], labelled_output(setup.graph)
    for start in range(0, len(samples), _AT_ONCE):
        values = machine.run(samples[start : start + _AT_ONCE])[output.name]
        answers = values[:, -1] if values.ndim == 3 else values
        found.append(predictions(output.kind, answers, int(labels.max()) + 1))
    return np.asarray(np.concatenate(found) == labels)


_STATE: dict[str, Any] = {}


def _start(state: tuple[str, Mapping[str, Any], Any, Any, int, Readouts | None]) -> None:
    """Make ready a process."""
    text, options, samples, labels, seed, readouts = state
    _STATE.update(setup=Setup(parse(text), **options), samples=samples, labels=labels, seed=seed, readouts=readouts)


def _trial(trial: int) -> NDArray[np.bool_]:
    seed = (int(_STATE["seed"]), trial)
    return classified(_STATE["setup"], _STATE["samples"], _STATE["labels"], seed, _STATE["readouts"])
