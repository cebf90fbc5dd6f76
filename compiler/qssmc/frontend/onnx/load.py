"""Load: an ONNX step graph, and the closing graph beside it, as a float graph of the IR."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qssmc.data import InputFormat
from qssmc.errors import MalformedInputError, QssmcError, UnsupportedModelError, UsageError, brief
from qssmc.frontend.onnx.model import Model
from qssmc.frontend.onnx.pairing import parse_states, updates
from qssmc.frontend.onnx.qdq import fold_weights
from qssmc.frontend.onnx.states import DenseStates, StatePair, recurrences, roots
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
    becomes: dict[str, str]
    states: dict[str, str]
    input_format: InputFormat
    parameters: int


def import_onnx(path: Path, name: str, states: str | None = None) -> Imported:
    """The float graph of a step model X_step.onnx, closed by X_last.onnx where that exists.

    Inputs are the sample and the states, (batch, ...) each; a state s leaves as s_next or by a name of that kind, else
    by its shape. states: pairs that no name tells, as x:x_next,h:hn. A recurrence of two states that are re and im of
    x <- lambda_bar x + b u, in whatever operators, becomes a complex one, and a dense matrix its diagonal form. Raises
    UnsupportedModelError with what cannot be taken, MalformedInputError where a file is no ONNX model, UsageError.
    """
    try:
        return _imported(path, name, parse_states(states))
    except QssmcError:
        raise
    except Exception as error:  # what onnx's own checks let pass: missing attributes, shapes that do not fit, ...
        raise MalformedInputError(f"{path} is not a sound ONNX model ({brief(error)})") from error


def _imported(path: Path, name: str, given: Mapping[str, str]) -> Imported:
    step = Model(path)
    beside = path.with_name(path.name.replace("step", "last"))
    closing = Model(beside) if beside != path and beside.is_file() else None
    fold_weights(step)
    becomes = updates(step, given)
    (sample,) = (i for i in step.inputs if i not in becomes)
    builder = Builder(name, "float")
    found = recurrences(step, becomes)
    try:
        translation = _translate(builder, step, closing, becomes, sample, *found)
        graph = verify(builder.graph())
    except TypeFault as fault:
        raise UnsupportedModelError(f"the parts of {path.name} do not fit together: {fault}") from fault
    numbers = sum(v.size for name, v in step.constants.items() if v.dtype.kind == "f" and name not in step.folded)
    return Imported(graph, step, closing, becomes, translation, _format(step), numbers)


def _translate(
    b: Builder,
    step: Model,
    closing: Model | None,
    becomes: dict[str, str],
    sample: str,
    found: list[StatePair],
    dense: list[DenseStates],
) -> dict[str, str]:
    """Fill the builder. Returns the IR value of each state input, with .re or .im for half of a complex one."""
    states: dict[str, str] = {}
    u = b.input("u", Type((step.size(sample),)), "input")
    for pair in found:
        stem = identifier(re.sub(r"[._]?re(al)?$", "", pair.re))
        x = b.state(b.fresh(stem), Type((len(pair.lambda_bar),), complex=True), stem)
        states |= {pair.re: f"{x}.re", pair.im: f"{x}.im"}
    for group in dense:
        stem = identifier(group.names[0])
        x = b.state(b.fresh(stem), Type((len(group.poles),), complex=True), stem)
        states |= dict.fromkeys(group.names, f"{x}.dense")
    for name in becomes:
        if name not in states:
            states[name] = b.state(b.fresh(identifier(name)), Type((step.size(name),)), identifier(name))
    walk = Translation(b, step, {sample: u, **states}, found, dense)
    for name, output in becomes.items():
        if states[name].endswith((".re", ".im", ".dense")):
            walk.next_of(roots(step, output))
        else:
            b.updates[states[name]] = walk.value(roots(step, output))
    for name in step.outputs:
        if name not in becomes.values():
            b.output(identifier(name.removeprefix("output:")), walk.value(roots(step, name)), "step")
    if closing is not None:
        known = {name: value for name, value in states.items() if name in closing.inputs}
        last = Translation(b, closing, known, [], dense)
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
