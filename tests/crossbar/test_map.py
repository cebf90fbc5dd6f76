"""The weight map: written, read and rebuilt without loss; every fault is named with its field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.crossbar import CrossbarOptions, map_files, read_map
from qssmc.crossbar.map import Column, MapFile, MapRow
from qssmc.errors import MalformedInputError
from qssmc.ir.ops import Xbar
from qssmc_sim import run
from qssmc_sim.machine import Machine
from qssmc_sim.mapped import MappedMachine
from support.arrays import laid

ROOT = Path(__file__).parent.parent.parent
WAYS: list[dict[str, Any]] = [
    {},
    {"dense": True},
    {"encoding": "four-lane"},
    {"reads": 4, "size": (32, 40)},
    {"weight_bits": 2},
]


def written(folder: Path, **options: Any) -> Path:
    for path, content in map_files(laid("dithered, two layers", CrossbarOptions(**options)).crossbar).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder / "map.json"


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_round_trip_is_exact(tmp_path: Path, options: dict[str, Any]) -> None:
    found = laid("dithered, two layers", CrossbarOptions(**options))
    read = read_map(written(tmp_path, **options))
    graph = found.stages["convert"]
    for op in graph.ops:
        if isinstance(op, Xbar):
            np.testing.assert_array_equal(read.weights(op.name.split("_flush")[0]), op.weight.data)
    assert map_files(read) == map_files(found.crossbar)
    for array in read.arrays:
        csv = np.loadtxt(tmp_path / f"csv/{array.name}_levels.csv", delimiter=",", ndmin=2)
        np.testing.assert_array_equal(csv, array.levels)


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_conductances_compute_what_golden_computes(options: dict[str, Any]) -> None:
    found = laid("dithered, two layers", CrossbarOptions(**options))
    graph = found.stages["convert"]
    golden, mapped = Machine(graph, 3), MappedMachine(graph, 3, found.crossbar)
    for t in range(found.samples.shape[1]):
        wanted, got = golden.step(found.samples[:, t]), mapped.step(found.samples[:, t])
        for name in wanted:
            np.testing.assert_array_equal(got[name], wanted[name])
    last = mapped.last()
    for name, values in golden.last().items():
        np.testing.assert_array_equal(last[name], values)
    assert run(graph, found.samples).outputs.keys() == {output.name for output in graph.outputs}


def test_schema_in_docs_is_that_of_the_records() -> None:
    text = (ROOT / "docs/crossbar_map.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == MapFile.model_json_schema(), "renew it with: python -m qssmc crossbar schema"


def test_excerpts_in_docs_are_of_the_format() -> None:
    text = (ROOT / "docs/crossbar_map.md").read_text(encoding="utf-8")
    head, rows, columns = re.findall(r"```json[ a-z]*\n(.*?)```", text, re.DOTALL)
    record = json.loads(head) | {"step": [], "arrays": [{"name": "array_0", "reads": [_read(rows, columns)]}]}
    assert MapFile.model_validate_json(json.dumps(record)).version == 1
    described = {
        *MapFile.model_fields,
        *MapRow.model_json_schema()["properties"],
        *Column.model_json_schema()["properties"],
    }
    assert [name for name in described if f"`{name}`" not in text and f'"{name}"' not in text] == ["arrays"]


def _read(rows: str, columns: str) -> dict[str, Any]:
    return {"op": "array_0", "phase": 0, "rows": json.loads(rows), "columns": json.loads(columns)}


Change = Callable[[dict[str, Any]], None]


def _set(*path: Any, value: Any) -> Change:
    def change(text: dict[str, Any]) -> None:
        at: Any = text
        for part in path[:-1]:
            at = at[part]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value

    return change


READ = ("arrays", 0, "reads", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("version", value=2), "version: input should be 1"),
        (_set("weight_bits", value="4"), "weight_bits: input should be a valid integer"),
        (_set("window", value=None), "window: field required"),
        (_set("window", "g_min", value=100.0), "window.g_max: it is 100 µS, not above g_min"),
        (_set("more", value=1), "more: extra inputs are not permitted"),
        (_set("cells", value="none.npz"), "cells names none.npz, which cannot be read"),
        (_set("size", "rows", value=63), r"arrays\[0\]: array_0.levels must be 63x64 as size says, not 64x64"),
        (_set("arrays", 0, "name", value="other"), r"arrays\[0\]: the cells hold no other.levels"),
        (_set(*READ, "op", value="array_1"), "two reads are both named array_1"),
        (
            _set(*READ, "rows", 0, "lines", 0, "line", value=64),
            r"rows\[0\].lines: there is no line 64 in an array of 64",
        ),
        (
            _set(*READ, "rows", 0, "lines", 0, "line", value=1),
            r"rows\[1\].lines: line 1 is already taken by .*rows\[0\]",
        ),
        (_set(*READ, "rows", 0, "lines", 0, "drive", value="positive"), "two lanes need one signed or inverted line"),
        (_set(*READ, "columns", 0, "plus", value=99), r"columns\[0\].plus: there is no line 99"),
        (_set(*READ, "columns", 0, "high", value=1000), r"columns\[0\].high: .* more codes than 8 bits have"),
        (_set(*READ, "columns", 0, "low", value=128), r"columns\[0\].low: 128 is above high"),
        (_set(*READ, "columns", 0, "unit", value=1.0), r"conductance\[\d+, \d+\] is .* µS, but level"),
        (_set(*READ, "columns", 0, "exponent", value=-1), "exponent: input should be greater than or equal to 0"),
    ],
)
def test_a_fault_is_named_with_its_field(tmp_path: Path, change: Change, message: str) -> None:
    path = written(tmp_path)
    text = json.loads(path.read_text())
    change(text)
    path.write_text(json.dumps(text))
    with pytest.raises(MalformedInputError, match=message):
        read_map(path)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("levels", 8, r"levels\[0, 0\] is 8, but cells of 4-bit weights have levels 0 to 7"),
        ("levels", -1, r"levels\[0, 0\] is -1"),
        ("conductance", np.nan, r"conductance\[0, 0\] is nan µS"),
        ("conductance", 55.0, r"conductance\[0, 0\] is 55 µS, but level"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, kind: str, value: float, message: str) -> None:
    path = written(tmp_path)
    with np.load(tmp_path / "arrays.npz") as archive:
        cells = dict(archive)
    cells[f"array_0.{kind}"][0, 0] = value
    np.savez(tmp_path / "arrays.npz", **cells)
    with pytest.raises(MalformedInputError, match=message):
        read_map(path)


def test_what_is_no_map_is_said(tmp_path: Path) -> None:
    with pytest.raises(MalformedInputError, match=r"holds no map\.json"):
        read_map(tmp_path)
    (tmp_path / "map.json").write_text("{")
    with pytest.raises(MalformedInputError, match="invalid JSON"):
        read_map(tmp_path)
