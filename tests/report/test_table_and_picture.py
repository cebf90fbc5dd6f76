"""The table and the picture of bits: every tensor in both, readable, and the same bytes every time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from qssmc.ir import Graph, parse
from qssmc.report import bits_picture, bits_table, storage_report
from support.graphs import random_s4d
from support.hand import dithered, mimo

SVG = "{http://www.w3.org/2000/svg}"
SMALL = """
graph t : integer
%u : u8[2] = input
%x : ci12[3] = state from "ssm"
%d : ci16[3] = diag %x lambda_bar=@d.lambda_bar from "ssm"
%b : ci16[3] = inject %u b_bar=@b.b_bar heads=@b.heads from "ssm"
%s : ci20[3] = add %d %b from "ssm"
%n : ci12[3] = requant %s multiplier=1 shift=4 low=@n.low high=@n.high from "ssm"
%y : i20[2] = readout %n c=@y.c heads=@b.heads channels=2 from "layers[\\"a\\"] <b>"
next %x = %n
output y : step = %y
table @d.lambda_bar : int[3,2] grid width[]=5 scale[]=1.0
  1 2 3 4 5 6
table @b.b_bar : int[3,2] grid width[]=4 scale[]=1.0
  1 0 2 0 4 0
table @b.heads : int[3]
  0 0 1
table @n.low : int[3]
  -127 -127 -2047
table @n.high : int[3]
  127 127 2047
table @y.c : int[3,2] grid width[3,1]=2,2,3 scale[]=1.0
  1 1 1 1 3 -4
table @y.heads : int[3]
  0 0 1
""".replace("heads=@b.heads channels", "heads=@y.heads channels")


def report(graph: Graph | None = None) -> dict[str, Any]:
    return storage_report(graph or parse(SMALL), 20, 6)


def test_table_by_hand() -> None:
    """30, 12 and 14 bits of tables; a head: 1 for its states, 3 for their width, 1 for that of c; 56 of state."""
    lines = bits_table(report()).splitlines()
    assert lines[0].split() == ["tensor", "kind", "origin", "elements", "least", "mean", "most", "bytes", "%"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1 : lines.index("")]}
    whole = 30 + 12 + 14 + 2 + 2 * 3 + 2 + 56
    assert rows["d.lambda_bar"] == ["poles", "ssm", "6", "5", "5.00", "5", "4", f"{100 * 30 / whole:.1f}"]
    assert rows["b.b_bar"] == ["input", "weights", "ssm", "3", "4", "4.00", "4", "2", f"{100 * 12 / whole:.1f}"]
    assert rows["y.c"][-6:] == ["6", "2", "2.33", "3", "2", f"{100 * 14 / whole:.1f}"]
    assert rows["x"] == ["state", "ssm", "6", "8", "9.33", "12", "7", f"{100 * 56 / whole:.1f}"]
    assert rows["n.width"][-6:-1] == ["2", "3", "3.00", "3", "1"]
    assert lines[-3].split() == ["head", "states", "bits"]
    assert [line.split() for line in lines[-2:]] == [["0", "2", "8.00"], ["1", "1", "12.00"]]
    both = whole - 56, 56, whole
    smaller = [f"{32 * count / bits:.2f}".rstrip("0") for count, bits in zip((20, 6, 26), both, strict=True)]
    totals = [line.split() for line in lines if line.startswith(("parameters", "state ", "both"))]
    assert [row[-2:] for row in totals] == [
        [str((bits + 7) // 8), ratio] for bits, ratio in zip(both, smaller, strict=True)
    ]


def test_columns_line_up() -> None:
    lines = bits_table(report(dithered())).splitlines()
    block = lines[: lines.index("")]
    assert len({len(line) for line in block}) == 1
    assert not any(line.endswith(" ") for line in lines)


def test_sensitivity_is_shown_where_it_is_given() -> None:
    rows = {line.split()[0]: line for line in bits_table(report(), {"x": 0.012345}).splitlines() if line}
    assert rows["tensor"].endswith("sensitivity")
    assert rows["x"].endswith("0.0123")
    assert "0.0123" not in rows["d.lambda_bar"]
    assert "sensitivity 0.0123" in bits_picture(report(), "t", {"x": 0.012345})
    assert "sensitivity" not in bits_table(report()) + bits_picture(report(), "t")


def bars(text: str) -> dict[str, tuple[float, str]]:
    """Width and colour of the bar behind each label."""
    found = {}
    for group in ET.fromstring(text).iter(f"{SVG}g"):
        label, bar = group.find(f"{SVG}text"), group.find(f"{SVG}rect")
        if label is not None and bar is not None:
            found[str(label.text)] = (float(bar.attrib["width"]), bar.attrib.get("fill", ""))
    return found


def test_bars_are_as_long_as_bytes_and_coloured_by_bits() -> None:
    found = bars(bits_picture(report(), "t"))
    assert list(found)[:3] == ["x", "d.lambda_bar", "y.c"]  # largest first
    assert found["d.lambda_bar"][0] / found["x"][0] == pytest.approx(30 / 56, abs=0.001)
    assert found["y.c"][1] == "#fde7a9"  # 2.33 bits
    assert found["b.b_bar"][1] == "#f9c567"
    assert found["x"][1] == "#3b7bb5"


GRAPHS = [random_s4d([3, 2, 4]), random_s4d([0, 0]), random_s4d([2, 0, 1] * 30), mimo(), dithered()]


@pytest.mark.parametrize("graph", GRAPHS, ids=["s4d", "empty", "many", "mimo", "dithered"])
def test_everything_is_there_and_inside_the_page(graph: Graph) -> None:
    found = report(graph)
    text = bits_picture(found, "a <title> & \x00")
    root = ET.fromstring(text)
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    assert set(bars(text)) >= {part["name"] for part in found["parts"]}
    for item in root.iter():
        if "x" in item.attrib:
            assert 0 <= float(item.attrib["x"]) + float(item.attrib.get("width", 0)) <= wide
            assert 0 <= float(item.attrib["y"]) + float(item.attrib.get("height", 0)) <= high
    heads = [title for title in root.iter(f"{SVG}title") if str(title.text).startswith("head ")]
    assert len(heads) == sum(len(rows) for rows in found["state_bits_by_head"].values())


def test_same_report_same_bytes() -> None:
    assert bits_table(report()) == bits_table(report())
    assert bits_picture(report(), "t") == bits_picture(report(), "t")
