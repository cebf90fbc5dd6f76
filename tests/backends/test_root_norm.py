"""RMS norm and exponential through golden and every target that is software: equal to the last bit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from backends.test_onnx import compare as compare_onnx
from qssmc.backends.crossbar.host import host_files
from qssmc.backends.onnx.models import step_model
from qssmc.crossbar import CrossbarOptions
from qssmc.ir import Builder, Graph, Grid, Table, Type
from qssmc.ir.ops import Activation, Cast, Lut, Normalize, RMSNorm
from qssmc.passes.align import Align
from qssmc.passes.prove import prove
from qssmc.search.variables import function_tables_of, variables_of
from qssmc_sim import Machine, run
from qssmc_sim.emitted_c import EmittedC
from support import emitted, emitted_hls
from support.arrays import laid_from
from support.random_models import FORMAT, assert_sound, outputs_of, sensor_samples, to_real
from support.root_norm import root_norm_stages


def integer(seed: int) -> Graph:
    graph = root_norm_stages(seed)["prove"]
    assert [op.centred for op in graph.ops if isinstance(op, Normalize)] == [0]
    assert sum(isinstance(op, Lut) for op in graph.ops) == 1
    return graph


@pytest.mark.parametrize("seed", range(6))
def test_every_stage_is_sound_and_near_the_module(seed: int) -> None:
    stages, samples = root_norm_stages(seed), sensor_samples(1, seed, 4, 48)
    assert_sound(stages, samples)
    wanted, found = (outputs_of(stages[stage], samples)["y"] for stage in ("float", "prove"))
    assert np.sqrt(((found - wanted) ** 2).mean()) < 0.05 * wanted.std()


@pytest.mark.parametrize("seed", range(3))
def test_c_equals_golden(seed: int, tmp_path: Path) -> None:
    emitted.compare_every_op(integer(seed), tmp_path)
    emitted.compare_outputs(integer(seed), tmp_path / "outputs")


@pytest.mark.parametrize("seed", range(2))
def test_hls_equals_golden(seed: int, tmp_path: Path) -> None:
    emitted_hls.compare_every_op(integer(seed), tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_onnx_equals_golden(seed: int, tmp_path: Path) -> None:
    compare_onnx(integer(seed), tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_the_host_of_arrays_equals_golden(seed: int, tmp_path: Path) -> None:
    found = laid_from(integer(seed), CrossbarOptions())
    graph = found.stages["convert"]
    for name, text in host_files(graph, found.crossbar).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with EmittedC(tmp_path) as host:
        got = host.run(found.samples)
    for name, values in run(graph, found.samples).outputs.items():
        np.testing.assert_array_equal(got[name], values)


@pytest.mark.parametrize(("stage", "near"), [("discretize", 1e-6), ("quantise", 0.02)])
def test_real_onnx_steps_compute_what_golden_does(stage: str, near: float) -> None:
    """In float64 as the graph itself; of the quantised graph in float32, where a sum may round to the next step."""
    graph = root_norm_stages(1)[stage]
    step = onnxruntime.InferenceSession(step_model(graph).SerializeToString())
    names = [value.name for value in step.get_outputs()]
    kinds = {"tensor(double)": np.float64, "tensor(float)": np.float32}
    (u, *_) = (value for value in step.get_inputs() if value.name == "u")
    dtype = kinds[u.type]
    states = {v.name: np.zeros((3, v.shape[1]), dtype) for v in step.get_inputs() if v.name != "u"}
    samples, machine, (y,) = to_real(sensor_samples(1, 1)), Machine(graph, 3), graph.outputs
    for t in range(samples.shape[1]):
        found = dict(zip(names, step.run(names, {"u": samples[:, t].astype(dtype), **states}), strict=True))
        states = {name: found[f"{name}:next"] for name in states}
        wanted = machine.step(samples[:, t])[y.value]
        assert np.abs(found["output:y"] - wanted).max() <= near * max(1.0, np.abs(wanted).max())


def test_a_search_varies_gamma_and_weighs_the_table_of_exp() -> None:
    stages = root_norm_stages(0)
    names = {knob.name for knob in variables_of(stages["discretize"], stages["quantise"], (8, 8))}
    assert "norm.gamma" in names
    assert [(curve.before, curve.after) for curve in function_tables_of(stages["discretize"])] == [
        ("gate", "activation")
    ]


def between_casts(op: RMSNorm | Activation, low: int, high: int, width: int, out: Cast | None = None) -> Graph:
    """One op on values of low..high sixteenths, in integers."""
    b = Builder("one", "quantised")
    grid = Cast(scale=Table.real(2.0**-4), low=Table.integer(low), high=Table.integer(high))
    y = b.add(op, "y", b.add(grid, "x", b.input("u", Type((width,)))))
    b.output("y", y if out is None else b.add(out, "q", y), "step")
    return prove(Align(FORMAT)(b.graph()))


def test_rms_norm_by_hand() -> None:
    """isqrt(n sum(x^2)) of (3, 4, 0, 0) sixteenths is exact: 2 * 5; only 2^frac / 10 is floored."""
    graph = between_casts(RMSNorm(gamma=Table.real([1.0] * 4, Grid.of(2.0**-6, 8)), eps=0.0), -8, 8, 4)
    (core,) = (op for op in graph.ops if isinstance(op, Normalize))
    assert (core.eps, core.centred) == (0, 0)
    values = run(graph, np.array([[[48, 64, 0, 0]]])).outputs["y"][0, 0]  # 48 / 256 is 3 sixteenths
    part = 64 * ((1 << core.frac) // 10)  # gamma is 64 units of 2^-6
    assert values.tolist() == [4 * 3 * part, 4 * 4 * part, 0, 0]
    assert values[0] * graph.scales["y"].data[0] == pytest.approx(3 / math.sqrt(25 / 4), rel=2.0**-7)


def test_an_exponential_saturates_where_its_range_ends() -> None:
    out = Cast(scale=Table.real(0.25), low=Table.integer(0), high=Table.integer(255))
    graph = between_casts(Activation(kind="exp"), -64, 127, 1, out)
    (table,) = (op for op in graph.ops if isinstance(op, Lut))
    wanted = [min(255, math.floor(4.0 * math.exp(q / 16) + 0.5)) for q in range(-64, 128)]
    assert table.entries.data.tolist() == wanted
    assert wanted[-1] == 255


def test_a_reciprocal_root_saturates_at_zero_and_below() -> None:
    out = Cast(scale=Table.real(2.0**-4), low=Table.integer(0), high=Table.integer(63))
    graph = between_casts(Activation(kind="rsqrt"), -3, 127, 1, out)
    (table,) = (op for op in graph.ops if isinstance(op, Lut))
    wanted = [min(63, math.floor(16.0 / math.sqrt(q / 16) + 0.5)) for q in range(1, 128)]
    assert table.entries.data.tolist() == [63] * 4 + wanted
    assert wanted[15] == 16
