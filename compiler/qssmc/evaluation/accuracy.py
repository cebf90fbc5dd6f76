"""Accuracy: of a model or of a compiled design on a data set, by torch, golden or what was emitted for a target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.manifest import altered_text, changed_files, read_manifest
from qssmc.data import InputFormat, Sequences
from qssmc.driver.engine import load_engine
from qssmc.errors import MalformedInputError, UsageError, VerificationError
from qssmc.ir.answers import labelled_output, predictions
from qssmc.ir.graph import Graph, Kind
from qssmc.ir.text import read_graph
from qssmc.ir.verify import IRError
from qssmc.targets.executable import golden_executable
from qssmc.targets.registry import BACKENDS
from qssmc.verification.toolchain import Toolchain

TORCH, GOLDEN = "torch", "golden"
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


def engines() -> tuple[str, ...]:
    """What can compute: torch, golden, and every target."""
    return (TORCH, GOLDEN, *BACKENDS)


def evaluate(
    path: Path,
    engine: str,
    data: Sequences,
    *,
    tools: Toolchain | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Classify every sequence. path: a checkpoint for torch, a compiled folder for the others, golden and targets.

    Per-step models are judged by their answer at the last step. Raises UsageError for an unknown engine, for data that
    the model does not take and where the folder has no such target.
    """
    if engine not in engines():
        raise UsageError(f"--engine must be {', '.join(engines()[:-1])} or {engines()[-1]}, not {engine!r}")
    if not len(data):
        raise UsageError("the data set is empty, so there is nothing to evaluate")
    predictions, seconds = [], 0.0
    with _classifier(engine, path, data, tools or Toolchain()) as classify:
        for start in range(0, len(data), _BATCH):
            started = time.monotonic()
            predictions.append(classify(data.samples[start : start + _BATCH]))
            seconds += time.monotonic() - started
            if progress:
                progress(start + len(predictions[-1]))
    found = np.concatenate(predictions)
    return Evaluation(engine, len(data), int((found == data.labels).sum()), found, seconds)


Classify = Callable[[NDArray[Any]], NDArray[np.int64]]


def _answer(values: NDArray[Any], kind: Kind, data: Sequences) -> NDArray[np.int64]:
    return predictions(kind, values[:, -1] if values.ndim == 3 else values, int(data.labels.max()) + 1)


@contextmanager
def _classifier(engine: str, path: Path, data: Sequences, tools: Toolchain) -> Iterator[Classify]:
    """What classifies samples of a data set: (count, length, channels) to (count,)."""
    if engine == TORCH:
        yield _torch(path, data)
        return
    graph = design_of(path, data, None if engine == GOLDEN else engine)
    judged = labelled_output(graph)
    design = golden_executable(graph) if engine == GOLDEN else load_engine(path, graph, engine, tools)
    with design:
        yield lambda samples: _answer(design.run(samples)[judged.name], judged.kind, data)


def _torch(path: Path, data: Sequences) -> Classify:
    import torch

    from qssmc.models import load_checkpoint

    if path.is_dir():
        raise UsageError(f"--engine torch takes a model file, but {path} is a folder")
    checkpoint = load_checkpoint(path)
    _check_samples(data, checkpoint.input_format, checkpoint.config.d_input)
    module, kind = checkpoint.build(), checkpoint.config.kind

    def classify(samples: NDArray[Any]) -> NDArray[np.int64]:
        with torch.no_grad():
            return _answer(module(torch.from_numpy(data.format.to_real(samples))).numpy(), kind, data)

    return classify


def design_of(path: Path, data: Sequences, target: str | None = None) -> Graph:
    """The golden model of a folder that takes such samples, and whose files of a target, or of all, are as compiled."""
    manifest = read_manifest(path)
    rooms = ("ir", *((target,) if target else BACKENDS))
    altered = [name for name in changed_files(path, manifest) if name.split("/")[0] in rooms]
    if altered:
        raise VerificationError(altered_text(altered))
    try:
        wanted = InputFormat(**manifest["input_format"])
        graph = read_graph(path / str(manifest["golden"]))
        most = int(manifest["config"]["quantise"]["max_steps"])
    except (OSError, ValueError, KeyError, TypeError, UsageError, IRError) as error:
        raise MalformedInputError(f"{path} is not complete ({error}); compile the model again") from error
    _check_samples(data, wanted, graph.inputs[0].type.shape[0])
    if target and not any(name.startswith(f"{target}/") for name in manifest["files"]):
        raise UsageError(f"{path} holds no {target}; compile the model with --target {target}")
    length = data.samples.shape[1]
    if length > most and any(output.mean for output in graph.outputs):
        raise UsageError(
            f"the mean in this design is exact for {most} steps, but the data set has {length}; "
            f"compile the model with --max-steps {length}"
        )
    return graph


def _check_samples(data: Sequences, wanted: InputFormat, d_input: int) -> None:
    """Refuse data that the model would take for something else."""
    if (data.format, data.samples.shape[2]) != (wanted, d_input):
        raise UsageError(
            f"the model takes {wanted}, {d_input} a sample, "
            f"but the data set has {data.format}, {data.samples.shape[2]} a sample"
        )
