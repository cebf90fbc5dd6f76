"""Load: an ONNX step graph, and the closing graph beside it, as a float graph of the IR."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qssmc.data import InputFormat
from qssmc.errors import MalformedInputError, QssmcError, UnsupportedModelError, UsageError, brief
from qssmc.frontend.onnx.model import Model
from qssmc.frontend.onnx.qdq import fold_weights
from qssmc.frontend.onnx.states import StatePair, pairs, roots, updates
from qssmc.frontend.onnx.translate import Translation
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.json_text import parse_json
from qssmc.ir.ops import TypeFault
from qssmc.ir.types import Type
from qssmc.ir.verify import verify

METADATA = "qssmc"
DEFAULT_FORMAT = InputFormat(8, 8, False)


@dataclass(frozen=True)
class Imported:
    """A float graph, the models that it comes from, and what is known of the samples."""

    graph: Graph
    step: Model
    closing: Model | None
    states: dict[str, str]
    input_format: InputFormat
    parameters: int


def import_onnx(path: Path, name: str) -> Imported:
    """The float graph of a step model X_step.onnx, closed by X_last.onnx where that exists.

    Inputs are the sample and the states, (batch, n) each; the state s leaves as s:next, s_next or next_s. A recurrence
    of two states must be re and im of x <- lambda_bar x + b u, in whatever operators. Raises UnsupportedModelError with
    what cannot be taken, MalformedInputError where a file is no ONNX model.
    """
    try:
        return _imported(path, name)
    except QssmcError:
        raise
    except Exception as error:  # what onnx's own checks let pass: missing attributes, shapes that do not fit, ...
        raise MalformedInputError(f"{path} is not a sound ONNX model ({brief(error)})") from error


def _imported(path: Path, name: str) -> Imported:
    step = Model(path)
    beside = path.with_name(path.name.replace("step", "last"))
    closing = Model(beside) if beside != path and beside.is_file() else None
    fold_weights(step)
    becomes = updates(step)
    samples = [i for i in step.inputs if i not in becomes]
    if len(samples) != 1:
        raise UnsupportedModelError(
            f"{path.name} must have one input that is no state, not {len(samples)} ({', '.join(samples)}); "
            "a state s needs an output s:next, s_next or next_s"
        )
    builder = Builder(name, "float")
    width = step.inputs[samples[0]]
    if width is None:
        raise UnsupportedModelError(f"input {samples[0]} must have the shape (batch, n) with a fixed n")
    complex_states = pairs(step, becomes)
    try:
        translation = _translate(builder, step, closing, becomes, samples[0], width, complex_states)
        graph = verify(builder.graph())
    except TypeFault as fault:
        raise UnsupportedModelError(f"the parts of {path.name} do not fit together: {fault}") from fault
    numbers = sum(table.size for table in step.constants.values() if table.dtype.kind == "f")
    return Imported(graph, step, closing, translation, _format(step), numbers)


def _translate(
    b: Builder,
    step: Model,
    closing: Model | None,
    becomes: dict[str, str],
    sample: str,
    width: int,
    found: list[StatePair],
) -> dict[str, str]:
    """Fill the builder. Returns the IR value of each state input, with .re or .im for half of a complex one."""
    states: dict[str, str] = {}
    u = b.input("u", Type((width,)), "input")
    for pair in found:
        stem = identifier(re.sub(r"[._]?re(al)?$", "", pair.re))
        x = b.state(b.fresh(stem), Type((len(pair.lambda_bar),), complex=True), stem)
        states |= {pair.re: f"{x}.re", pair.im: f"{x}.im"}
    for name in becomes:
        if name not in states:
            size = step.inputs[name]
            if size is None:
                raise UnsupportedModelError(f"input {name} must have the shape (batch, n) with a fixed n")
            states[name] = b.state(b.fresh(identifier(name)), Type((size,)), identifier(name))
    walk = Translation(b, step, {sample: u, **states}, found)
    for name, output in becomes.items():
        value = walk.value(roots(step, output))
        if not states[name].endswith((".re", ".im")):
            b.updates[states[name]] = value
    for name in step.outputs:
        if name not in becomes.values():
            b.output(identifier(name.removeprefix("output:")), walk.value(roots(step, name)), "step")
    if closing is not None:
        known = {name: value for name, value in states.items() if name in closing.inputs}
        last = Translation(b, closing, known, [])
        for name in closing.outputs:
            mean = name in _means(closing)
            b.output(identifier(name.removeprefix("output:")), last.value(roots(closing, name)), "last", mean)
    if not b.outputs:
        raise UnsupportedModelError(f"{step.path.name} has no output beside its states, and no closing model beside it")
    return states


def _means(model: Model) -> set[str]:
    """Outputs that are to be divided by the number of steps, as the metadata says."""
    means = _metadata(model).get("means", [])
    if not isinstance(means, list) or not all(isinstance(name, str) for name in means):
        raise MalformedInputError(f"{model.path}: its metadata {METADATA!r} must name means in a list of texts")
    return set(means)


def identifier(text: str) -> str:
    """A tensor's name as a name of the IR."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    return name if name[:1].isalpha() else f"t{name}"


def _format(model: Model) -> InputFormat:
    """What the model says of its samples, else unsigned bytes from 0 to 1."""
    given = _metadata(model)
    try:
        return InputFormat(**given["input_format"]) if "input_format" in given else DEFAULT_FORMAT
    except (TypeError, UsageError) as error:
        raise MalformedInputError(f"{model.path}: its metadata {METADATA!r} cannot be read ({error})") from error


def _metadata(model: Model) -> dict[str, Any]:
    """What qssmc wrote beside a model's graph, or nothing."""
    try:
        texts = [value.value for value in model.proto.metadata_props if value.key == METADATA]
        given = parse_json(texts[0]) if texts else {}
    except ValueError as error:
        raise MalformedInputError(f"{model.path}: its metadata {METADATA!r} cannot be read ({error})") from error
    if not isinstance(given, dict):
        raise MalformedInputError(f"{model.path}: its metadata {METADATA!r} must be a table of names and values")
    return given
