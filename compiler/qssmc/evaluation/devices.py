"""Devices: a compiled crossbar design on devices whose errors are drawn: accuracies, errors and pictures of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.manifest import read_manifest, to_json
from qssmc.data import InputFormat, Sequences
from qssmc.data.calibration import load_calibration
from qssmc.data.npy import read_npy
from qssmc.errors import MalformedInputError, UsageError
from qssmc.evaluation.accuracy import design_of
from qssmc.ir.answers import labelled_output, predictions
from qssmc.ir.graph import Graph
from qssmc.ir.text import read_graph
from qssmc.report import Line, line_chart, shade_map
from qssmc_sim.crossbar import Device, Setup, Trials, array_errors, draw, error_over_time, run_trials
from qssmc_sim.crossbar.cells import program
from qssmc_sim.crossbar.kernel import kernels_of
from qssmc_sim.crossbar.machine import ArrayMachine

_WATCHED = 64  # sequences that the error over time is taken over
_LEARNT_FROM = 64  # calibration sequences, if the user does not say
SWEPT = ("programming", "read", "age", "stuck_on", "stuck_off", "wire")


@dataclass(frozen=True)
class Simulation:
    """What was asked for. sweep: a field of the device and its values, or None for the device as it is."""

    device: Device
    correction: str = "none"
    trials: int = 10
    seed: int = 0
    jobs: int = 1
    sweep: tuple[str, tuple[float, ...]] | None = None

    def points(self) -> tuple[tuple[float | None, Device], ...]:
        """The devices to draw from, each with its value of the sweep."""
        if self.sweep is None:
            return ((None, self.device),)
        name, values = self.sweep
        return tuple((value, self.device.with_(**{name: value})) for value in values)


@dataclass(frozen=True)
class SimulationResult:
    """ideal: accuracy in percent without errors; points: (swept value, trials); arrays: of the first point."""

    ideal: float
    points: tuple[tuple[float | None, Trials], ...]
    arrays: tuple[dict[str, Any], ...]

    def record(self, asked: Simulation) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "device": asked.device.name,
            "source": asked.device.source,
            "correction": asked.correction,
            "seed": asked.seed,
            "ideal_accuracy": round(self.ideal, 3),
            "swept": asked.sweep[0] if asked.sweep else None,
            "points": [_point(value, trials) for value, trials in self.points],
            "arrays": list(self.arrays),
        }


def simulate(
    folder: Path, asked: Simulation, data: Sequences, calib: str | None, root: Path | None, progress: Callable[[], None]
) -> tuple[SimulationResult, Setup]:
    """Classify data with the ideal design and with drawn ones. calib: as of compile, for corrections that learn."""
    graph = analog_of(folder, data)
    samples = data.samples.astype(np.int64)
    learnt = calibration_of(folder, asked, calib, root, graph)
    setup = Setup(graph, asked.device, asked.correction, learnt, lanes=lanes_of(folder))  # type: ignore[arg-type]
    ideal = ideal_accuracy(graph, samples, data.labels)
    points = []
    for value, device in asked.points():
        here = replace(setup, device=device)
        told = lambda done: progress()  # noqa: E731
        trials = run_trials(here, samples, data.labels, asked.trials, seed=asked.seed, jobs=asked.jobs, progress=told)
        points.append((value, trials))
    first = Setup(graph, asked.points()[-1][1])
    errors = array_errors(first, min(asked.trials, 4), asked.seed)
    return SimulationResult(ideal, tuple(points), tuple(vars(error) for error in errors)), setup


def ideal_accuracy(graph: Graph, samples: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Of the design without any error, in percent; the simulator then is the golden model."""
    machine, right, output = ArrayMachine(graph, {}), 0, labelled_output(graph)
    for start in range(0, len(samples), 250):
        values = machine.run(samples[start : start + 250])[output.name]
        answers = predictions(output.kind, values[:, -1] if values.ndim == 3 else values, int(labels.max()) + 1)
        right += int((answers == labels[start : start + 250]).sum())
    return 100.0 * right / len(samples)


def pictures(setup: Setup, found: SimulationResult, asked: Simulation, samples: NDArray[np.int64]) -> dict[str, bytes]:
    """Conductance maps, error over time, and, of a sweep, accuracy over it; with the record, by file name."""
    files = {"simulation.json": to_json(found.record(asked))}
    device = asked.points()[-1][1]
    here = replace(setup, device=device)
    if setup.correction != "draws":
        drawn = draw(here, (asked.seed, 0))
        error = 100.0 * error_over_time(here, drawn, samples[:_WATCHED], asked.seed)
        steps = np.arange(len(error)).tolist()
        lines = [
            Line(
                "median product",
                steps,
                np.median(error, axis=1).tolist(),
                error.min(axis=1).tolist(),
                error.max(axis=1).tolist(),
            )
        ]
        note = f"{device.name}, correction {setup.correction}; band: best and worst product"
        chart = line_chart("what the y columns read, beside ideal arrays", "step", "rms error, % of rms", lines, note)
        files["error_over_time.svg"] = chart.encode()
    kernel = max(kernels_of(setup.graph), key=lambda k: k.weight.size)
    rng = np.random.Generator(np.random.SFC64([asked.seed, 0]))
    held = program(kernel.weight.astype(np.float64), device, rng)
    for name, values in (("target", kernel.weight.astype(np.float64)), ("held", held)):
        note = f"|G+ - G-| over its column's largest, {kernel.weight.shape[1]} rows down, one draw of {device.name}"
        largest = np.maximum(np.abs(kernel.weight).max(axis=1, keepdims=True), 1)
        files[f"conductances_{name}.svg"] = shade_map(
            f"{kernel.name}: {name}", np.abs(values / largest).T, note
        ).encode()
    if asked.sweep is not None:
        x = [float(value or 0.0) for value, _ in found.points]
        bounds = [trials.interval() for _, trials in found.points]
        line = Line(
            f"correction {setup.correction}",
            x,
            [trials.accuracy for _, trials in found.points],
            [low for low, _ in bounds],
            [high for _, high in bounds],
        )
        ideal = Line("ideal", [x[0], x[-1]], [found.ideal] * 2)
        note = f"{asked.device.name}, {asked.trials} devices a point; band: 95 % interval"
        title = f"accuracy over {asked.sweep[0]}"
        files["accuracy.svg"] = line_chart(title, asked.sweep[0], "accuracy, %", [line, ideal], note).encode()
    return files


def calibration_of(
    folder: Path, asked: Simulation, calib: str | None, root: Path | None, graph: Graph
) -> NDArray[np.int64] | None:
    """Sequences to learn from: those asked for, else those that the design was verified with."""
    if asked.correction not in ("refit", "draws"):
        return None
    manifest = read_manifest(folder)
    try:
        input_format = InputFormat(**manifest["input_format"])
        recorded = read_npy(folder / "vectors" / "samples.npy")[:_LEARNT_FROM]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    samples, _ = load_calibration(
        calib, recorded, input_format, graph.inputs[0].type.shape[0], seed=asked.seed, data=root
    )
    return samples


def analog_of(folder: Path, data: Sequences) -> Graph:
    """The graph whose products devices are drawn for: of oscillators the one before their heads share reads."""
    graph = design_of(folder, data)
    if (found := next((folder / "ir").glob("*_oscillate.ir"), None)) is not None:
        graph = read_graph(found)
    kernels_of(graph)
    return graph


def lanes_of(folder: Path) -> int:
    """How many lanes the arrays of a folder have for a signed weight."""
    config = read_manifest(folder).get("config", {}).get("crossbar", {})
    return 4 if config.get("encoding") == "four-lane" else 2


def sweep_of(text: str) -> tuple[str, tuple[float, ...]]:
    """A field of the device and its values, from NAME=VALUE,VALUE. Raises UsageError."""
    name, _, values = text.partition("=")
    name = name.replace("-", "_")
    try:
        found = tuple(float(value) for value in values.split(","))
    except ValueError:
        found = ()
    if name not in SWEPT or not found:
        raise UsageError(f"--sweep must be NAME=VALUE,VALUE with one of {', '.join(SWEPT)}, not {text}")
    return name, found


def _point(value: float | None, trials: Trials) -> dict[str, Any]:
    low, high = trials.interval()
    return {
        "value": value,
        "accuracy": round(trials.accuracy, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "devices": [round(float(one), 3) for one in trials.accuracies],
        "sequences": int(trials.right.shape[1]),
    }


def spread(accuracies: Sequence[float]) -> str:
    """The worst and the best device."""
    return f"{min(accuracies):.2f} to {max(accuracies):.2f}"
