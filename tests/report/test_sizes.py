"""Sizes: what is told of each target is what its own files say."""

from __future__ import annotations

import json

from qssmc.backends import c, hls, verilog
from qssmc.backends.hls.emit import ESTIMATE
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import sizes_table, target_sizes
from qssmc.targets.registry import BACKENDS
from support.random_models import compile_stages, ragged_graph, sensor_samples


def test_every_target_of_one_graph() -> None:
    graph = compile_stages(ragged_graph([2, 1]), QuantiseOptions(), sensor_samples(2))["prove"]
    texts = {**c.emit(graph), **hls.emit(graph), **verilog.emit(graph)}
    files = {path: text.encode() for path, text in texts.items()} | {"onnx/step.onnx": b"123", "ir/00.ir": b"no target"}
    facts = {name: BACKENDS[name].facts(files).sizes for name in ("c", "hls", "verilog", "onnx")}
    found = target_sizes(files, facts)
    assert set(found) == {"c", "hls", "verilog", "onnx"}
    assert found["onnx"] == {"files": 1, "bytes": 3}
    assert found["c"]["bytes"] == sum(len(text) for path, text in texts.items() if path.startswith("c/"))
    header = texts[f"c/{graph.name}.h"]
    assert f"{found['c']['table_bytes']} bytes of constant tables" in header
    assert f"{found['c']['state_bytes']} bytes of state" in header
    assert found["hls"]["interval_cycles"] == json.loads(texts[ESTIMATE])["interval_cycles"]
    assert found["verilog"]["interval_cycles"] == json.loads(texts["verilog/design.json"])["expected"]["interval"]
    hardware = {"lanes", "interval_cycles", "latency_cycles", "dsp", "bram18", "luts"}
    assert set(found["hls"]) == set(found["verilog"]) == {"files", "bytes", *hardware}
    lines = sizes_table(found).splitlines()
    assert [line.split()[0] for line in lines] == list(found)


def test_nothing_of_no_target() -> None:
    assert target_sizes({"ir/00.ir": b""}, {}) == {}
    assert sizes_table({}) == ""
