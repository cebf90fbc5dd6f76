"""Answers: what the numbers of an output say, and how a caller, a training or a file says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph, Kind, Output
from qssmc.ir.types import Type

KINDS: tuple[Kind, ...] = get_args(Kind)


def kind_of(outputs: int) -> Kind:
    """What a classifier's output is where its training says nothing: classes, or one flag."""
    return "class" if outputs > 1 else "flags"


def answering(graph: Graph, answer: str | None) -> Graph:
    """The graph whose outputs all are of a kind, or of kinds by name: "class", or "label=class,level=values".

    None leaves them, as an output that is not named stays what it is. Raises UsageError for a class of one element.
    """
    if answer is None:
        return graph
    kinds = kinds_of(answer)
    known = {output.name for output in graph.outputs}
    if strange := [name for name in kinds if name and name not in known]:
        raise UsageError(f"--answer {answer}: there is no output {strange[0]}; there are {', '.join(sorted(known))}")
    outputs = tuple(replace(o, kind=kinds.get(o.name, kinds.get("", o.kind))) for o in graph.outputs)
    for output in outputs:
        for fault in answer_faults(output, graph[output.value].type):
            raise UsageError(f"--answer {answer}: output {output.name}: {fault}; a yes or no of one element is flags")
    return replace(graph, outputs=outputs)


def labelled_output(graph: Graph) -> Output:
    """The output that labels of classes judge: the first class, else the first flags, else the first of all."""
    order = {"class": 0, "flags": 1, "values": 2}
    return min(graph.outputs, key=lambda output: order[output.kind])


def kinds_of(answer: str) -> dict[str, Kind]:
    """The kind of each output by its name, or of all of them under no name. Raises UsageError for any other text.

    >>> kinds_of("flags"), kinds_of("label=class,level=values")
    ({'': 'flags'}, {'label': 'class', 'level': 'values'})
    """
    found: dict[str, Kind] = {}
    for part in answer.split(","):
        name, _, text = part.rpartition("=")
        kind = next((kind for kind in KINDS if kind == text.strip()), None)
        if kind is None or name.strip() in found or ("=" not in part and "," in answer):
            raise UsageError(
                f"--answer must be one of {', '.join(KINDS)}, or such for each output, as label=class,level=values, "
                f"not {answer!r}"
            )
        found[name.strip()] = kind
    return found


def answer_faults(output: Output, type_: Type) -> Iterator[str]:
    """What makes an output's kind, names and units impossible for a value of a type."""
    if output.kind not in KINDS:
        yield f"its kind must be one of {', '.join(KINDS)}, not {output.kind}"
    elements = type_.shape[0] if type_.shape else 1
    if output.kind == "class" and elements < 2:
        yield f"a class is decided between two elements or more, and it has {elements}"
    for what, texts in (("names", output.names), ("units", output.units)):
        if texts and len(texts) != elements:
            yield f"it has {elements} elements and {len(texts)} {what}"


def decisions(kind: Kind, values: NDArray[Any]) -> NDArray[np.int64] | None:
    """What an output decides: of a class (...,), of flags 0 or 1 (..., n), of values nothing.

    values: (..., n), integers of the design or real numbers, whose signs and order are the same.

    >>> decisions("class", np.array([[1, 3], [5, 2]])).tolist(), decisions("flags", np.array([[-1], [2]])).tolist()
    ([1, 0], [[0], [1]])
    """
    if kind == "class":
        return np.asarray(values.argmax(axis=-1), np.int64)
    return np.asarray(values > 0, np.int64) if kind == "flags" else None


def predictions(kind: Kind, values: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """The class of every row of values (..., n), for labels below `classes`.

    One flag says 0 or 1. Outputs of which nothing says that they are flags are taken for one number a class.
    """
    elements = values.shape[-1]
    if elements == 1 and classes <= 2:
        if kind == "values":
            raise UsageError(
                "the model gives one value in its unit, which has no classes; compile it with --answer flags if its "
                "sign decides"
            )
        return np.asarray(values[..., 0] > 0, np.int64)
    if kind == "flags":
        raise UsageError(f"the model gives {elements} independent flags, which one label a sequence cannot judge")
    if elements < classes:
        raise UsageError(f"the model gives {elements} numbers, too few for the {classes} classes of this data set")
    return np.asarray(values.argmax(axis=-1), np.int64)
