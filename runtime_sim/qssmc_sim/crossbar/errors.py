"""Errors: how far a drawn device is from what was wanted, array by array and step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc_sim.crossbar.draw import Drawn, Setup, draw
from qssmc_sim.crossbar.kernel import kernels_of
from qssmc_sim.crossbar.machine import ArrayMachine


@dataclass(frozen=True)
class ArrayError:
    """Errors of a product's cells over all devices, relative to their columns' largest weights."""

    name: str
    cells: int
    rms: float
    mean: float
    worst: float


def array_errors(setup: Setup, trials: int, seed: int = 0) -> tuple[ArrayError, ...]:
    """Errors of every product's programmed weights, before any correction."""
    drawn = [draw(Setup(setup.graph, setup.device, places=setup.places), (seed, trial)) for trial in range(trials)]
    found = []
    for kernel in kernels_of(setup.graph):
        target = kernel.weight.astype(np.float64)
        held = target != 0
        largest = np.maximum(np.abs(target).max(axis=1, keepdims=True), 1.0)
        errors = np.stack([((device.held[kernel.name].weights - target) / largest)[held] for device in drawn])
        worst = float(np.abs(errors).max(initial=0.0))
        rms, mean = (float(np.sqrt((errors**2).mean())), float(errors.mean())) if held.any() else (0.0, 0.0)
        found.append(ArrayError(kernel.name, int(held.sum()), rms, mean, worst))
    return tuple(found)


def error_over_time(setup: Setup, device: Drawn, samples: NDArray[np.int64], seed: int = 0) -> NDArray[np.float64]:
    """What a device's y columns read beside what the ideal ones do, at every step: (steps, products).

    The rms over the sequences of the difference, relative to the rms of the ideal over all sequences and steps.
    """
    names = [kernel.name for kernel in kernels_of(setup.graph)]
    steps = samples.shape[1]
    wanted = np.zeros((steps, len(names), len(samples)))
    found = np.zeros_like(wanted)

    def into(rows: NDArray[np.float64]) -> Any:
        def see(t: int, values: Mapping[str, NDArray[Any]]) -> None:
            if t < steps:
                rows[t] = [values[name][-1] for name in names]

        return see

    ArrayMachine(setup.graph, {}).run(samples, into(wanted))
    device.machine(setup.graph, np.random.Generator(np.random.SFC64([seed, 2]))).run(samples, into(found))
    scale = np.sqrt((wanted**2).mean(axis=(0, 2)))
    error = np.sqrt(((found - wanted) ** 2).mean(axis=2))
    return np.asarray(error / np.where(scale > 0, scale, 1.0))
