"""Output meaning: what the integers of an output stand for, as sentences for emitted files and as data for tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from qssmc.ir.graph import Graph, Output

_DECIDES = {
    "class": "Says a class: the number of its largest element.",
    "flags": "Says flags: an element is set where its integer is above 0.",
    "values": "Says values: each element is a quantity by itself.",
}


def output_sentences(graph: Graph, output: Output) -> Iterator[str]:
    """What decides, what each element is called, and which real number an integer is, a sentence each.

    graph: of the integer stage. Names are quoted as JSON quotes them, so that nothing in them ends a comment or a line.
    """
    named = f" Elements: {', '.join(_elements(output))}." if output.names or output.units else ""
    yield _DECIDES[output.kind] + named
    scale = graph.scales.get(output.value)
    if scale is None:
        text = "integers; the graph notes no scale"
    elif scale.data.size == 1:
        text = f"real value = integer * {float(scale.data.reshape(-1)[0])!r}"
    else:
        text = "real value = integer * scale, one an element: " + ", ".join(repr(float(v)) for v in scale.data.ravel())
    yield f"{text}, divided by the number of steps" if output.mean else text


def output_facts(graph: Graph, output: Output) -> dict[str, Any]:
    """The same as data: kind, threshold of flags, names, units, scale, and whether it is divided by the steps."""
    scale = graph.scales.get(output.value)
    facts: dict[str, Any] = {"kind": output.kind}
    facts |= {"threshold": 0} if output.kind == "flags" else {}
    facts |= {name: list(texts) for name, texts in (("names", output.names), ("units", output.units)) if texts}
    facts["scale"] = None if scale is None else [float(value) for value in scale.data.ravel()]
    return facts | {"mean": output.mean}


def one_scale(graph: Graph, output: Output) -> float | None:
    """The scale that all elements of an output share; None where each has its own, or none is known."""
    scale = graph.scales.get(output.value)
    return None if scale is None or scale.data.size != 1 else float(scale.data.reshape(-1)[0])


def _elements(output: Output) -> Iterator[str]:
    """The number of each element, its name and its unit."""
    for index in range(max(len(output.names), len(output.units))):
        name = f" {_quoted(output.names[index])}" if output.names else ""
        unit = f" in {_quoted(output.units[index])}" if output.units and output.units[index] else ""
        yield f"{index}{name}{unit}"


def _quoted(text: str) -> str:
    """A text that may stand in a comment of C: in ASCII, on one line, and without what opens or ends one."""
    return json.dumps(text).replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
