"""Evaluate: the accuracy of a model or of a compiled design on a data set, by one of three engines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qssmc.data import Sequences
from qssmc.errors import UsageError
from qssmc.folder import read_manifest
from qssmc.ir.text import parse

Engine = Literal["torch", "golden", "c"]
ENGINES: tuple[Engine, ...] = ("torch", "golden", "c")
_BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """right of count sequences classified right; predictions (count,); seconds of the runs alone."""

    engine: str
    count: int
    right: int
    predictions: NDArray[np.int64]
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of right answers, in percent."""
        return 100.0 * self.right / self.count


def evaluate(
    path: Path, engine: Engine, data: Sequences, *, cc: str | None = None, progress: Callable[[int], None] | None = None
) -> Evaluation:
    """Classify every sequence. path: a checkpoint for torch, a compiled folder for golden and c.

    Per-step models are judged by their answer at the last step.
    """
    if not len(data):
        raise UsageError("the data set is empty, so there is nothing to evaluate")
    classify = {"torch": _torch, "golden": _golden, "c": _emitted}[engine](path, data, cc)
    predictions, seconds = [], 0.0
    for start in range(0, len(data), _BATCH):
        started = time.monotonic()
        predictions.append(classify(data.samples[start : start + _BATCH]))
        seconds += time.monotonic() - started
        if progress:
            progress(start + len(predictions[-1]))
    found = np.concatenate(predictions)
    return Evaluation(engine, len(data), int((found == data.labels).sum()), found, seconds)


Classify = Callable[[NDArray[Any]], NDArray[np.int64]]


def _answer(outputs: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    (values,) = outputs.values()
    if values.ndim == 3:
        values = values[:, -1]
    return np.asarray(values.argmax(axis=-1), np.int64)


def _torch(path: Path, data: Sequences, cc: str | None) -> Classify:
    import torch

    from qssmc.models import load_checkpoint

    if path.is_dir():
        raise UsageError(f"--engine torch takes a model file, but {path} is a folder")
    module = load_checkpoint(path).build()

    def classify(samples: NDArray[Any]) -> NDArray[np.int64]:
        with torch.no_grad():
            return _answer({"y": module(torch.from_numpy(data.format.to_real(samples))).numpy()})

    return classify


def _golden(path: Path, data: Sequences, cc: str | None) -> Classify:
    from qssmc_sim import run

    graph = parse((path / str(_design(path, data)["golden"])).read_text())
    return lambda samples: _answer(run(graph, samples.astype(np.int64)).outputs)


def _emitted(path: Path, data: Sequences, cc: str | None) -> Classify:
    from qssmc_sim.emitted_c import EmittedC

    _design(path, data)
    emitted = EmittedC(path / "c", cc=cc)
    return lambda samples: _answer(emitted.run(samples))


def _design(path: Path, data: Sequences) -> dict[str, Any]:
    manifest = read_manifest(path)
    wanted = manifest["input_format"]
    found = {"width": data.format.width, "frac": data.format.frac, "signed": data.format.signed}
    if wanted != found:
        raise UsageError(f"the design takes samples {wanted}, but the data set has {found}")
    return manifest
