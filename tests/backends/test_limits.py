"""Beyond the limits: samples that the input format does not hold, and sequences of more steps than a mean is for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from qssmc.analysis.bounds import bounds
from qssmc.analysis.step_limit import step_limit
from qssmc.backends.c import emit as emit_c
from qssmc.backends.c.plan import input_type
from qssmc.backends.onnx import emit as emit_onnx
from qssmc.backends.verilog import emit as emit_verilog
from qssmc.frontend import trace
from qssmc.ir import Graph
from qssmc.models import ModelConfig
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import Machine, run
from qssmc_sim.crossbar.machine import ArrayMachine
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.emitted_hls import EmittedHls
from qssmc_sim.emitted_onnx import EmittedOnnx
from support import emitted, emitted_hls
from support.limits import FORMATS, answer, beyond, echo, long_sequences, pooled
from support.random_models import compile_stages, random_model, sensor_samples

INT64 = np.iinfo(np.int64)


def same(wanted: Any, got: Any, where: str) -> None:
    for name, values in got.items():
        assert np.array_equal(wanted[name], values), f"{name} at {where}"


def in_c(graph: Graph, samples: Any, folder: Path) -> None:
    """Outputs of the shipped C, and every op of the traced one."""
    files = emitted.write(graph, folder)
    flags = (*emitted.STRICT, "-O1")
    with EmittedC(files, flags=flags) as shipped, EmittedC(files, trace=True, flags=flags) as traced:
        same(run(graph, samples).outputs, shipped.run(samples), "the end")
        golden = Machine(graph, len(samples))
        traced.reset(len(samples))
        for t in range(samples.shape[1]):
            values = traced.step_batch(samples[:, t])
            assert "u" in values
            same(golden.step(samples[:, t]), values, f"step {t}")
        same(golden.last(), traced.last_batch(), "the end")


def in_hls(graph: Graph, samples: Any, folder: Path) -> None:
    """Outputs of the shipped C++, and every op of the traced one."""
    files = emitted_hls.write(graph, folder)
    flags = (*emitted_hls.STRICT, "-O0")
    build: dict[str, Any] = {"cxx": "clang++", "flags": (*flags, *emitted_hls.prelude("clang++", *flags))}
    with EmittedHls(files, **build) as shipped, EmittedHls(files, trace=True, **build) as traced:
        same(run(graph, samples).outputs, shipped.run(samples), "the end")
        golden = Machine(graph, len(samples))
        traced.reset(len(samples))
        for t in range(samples.shape[1]):
            values, _ = traced.step_batch(samples[:, t])
            assert "u" in values
            same(golden.step(samples[:, t]), values, f"step {t}")
        same(golden.last(), traced.last_batch(), "the end")


def in_onnx(graph: Graph, samples: Any, folder: Path) -> None:
    """Every op of the step, and the outputs of the Scan."""
    for path, data in emit_onnx(graph, None).items():
        (folder / Path(path).name).write_bytes(data)
    model, golden = EmittedOnnx(folder, graph), Machine(graph, len(samples))
    model.reset(len(samples))
    for t in range(samples.shape[1]):
        values = model.step_batch(samples[:, t])
        assert "u" in values
        same(golden.step(samples[:, t]), values, f"step {t}")
    same(golden.last(), model.last_batch(), "the end")
    same(run(graph, samples).outputs, model.run(samples), "the end")


@pytest.mark.parametrize(("width", "signed"), FORMATS)
def test_golden_takes_the_nearest_sample_of_the_format(width: int, signed: bool) -> None:
    graph = echo(width, signed)
    low, high = graph.inputs[0].type.bounds
    samples = beyond(INT64.min, INT64.max, width, signed)
    clamped = [[[min(max(n, low), high) for n in step] for step in sequence] for sequence in samples.tolist()]
    outputs = run(graph, samples).outputs
    assert outputs["y"].tolist() == [[[3 * a, -3 * b] for a, b in sequence] for sequence in clamped]
    assert outputs["latest"].tolist() == [sequence[-1] for sequence in clamped]
    arrays = ArrayMachine(graph, {}).run(samples)
    assert {name: values.tolist() for name, values in arrays.items()} == {
        name: values.tolist() for name, values in outputs.items()
    }


@pytest.mark.parametrize(("width", "signed"), FORMATS)
def test_c_equals_golden_for_all_that_its_samples_hold(width: int, signed: bool, tmp_path: Path) -> None:
    graph = echo(width, signed)
    in_c(graph, beyond(*input_type(graph).bounds, width, signed), tmp_path)
    full = width in (8, 16, 32)
    assert ("qssm_clamp" in emit_c(graph)["c/echo.c"]) is not full


@pytest.mark.parametrize(("width", "signed"), [FORMATS[at] for at in (0, 2, 3, 6, 7)])
def test_hls_equals_golden_for_all_that_its_words_hold(width: int, signed: bool, tmp_path: Path) -> None:
    graph, bits = echo(width, signed), -(-width // 8) * 8
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    in_hls(graph, beyond(low, high, width, signed), tmp_path)


@pytest.mark.parametrize(("width", "signed"), FORMATS)
def test_onnx_equals_golden_for_all_64_bit_integers(width: int, signed: bool, tmp_path: Path) -> None:
    in_onnx(echo(width, signed), beyond(INT64.min, INT64.max, width, signed), tmp_path)


def test_a_sum_and_a_count_stay_at_their_clamps_beyond_the_step_limit() -> None:
    for length in (7, 8, 9, 40):
        samples = long_sequences(length)
        assert run(pooled(), samples).outputs["mean"][:, 0].tolist() == answer(samples)


@pytest.mark.parametrize("check", [in_c, in_hls, in_onnx])
def test_targets_equal_golden_beyond_the_step_limit(check: Any, tmp_path: Path) -> None:
    check(pooled(), long_sequences(7 + 20), tmp_path)


@pytest.mark.parametrize(
    ("graph", "limit"),
    # 63 // 8 steps of the lowest sample, or the count's clamp; 1023 // 8 steps, and a count of 9.
    [(pooled(), 7), (pooled(9, 1023), 9), (pooled(1000, 1023), 127), (echo(8, True), None)],
)
def test_the_step_limit_follows_from_the_graph_and_is_told_by_every_target(graph: Graph, limit: int | None) -> None:
    assert step_limit(graph, bounds(graph)) == limit
    header = emit_c(graph)[f"c/{graph.name}.h"]
    assert re.findall(r"#define \w+_MAX_STEPS (\d+)", header) == ([] if limit is None else [str(limit)])
    said = "any number of steps" if limit is None else f"Sequences may have {limit} steps"
    assert said in header
    header = emitted_hls.emit(graph, emitted_hls.HlsOptions())[f"hls/{graph.name}.h"]
    assert re.findall(r"#define \w+_MAX_STEPS (\d+)", header) == ([] if limit is None else [str(limit)])
    assert said in header
    files = emit_verilog(graph)
    assert json.loads(files["verilog/design.json"])["max_steps"] == limit
    assert said in files[f"verilog/{graph.name}_top.v"]
    for data in emit_onnx(graph, None).values():
        model = onnx.load_from_string(data)
        properties = {prop.key: prop.value for prop in model.metadata_props}
        assert properties.pop("qssmc.outputs")
        assert properties == ({} if limit is None else {"qssmc.max_steps": str(limit)})
        assert said in model.doc_string


@pytest.mark.parametrize("steps", [1, 24, 100])
def test_the_step_limit_is_what_the_model_was_quantised_for(steps: int) -> None:
    samples = sensor_samples(1)
    model = trace(random_model(ModelConfig(d_model=2, d_state=2, d_output=2)), 1)
    graph = compile_stages(model, QuantiseOptions(max_steps=steps), samples)["prove"]
    assert step_limit(graph, bounds(graph)) == steps
