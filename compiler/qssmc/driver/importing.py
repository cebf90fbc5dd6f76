"""Importing: a file of weights, and sequences with the model's own answers, to a TracedModel; and what a file is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data import InputFormat
from qssmc.data.calibration import load_calibration
from qssmc.data.npy import read_npy
from qssmc.data.sensor_arrays import SensorArray, in_format
from qssmc.driver.live import COMPARED, interpreted, symbol
from qssmc.driver.traced_model import TracedModel
from qssmc.errors import MalformedInputError, QssmcError, UsageError, VerificationError, brief
from qssmc.frontend.answers import TOLERANCE as EXACT
from qssmc.frontend.importing.arrays import open_arrays
from qssmc.frontend.importing.assembly import graph_of
from qssmc.frontend.importing.kinds import RefusedPickleError
from qssmc.frontend.importing.names import copies_of, flax
from qssmc.frontend.importing.questions import questions_of, told
from qssmc.frontend.importing.stack import Stack
from qssmc.frontend.importing.trial import TOLERANCE, Expected, Say, TriedReading, ended, is_closed, read_by, stacks_of
from qssmc.ir.answers import answering
from qssmc.ir.graph import Graph, Kind

_KINDS: Mapping[str, Kind] = {"softmax": "class", "log_softmax": "class", "sigmoid": "flags"}


@dataclass(frozen=True)
class ImportedModel:
    """A model made of a file of weights: what the file is in words, how it was read, and the error of its float IR."""

    what: str
    reading: TriedReading
    model: TracedModel
    error: float


def what_is(path: Path) -> str:
    """A file of weights in words, and how to import it; raises QssmcError, which says why, for one that cannot be."""
    found, arrays = open_arrays(path)
    copies = copies_of(arrays)
    stack = next(iter(stacks_of(copies, f"{path}, {found.what},").values()))
    return (
        f"{path} is {found.what} with {stack.told}; run: qssmc import {path} --expect x.npy y.npy -o model.qssm, "
        "with sequences and what the model answers to them"
    )


def import_model(
    path: Path,
    expect: tuple[Path, Path] | None,
    given: Mapping[str, str],
    *,
    name: str | None = None,
    tolerance: float = TOLERANCE,
    calibration: str | None = None,
    answer: Kind | None = None,
    seed: int = 0,
    data: Path | None = None,
    say: Say = lambda sentence: None,
) -> ImportedModel:
    """Read weights, try what they leave open on the expected answers, and make the model that reproduces these.

    expect: files of sequences x (count, length, channels) and of what the model answers to them; given: answers to
    questions by name; calibration: FILE.npy or DATASET[:COUNT], x itself if not given. Raises MalformedInputError for
    files that are damaged, UsageError for what is open without `expect`, VerificationError where no reading fits.
    """
    found, arrays = open_arrays(path)
    copies = copies_of(arrays)
    what = f"{path}, {found.what},"
    stacks = stacks_of(copies, what)
    stack = next(iter(stacks.values()))
    say(f"{path} is {found.what} with {stack.told}")
    if expect is None:
        is_flax = any(flax(named) for named in copies.values())
        raise UsageError(
            f"{path} is {found.what} with {stack.told}; its weights leave open: "
            f"{told(questions_of(stack, at_every_step=None, flax=is_flax))}; give --expect x.npy y.npy, sequences and "
            "what the model answers to them, and all of these are tried"
        )
    expected = _expected(*expect, stack)
    reading = read_by(copies, expected, given, what, tolerance=tolerance, say=say)
    model, error = _traced(path, reading, expected, tolerance, name, answer, calibration, seed, data, say)
    return ImportedModel(found.what, reading, model, error)


def _expected(x_file: Path, y_file: Path, stack: Stack) -> Expected:
    """The sequences and answers of two files, in the shapes that a stack has."""
    x, y = _array(x_file), _array(y_file)
    if x.ndim == 2 and stack.inputs == 1:
        x = x[:, :, None]
    if x.ndim != 3 or x.shape[2] != stack.inputs or not x.size:
        turned = (
            "; its axes are (count, channels, length): swap the last two"
            if x.ndim == 3 and x.shape[1] == stack.inputs
            else ""
        )
        raise UsageError(f"{x_file} must have shape (count, length, {stack.inputs}), not {x.shape}{turned}")
    count, length, outputs = len(x), x.shape[1], stack.outputs
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {(count, length, outputs): y.shape, (count, outputs): y.shape}
    if outputs == 1:
        shapes |= {(count, length): (count, length, 1), (count,): (count, 1)}
    if y.shape not in shapes:
        labels = "; give what the model answers, not the numbers of classes" if y.shape == (count,) else ""
        raise UsageError(
            f"{y_file} must have shape {(count, outputs)}, or {(count, length, outputs)} for answers at every step, "
            f"not {y.shape}{labels}"
        )
    if y.dtype.kind != "f":
        raise UsageError(f"{y_file} must hold the model's answers as real numbers, not {y.dtype}")
    return Expected(x, y.reshape(shapes[y.shape]).astype(np.float64))


def _array(path: Path) -> NDArray[Any]:
    try:
        array = read_npy(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); write it with numpy.save") from error
    except ValueError as error:
        raise MalformedInputError(
            f"{path} is no array of numbers ({brief(error)}); write it with numpy.save"
        ) from error
    if array.dtype.kind not in "iuf":
        raise UsageError(f"{path} must hold real numbers or integers, not {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UsageError(f"{path} has {int((~np.isfinite(array)).sum())} values that are NaN or infinite")
    return array


def _traced(
    path: Path,
    reading: TriedReading,
    expected: Expected,
    tolerance: float,
    name: str | None,
    answer: Kind | None,
    calibration: str | None,
    seed: int,
    data: Path | None,
    say: Say,
) -> tuple[TracedModel, float]:
    """The float IR of a reading, proven on the expected answers, with its calibration, and its error there."""
    sensor = _sensor(expected.x, say)
    graph = _graph(reading, sensor, expected.x.dtype.kind == "f", symbol(path.stem) if name is None else name)
    real = sensor.input_format.to_real(sensor.samples).astype(np.float64)
    exact = expected.x.dtype.kind != "f" or np.array_equal(real, expected.x.astype(np.float64))
    fed = real if exact else expected.x.astype(np.float64)
    found = interpreted(graph, fed)[graph.outputs[0].name]
    error = _error(found, expected.y, reading.ending)
    if not error <= tolerance:
        raise VerificationError(
            f"the float IR of {path} differs from y by {error:.1e} (allowed: {tolerance:.0e}); please report it"
        )
    samples = sensor.samples
    if calibration is not None:
        fmt, channels = sensor.input_format, graph.inputs[0].type.shape[0]
        samples, _ = load_calibration(calibration, None, fmt, channels, seed=seed, data=data)
    if calibration is None and exact and not reading.ending and error <= EXACT:
        answers = expected.y[:COMPARED]
    else:
        kept = sensor.input_format.to_real(samples[:COMPARED]).astype(np.float64)
        answers = interpreted(graph, kept)[graph.outputs[0].name]
    graph = answering(graph, answer or _KINDS.get(reading.ending))
    module = f"{reading.stack.told} of {path.name}"
    narrow = samples.astype(_smallest(sensor.input_format))
    length, parameters = samples.shape[1], reading.stack.parameters
    return TracedModel(graph, module, sensor.input_format, length, parameters, narrow, answers), error


def _sensor(x: NDArray[Any], say: Callable[[str], object]) -> SensorArray:
    """The sequences as integers of a format: integers as they are, over [0, 1) or [-1, 1) of their full range."""
    if x.dtype.kind == "f":
        sensor = in_format(x, None)
        for sentence in sensor.said:
            say(sentence)
        return sensor
    signed = bool(x.min() < 0)
    reach = max(int(x.max()), -int(x.min()) - 1, 1).bit_length() + int(signed)
    width = next((width for width in (8, 12, 16) if reach <= width), reach)
    if width > 32:
        raise UsageError(f"x holds integers of {width} bits; a sample has 32 at most")
    return in_format(x, InputFormat(width, width - int(signed), signed))


def _graph(reading: TriedReading, sensor: SensorArray, real: bool, name: str) -> Graph:
    scale = reading.scale
    if not real:
        scale = type(scale)(scale.factor * 2.0**sensor.input_format.frac, scale.offset)
    inputs = reading.stack.inputs
    return graph_of(reading.parts, inputs, scale, name, closed=is_closed(reading.answers))


def _error(found: NDArray[Any], wanted: NDArray[np.float64], ending: str) -> float:
    return float(np.abs(ended(found, ending) - wanted).max()) / max(float(np.abs(wanted).max()), 1e-30)


def _smallest(input_format: InputFormat) -> np.dtype[Any]:
    """The narrowest integer type of a format's samples."""
    low, high = input_format.bounds
    kinds = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)
    return np.dtype(next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))


def foreign(path: Path) -> QssmcError | None:
    """What to say of a file that is no checkpoint of this package, where its kind is known; None where it is not."""
    try:
        return UsageError(what_is(path))
    except QssmcError as error:
        is_told = not isinstance(error, MalformedInputError) or isinstance(error, RefusedPickleError)
        return error if is_told else None
