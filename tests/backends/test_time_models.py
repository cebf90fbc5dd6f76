"""Real states, shift registers, curves and several outputs through golden and every target: equal to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from backends.test_onnx import compare as compare_onnx
from qssmc.backends.crossbar.host import host_files
from qssmc.backends.onnx.models import emit_models
from qssmc.crossbar import CrossbarOptions
from qssmc.data import InputFormat
from qssmc.ir import Graph
from qssmc_sim import run
from qssmc_sim.emitted_c import EmittedC
from support import emitted, emitted_hls
from support.arrays import laid_from
from support.random_models import assert_sound, outputs_of, sensor_samples
from support.time_models import AFFINE, affine_stages, time_stages


@pytest.mark.parametrize("seed", range(8))
def test_every_stage_is_sound_and_near_the_model(seed: int) -> None:
    stages, samples = time_stages(seed), sensor_samples(2, seed, 4, 48)
    assert_sound(stages, samples)
    wanted, found = (outputs_of(stages[stage], samples) for stage in ("float", "prove"))
    near = 1.0 if seed % 4 == 3 else 0.1  # the published scheme has one scale for all channels and states
    for name, values in wanted.items():
        assert np.sqrt(((found[name] - values) ** 2).mean()) < near * values.std(), name


@pytest.mark.parametrize("seed", range(4))
def test_c_equals_golden(seed: int, tmp_path: Path) -> None:
    emitted.compare_every_op(time_stages(seed)["prove"], tmp_path)
    emitted.compare_outputs(time_stages(seed)["prove"], tmp_path / "outputs")


@pytest.mark.parametrize("seed", [1, 2])
def test_hls_equals_golden(seed: int, tmp_path: Path) -> None:
    emitted_hls.compare_every_op(time_stages(seed)["prove"], tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_onnx_equals_golden(seed: int, tmp_path: Path) -> None:
    compare_onnx(time_stages(seed)["prove"], tmp_path)


@pytest.mark.parametrize("seed", [0, 1])
def test_zero_points_and_scales_of_sensors_are_golden(seed: int, tmp_path: Path) -> None:
    graph = affine_stages(seed)["prove"]
    emitted.compare_every_op(graph, tmp_path / "c")
    compare_onnx(graph, tmp_path / "onnx")
    header = next((tmp_path / "c").rglob("model_time.h")).read_text()
    assert "real value of %u = (integer - zero), zero 2048, 1900, scale * 0.0123, 0.004" in header
    note = json.loads({entry.key: entry.value for entry in onnx_note(graph)}["qssmc"])
    assert InputFormat(**note["input_format"]) == AFFINE


def onnx_note(graph: Graph) -> Any:
    """The notes of a float step, which say how to make samples of real values."""
    models = emit_models(graph, affine_stages(0)["calibrate"])
    return onnx.load_from_string(models["onnx/float_step.onnx"]).metadata_props


def test_hls_takes_zero_points(tmp_path: Path) -> None:
    emitted_hls.compare_every_op(affine_stages(1)["prove"], tmp_path)


def test_the_host_of_arrays_equals_golden(tmp_path: Path) -> None:
    """Real states and registers beside a complex layer, which is what arrays hold."""
    found = laid_from(time_stages(1, arrays=True)["prove"], CrossbarOptions())
    graph = found.stages["convert"]
    for name, text in host_files(graph, found.crossbar).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with EmittedC(tmp_path) as host:
        got = host.run(found.samples)
    for name, values in run(graph, found.samples).outputs.items():
        np.testing.assert_array_equal(got[name], values)
