"""The drawing: complete, well-formed, the same each time, and nothing on top of anything else."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.ir import Graph, parse
from qssmc.ir.draw import draw
from qssmc.ir.layout import GAP, place
from support.graphs import random_s4d
from support.hand import all_by_hand, quantised, random_shapes

SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = [*all_by_hand(), *random_shapes(), random_s4d([3, 2], layers=2, norm=True)]
Box = tuple[float, float, float, float]


def boxes(svg: str) -> dict[str, Box]:
    """left, top, right, bottom of each op's and output's box, by op name or the output's text."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        rect, text = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
        assert rect is not None
        assert text is not None
        left, top, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        found[group.get("id") or f"output {text.text}"] = (left, top, left + width, top + height)
    return found


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_everything_is_there(graph: Graph) -> None:
    svg = draw(graph)
    texts = [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    for op in graph.ops:
        assert op.name in texts
        assert f"{op.mnemonic}  {op.type}" in texts
    assert set(boxes(svg)) == {op.name for op in graph.ops} | {f"output {output.name}" for output in graph.outputs}
    arrows = [path.get("marker-end") for path in ElementTree.fromstring(svg).iter(f"{SVG}path")]
    assert arrows.count("url(#grey)") == graph.dag().number_of_edges()
    assert arrows.count("url(#teal)") == len(graph.outputs)
    assert arrows.count("url(#violet)") == len(graph.updates)
    assert texts.count("z⁻¹") == len(graph.updates)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_boxes_keep_apart_and_inside(graph: Graph) -> None:
    svg = draw(graph)
    width, height = (float(ElementTree.fromstring(svg).attrib[key]) for key in ("width", "height"))
    found = list(boxes(svg).values())
    for i, box in enumerate(found):
        assert not any(overlap(box, other) for other in found[i + 1 :])
        assert box[0] >= 0
        assert box[2] <= width
        assert box[3] <= height


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_no_edge_runs_through_a_box(graph: Graph) -> None:
    """Every straight piece of an edge, which is where it passes a row, stays clear of all boxes."""
    svg = draw(graph)
    found = boxes(svg).values()
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("marker-end"):
            ends = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)(?= L| C|$)", path.attrib["d"])]
            for x, y in ends[1:-1]:
                assert not any(left < x < right and top < y < bottom for left, top, right, bottom in found)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_operands_stand_above(graph: Graph) -> None:
    found = boxes(draw(graph))
    assert all(found[a][3] < found[b][1] for a, b in graph.dag().edges)


def test_same_bytes_each_time() -> None:
    assert draw(random_s4d([3, 2, 4])) == draw(random_s4d([3, 2, 4]))


def test_texts_are_escaped() -> None:
    svg = draw(quantised())
    assert 'from "x"' not in svg
    assert "@w.weight bias=@w.bias from &quot;layers[0].lin&quot;" in svg
    source = parse('graph t : integer\n%u : u4[1] = input from "a<b>&\\u0001"\noutput y : step = %u\n')
    assert "a&lt;b&gt;&amp;\\u0001" in draw(source)


def test_a_thirty_five_op_model_is_legible() -> None:
    graph = random_s4d([3, 2, 4])
    svg = draw(graph)
    assert len(graph.ops) == 35
    assert float(ElementTree.fromstring(svg).attrib["width"]) < 1200
    assert svg.count("once, after the last sample") == 1
    assert "once, after" not in draw(random_s4d([1], output="step"))


def test_odd_states_can_be_drawn() -> None:
    """A state that stays, one that takes what stands above it, and one that nothing reads."""
    text = """graph odd : integer
%u : u4[1] = input
%a : i8[1] = state
%b : i8[1] = state
%c : i8[1] = state
%u2 : i8[1] = scale %u factor=2
%u4 : i8[1] = scale %u2 factor=2
%s : i8[1] = add %u4 %b
next %a = %a
next %b = %u
next %c = %s
output y : step = %s
output a : last = %a
"""
    svg = draw(parse(text))
    assert svg.count("url(#violet)") == 3
    assert svg.count(">z⁻¹<") == 3


@settings(max_examples=15)
@given(states=st.lists(st.integers(0, 3), min_size=1, max_size=3), layers=st.integers(1, 3), norm=st.booleans())
def test_any_model_draws(states: list[int], layers: int, norm: bool) -> None:
    graph = random_s4d(states, layers=layers, norm=norm)
    found = list(boxes(draw(graph)).values())
    assert len(found) == len(graph.ops) + len(graph.outputs)
    assert not any(overlap(a, b) for i, a in enumerate(found) for b in found[i + 1 :])


def test_layout_uncrosses_what_need_not_cross() -> None:
    row = {"a": 0, "b": 0, "c": 1, "d": 1}
    layout = place(dict.fromkeys(row, 50.0), row, [("a", "d"), ("b", "c")], [])
    assert layout.crossings == 0
    assert layout.x["a"] == layout.x["d"]
    assert abs(layout.x["a"] - layout.x["b"]) == 50 + GAP


def test_layout_keeps_sweeping_while_it_helps() -> None:
    """A graph in the plane that one barycentre sweep leaves with a crossing."""
    row = {name: i // 3 for i, name in enumerate("abcdefghi")}
    edges = [(edge[0], edge[1]) for edge in ("af", "be", "cd", "cf", "dh", "ei", "fg")]
    assert place(dict.fromkeys(row, 50.0), row, edges, []).crossings == 0
