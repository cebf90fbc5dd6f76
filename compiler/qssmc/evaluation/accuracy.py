"""Evaluate: the accuracy of a model or of a compiled design on a data set, by one of five engines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.folder import altered_text, changed_files, read_manifest
from qssmc.data import InputFormat, Sequences
from qssmc.errors import MalformedInputError, UsageError, VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.text import parse
from qssmc.ir.verify import IRError
from qssmc.verification.checks import Tools

Engine = Literal["torch", "golden", "c", "hls", "onnx"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
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
    path: Path,
    engine: Engine,
    data: Sequences,
    *,
    tools: Tools | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Classify every sequence. path: a checkpoint for torch, a compiled folder for the other engines.

    Per-step models are judged by their answer at the last step.
    """
    if not len(data):
        raise UsageError("the data set is empty, so there is nothing to evaluate")
    classify = _CLASSIFIERS[engine](path, data, tools or Tools())
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


def _answer(outputs: dict[str, NDArray[Any]], data: Sequences) -> NDArray[np.int64]:
    (values,) = outputs.values()
    if values.ndim == 3:
        values = values[:, -1]
    classes = int(data.labels.max()) + 1
    if values.shape[-1] < classes:
        raise UsageError(
            f"the model gives {values.shape[-1]} numbers, too few for the {classes} classes of this data set"
        )
    return np.asarray(values.argmax(axis=-1), np.int64)


def _torch(path: Path, data: Sequences, tools: Tools) -> Classify:
    import torch

    from qssmc.models import load_checkpoint

    if path.is_dir():
        raise UsageError(f"--engine torch takes a model file, but {path} is a folder")
    checkpoint = load_checkpoint(path)
    _check_samples(data, checkpoint.input_format, checkpoint.config.d_input)
    module = checkpoint.build()

    def classify(samples: NDArray[Any]) -> NDArray[np.int64]:
        with torch.no_grad():
            return _answer({"y": module(torch.from_numpy(data.format.to_real(samples))).numpy()}, data)

    return classify


def _golden(path: Path, data: Sequences, tools: Tools) -> Classify:
    from qssmc_sim import run

    graph = design_of(path, data)
    return lambda samples: _answer(run(graph, samples.astype(np.int64)).outputs, data)


def _c(path: Path, data: Sequences, tools: Tools) -> Classify:
    from qssmc_sim.emitted_c import EmittedC

    design_of(path, data, "c")
    emitted = EmittedC(path / "c", cc=tools.cc)
    return lambda samples: _answer(emitted.run(samples), data)


def _hls(path: Path, data: Sequences, tools: Tools) -> Classify:
    from qssmc_sim.emitted_hls import EmittedHls

    design_of(path, data, "hls")
    emitted = EmittedHls(path / "hls", cxx=tools.cxx, ap_types=tools.ap_types)
    return lambda samples: _answer(emitted.run(samples), data)


def _onnx(path: Path, data: Sequences, tools: Tools) -> Classify:
    from qssmc_sim.emitted_onnx import EmittedOnnx

    emitted = EmittedOnnx(path / "onnx", design_of(path, data, "onnx"))
    return lambda samples: _answer(emitted.run(samples.astype(np.int64)), data)


_CLASSIFIERS: dict[Engine, Callable[[Path, Sequences, Tools], Classify]] = {
    "torch": _torch,
    "golden": _golden,
    "c": _c,
    "hls": _hls,
    "onnx": _onnx,
}


def design_of(path: Path, data: Sequences, target: str | None = None) -> Graph:
    """The golden model of a folder that takes such samples, and whose files of a target are as compiled."""
    manifest = read_manifest(path)
    altered = [name for name in changed_files(path, manifest) if name.startswith((f"{target or 'c'}/", "ir/"))]
    if altered:
        raise VerificationError(altered_text(altered))
    try:
        wanted = InputFormat(**manifest["input_format"])
        graph = parse((path / str(manifest["golden"])).read_text())
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
