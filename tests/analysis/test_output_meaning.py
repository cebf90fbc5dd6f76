"""Output meaning: an engineer who has the emitted files alone knows what an integer of an output stands for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import onnx
import pytest

from qssmc.analysis.output_meaning import output_facts, output_sentences
from qssmc.backends import c, hls, verilog
from qssmc.backends.onnx import emit as emit_onnx
from qssmc.ir import Graph, Output, Table
from support.graphs import random_s4d

CLASS = Output("y", "out", "step", kind="class", names=("no", 'a "yes" */ ??/'), units=())
FLAGS = Output("y", "out", "step", kind="flags")
VALUES = Output("y", "out", "step", names=("heat", "flow"), units=("°C", ""))


def graph_of(output: Output, scale: Any) -> Graph:
    graph = random_s4d([1], d_output=2)
    (old,) = graph.outputs
    made = replace(output, value=old.value, when=old.when, mean=old.mean)
    return replace(graph, outputs=(made,), scales={**graph.scales, old.value: Table.real(scale)})


@pytest.mark.parametrize(
    ("output", "scale", "said", "macros"),
    [
        (CLASS, [0.5], "Says a class: the number of its largest element.", ["_SCALE_Y 0.5"]),
        (FLAGS, [0.5, 0.25], "an element is set where its integer is above 0.", ["_THRESHOLD_Y 0"]),
        (VALUES, [0.125], 'Elements: 0 "heat" in "\\u00b0C", 1 "flow".', ["_SCALE_Y 0.125"]),
    ],
    ids=["class", "flags", "values"],
)
def test_every_target_says_what_an_output_means(output: Output, scale: Any, said: str, macros: list[str]) -> None:
    graph = graph_of(output, scale)
    (made,) = graph.outputs
    facts = output_facts(graph, made)
    assert (facts["kind"], facts["scale"], facts["mean"]) == (output.kind, scale, made.mean)
    assert facts.get("names", []) == list(output.names)
    prefix = graph.name.upper()
    header, kernel = c.emit(graph)[f"c/{graph.name}.h"], hls.emit(graph)[f"hls/{graph.name}.h"]
    for text in (header, kernel):
        assert said in " ".join(text.replace("\n *", " ").replace("\n//", " ").split())
        assert text.isascii()
    assert [line for line in header.splitlines() if "_SCALE_" in line or "_THRESHOLD_" in line] == [
        f"#define {prefix}{macro}" for macro in macros
    ]
    core = json.loads(verilog.emit(graph)["verilog/design.json"])
    assert core["outputs"][0]["meaning"] == facts
    for data in emit_onnx(graph, None).values():
        properties = {one.key: one.value for one in onnx.load_from_string(data).metadata_props}
        assert json.loads(properties["qssmc.outputs"]) == {"y": facts}


def test_no_name_ends_a_comment() -> None:
    text = " ".join(output_sentences(graph_of(CLASS, [1.0]), graph_of(CLASS, [1.0]).outputs[0]))
    assert "*/" not in text
    assert "??" not in text
    assert "\n" not in " ".join(output_sentences(graph_of(VALUES, [1.0]), replace(VALUES, names=("a\nb", "c"))))
