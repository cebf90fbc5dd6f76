"""Live: a torch module of any class that can be traced, with calibration sequences, to a TracedModel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.c import as_prefix
from qssmc.data import DATASETS, InputFormat, load_split
from qssmc.data.calibration import load_calibration
from qssmc.data.sensor_arrays import SensorArray, in_format, plain_array
from qssmc.driver.traced_model import TracedModel
from qssmc.errors import UnsupportedModelError, UsageError, VerificationError
from qssmc.frontend.answers import TOLERANCE, answer_shape, compare_with_answers, lined
from qssmc.ir.answers import answering
from qssmc.ir.graph import Graph
from qssmc.regular_file import check_regular
from qssmc_sim import run

if TYPE_CHECKING:
    from torch import nn

    from qssmc.frontend.layers import Declared

COMPARED = 16  # sequences whose answers by torch are kept
_TRIED = 4  # steps that a model is tried on, to see which axis of an array is which
_NOT_THE_SAME = (
    "the module answers the same sequences differently each time; its forward is random, or keeps a count or state "
    "from call to call; leave that out of what is compiled"
)
Say = Callable[[str], None]


def traced_model(
    module: nn.Module,
    calibration: Any,
    input_format: InputFormat | None = None,
    *,
    name: str | None = None,
    seed: int = 0,
    data: Path | None = None,
    answer: str | None = None,
    lti: str | None = None,
    lti_error: float | None = None,
    say: Say = lambda sentence: None,
) -> TracedModel:
    """Trace a module and let it answer the first calibration sequences, in float64; the module stays as it is.

    calibration: an array, or text as --calib takes it; answer: what the outputs say, values if nobody says; lti and
    lti_error: layers to identify, as --lti and --lti-error take them. Raises
    UsageError for calibration that cannot be used, UnsupportedModelError for a module that cannot be traced.
    """
    from qssmc.frontend.compare import answers_of
    from qssmc.frontend.evaluated import evaluated
    from qssmc.frontend.layers import approximates
    from qssmc.frontend.tracing import trace

    module = evaluated(module)
    if isinstance(calibration, (str, Path)):
        given = _named(str(calibration), input_format, seed, data)
    else:
        given = in_format(_sequences(module, plain_array(calibration)), input_format)
    for sentence in given.said:
        say(sentence)
    kind = type(module).__name__
    declared = declared_of(lti, lti_error, given.samples.shape[1])
    graph = trace(module, given.samples.shape[2], symbol(kind) if name is None else name, interpreted, say, declared)
    graph = answering(graph, answer)
    real = given.input_format.to_real(given.samples[:COMPARED]).astype(np.float64)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    samples = given.samples.astype(_smallest(given.input_format))
    answered = answers_of(module, real, declared, _names(graph))
    if not np.array_equal(answered, answers_of(module, real, declared, _names(graph))):
        raise UnsupportedModelError(_NOT_THE_SAME)
    answers = _as_answered(graph, answered, samples.shape[1])
    tolerance = 10.0 * declared.error if approximates(module, declared) else TOLERANCE
    traced = TracedModel(graph, kind, given.input_format, samples.shape[1], parameters, samples, answers, tolerance)
    return replace(traced, tolerance=TOLERANCE) if tolerance > TOLERANCE and _agrees(traced, real) else traced


def declared_of(lti: str | None, lti_error: float | None, length: int | None = None) -> Declared:
    """What --lti (names, with commas between them) and --lti-error say of a module's layers."""
    from qssmc.frontend.layers import LTI_ERROR, Declared

    names = tuple(name for name in re.split(r"[,\s]+", lti or "") if name)
    return Declared(names, LTI_ERROR if lti_error is None else lti_error, length)


def _agrees(model: TracedModel, real: NDArray[np.float64]) -> bool:
    """Whether a model with layers that may be approximated is as near as one without."""
    try:
        compare_with_answers(model.graph, real, model.answers, interpreted)
    except VerificationError:
        return False
    return True


def interpreted(graph: Graph, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The outputs of a float graph: what the frontend compares layers with."""
    return run(graph, samples).outputs


def _names(graph: Graph) -> list[str]:
    return [output.name for output in graph.outputs]


def _as_answered(graph: Graph, answers: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Answers in the shape that the graph gives them: (count, outputs), or (count, length, outputs) at every step."""
    if len(graph.outputs) > 1:
        return answers
    return lined(answers, (len(answers), *answer_shape(graph, graph.outputs[0], length)))


def symbol(stem: str) -> str:
    """A file's or a class's name as a C prefix.

    >>> symbol("My-Model")
    'my_model'
    """
    return as_prefix(re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower()).rstrip("_")


def _named(source: str, input_format: InputFormat | None, seed: int, data: Path | None) -> SensorArray:
    """The sequences of a data set, which says their format, or of a file."""
    name = source.partition(":")[0]
    if input_format is None and name in DATASETS:
        input_format = load_split(name, "train", data).format
    if input_format is None:
        raise UsageError(f"calibration {source} needs input_format, what its integers stand for")
    channels = load_split(name, "train", data).samples.shape[2] if name in DATASETS else _channels(source)
    samples, _ = load_calibration(source, None, input_format, channels, seed=seed, data=data)
    return SensorArray(samples, input_format)


def _channels(path: str) -> int:
    """The extent of the last axis of a .npy file; what else is wrong with it, reading it says."""
    try:
        return int(np.load(check_regular(Path(path)), allow_pickle=False, mmap_mode="r").shape[-1])
    except (OSError, ValueError, IndexError, EOFError):
        return 1


def _sequences(module: nn.Module, array: NDArray[Any]) -> NDArray[Any]:
    """An array as (count, length, channels). Fewer axes are taken where the model takes them in one way alone."""
    if array.ndim == 3:
        return array
    if array.ndim == 1:
        ways = {"(length,)": array.reshape(1, -1, 1)}
    elif array.ndim == 2:
        ways = {"(count, length)": array[:, :, None], "(length, channels)": array[None]}
    else:
        raise UsageError(f"calibration must have shape (count, length, channels), not {array.shape}")
    fitting = [way for way in ways.values() if _takes(module, way[:1, :_TRIED])]
    if len(fitting) != 1:
        why = "fit" if fitting else "fit not at all"
        raise UsageError(
            f"calibration of shape {array.shape} could be {' or '.join(ways)}, which {why}; "
            "give (count, length, channels), as x[:, :, None] or x[None]"
        )
    return fitting[0]


def _takes(module: nn.Module, samples: NDArray[Any]) -> bool:
    """Whether a model answers to a sequence of such a shape."""
    from qssmc.frontend.compare import answers_of

    try:
        answers_of(module, samples.astype(np.float64))
    except UnsupportedModelError:
        return False
    return True


def _smallest(input_format: InputFormat) -> np.dtype[Any]:
    """The narrowest integer type of a format's samples."""
    low, high = input_format.bounds
    kinds = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)
    return np.dtype(next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))
