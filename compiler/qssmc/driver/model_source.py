"""ModelSource: a model to compile, whatever it came from: a checkpoint, a traced module or an ONNX step graph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed import is_trained_quantised
from qssmc.data import InputFormat
from qssmc.driver.importing import foreign
from qssmc.driver.live import symbol
from qssmc.driver.traced_model import SUFFIX, TracedModel, load_traced
from qssmc.errors import UsageError
from qssmc.frontend.answers import compare_with_answers
from qssmc.ir.answers import answering
from qssmc.ir.graph import Graph
from qssmc_sim import run

if TYPE_CHECKING:
    from qssmc.models import Checkpoint

ONNX_STEPS = 4096  # a mean over the steps of an ONNX model is exact for, if nothing else is asked for
MOST_STEPS = 1 << 30  # what QuantiseOptions takes at most


@dataclass(frozen=True)
class ModelSource:
    """graph: the float graph under a name; check: its largest relative error on real samples against `against`.

    calibration: what the model brings, or None; pooled: whether it answers from a mean over the steps.
    data_set: what it was trained on, where it says so. max_steps: the longest sequence that a mean is exact for, and
    name: the prefix of emitted symbols, if nothing else is asked for. answers: whether it says of its outputs what they
    are. length: of the sequences that it was trained on. answered: on how many sequences of its own it is
    checked, where it keeps what it answered. quantised: whether it was trained with quantisers or tables on grids.
    """

    what: str
    against: str
    sha256: str
    d_input: int
    input_format: InputFormat
    calibration: NDArray[Any] | None
    pooled: bool
    parameters: int
    graph: Callable[[str], Graph]
    check: Callable[[Graph, NDArray[np.float64]], float]
    max_steps: int
    name: str = "model"
    data_set: str | None = None
    answered: int | None = None
    answers: bool = True
    length: int | None = None
    quantised: bool = False


def read_model(path: Path, states: str | None = None, input_format: InputFormat | None = None) -> ModelSource:
    """A model by its file's ending: .onnx, .qssm, else a checkpoint.

    states, input_format: of an ONNX step, see from_onnx. Of weights that others saved, the error says what they are
    and how to import them. Raises UsageError for options that a file answers itself.
    """
    if path.exists() and not path.is_file() and not (path / "config.json").exists():  # HuggingFace's folder
        raise UsageError(f"model file {path} is not a file; give a .pt, .safetensors, .onnx or .qssm")
    if path.suffix == ".onnx":
        return from_onnx(path, states, input_format)
    for flag, value in (("--state", states), ("--input-format", input_format)):
        if value is not None:
            raise UsageError(f"{flag} is for ONNX steps (.onnx); {path.name} says this itself")
    if path.suffix == SUFFIX:
        return from_traced(load_traced(path))
    from qssmc.models import load_checkpoint
    from qssmc.models.checkpoint import ForeignFileError

    try:
        checkpoint = load_checkpoint(path)
    except ForeignFileError as error:
        better = foreign(path) if path.exists() else None
        raise error if better is None else better from error
    return from_checkpoint(checkpoint, hashlib.sha256(path.read_bytes()).hexdigest(), symbol(path.stem))


def default_steps(sequence_length: int) -> int:
    """The longest sequence that a mean is exact for: four times the length that a model was trained on."""
    return min(4 * sequence_length, MOST_STEPS)


def from_checkpoint(checkpoint: Checkpoint, sha256: str, name: str = "model") -> ModelSource:
    """A model in torch."""
    from qssmc.frontend import compare_with_module, trace

    module, d_input = checkpoint.build(), checkpoint.config.d_input
    parameters = sum(p.numel() for p in module.parameters())
    return ModelSource(
        f"trace: {type(module).__name__} with {parameters} parameters",
        "the torch module",
        sha256,
        d_input,
        checkpoint.input_format,
        checkpoint.calibration,
        checkpoint.config.output == "pooled",
        parameters,
        lambda name: answering(trace(module, d_input, name), checkpoint.config.kind),
        lambda graph, samples: compare_with_module(graph, module, samples, lambda g, x: run(g, x).outputs),
        default_steps(checkpoint.sequence_length),
        name,
        checkpoint.provenance.get("data_set"),
        length=checkpoint.sequence_length,
    )


def from_traced(model: TracedModel) -> ModelSource:
    """A model whose code is not at hand: what it answered is kept with it, and checked against on those sequences."""
    kept = model.calibration[: len(model.answers)]
    real = model.input_format.to_real(kept).astype(np.float64)
    return ModelSource(
        f"trace: {model.module} with {model.parameters} parameters",
        "the torch module's recorded answers",
        model.sha256,
        model.graph.inputs[0].type.shape[0],
        model.input_format,
        model.calibration,
        model.ends,
        model.parameters,
        lambda name: replace(model.graph, name=name),
        lambda graph, samples: compare_with_answers(
            graph, real, model.answers, lambda g, x: run(g, x).outputs, tolerance=model.tolerance
        ),
        default_steps(model.sequence_length),
        model.name,
        answered=len(model.answers),
        answers=all(output.kind != "values" for output in model.graph.outputs),
        length=model.sequence_length,
        quantised=is_trained_quantised(model.graph),
    )


def from_onnx(path: Path, states: str | None = None, input_format: InputFormat | None = None) -> ModelSource:
    """A float step graph in ONNX, X_step.onnx, with X_last.onnx beside it where the answer comes at the end.

    states: outputs that states become, as --state takes them; input_format: of the samples, in place of what the file
    says, or of unsigned bytes from 0 to 1.
    """
    from qssmc.frontend.onnx import compare_with_runtime, import_onnx

    imported = import_onnx(path, "model", states)
    files = [path, *([imported.closing.path] if imported.closing else [])]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    paired = ", ".join(f"{name} -> {output}" for name, output in imported.becomes.items())
    return ModelSource(
        f"import: {path.name} with {imported.parameters} numbers" + (f"; states {paired}" if paired else ""),
        "ONNX Runtime",
        digest,
        imported.graph.inputs[0].type.shape[0],
        imported.input_format if input_format is None else input_format,
        None,
        any(output.mean for output in imported.graph.outputs),
        imported.parameters,
        lambda name: replace(imported.graph, name=name),
        lambda graph, samples: compare_with_runtime(imported, samples, lambda g, x: run(g, x).outputs),
        ONNX_STEPS,
        symbol(path.stem),
        answers=all(output.kind != "values" for output in imported.graph.outputs),
        quantised=is_trained_quantised(imported.graph),
    )
