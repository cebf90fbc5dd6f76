"""ONNX graphs of QuantizeLinear and DequantizeLinear: weights and roundings stay as they are; against ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import qssmc
from qssmc.errors import UnsupportedModelError
from qssmc_sim import run

META = {"qssmc": '{"input_format": {"width": 8, "frac": 6, "signed": true}}'}


def written(path: Path, nodes: list[Any], tables: dict[str, NDArray[Any]], outputs: int) -> Path:
    """A step graph of one sample, (batch, 1)."""
    shape = ["batch", 1]
    graph = helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info("u", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", outputs])],
        [numpy_helper.from_array(value, name) for name, value in tables.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    helper.set_model_props(model, META)
    onnx.save(model, path)
    return path


def node(kind: str, *names: str, **attributes: Any) -> Any:
    *inputs, output = names
    return helper.make_node(kind, inputs, [output], **attributes)


def qcdq(x: str, to: str, scale: str, zero: str, *clip: str) -> list[Any]:
    """Quantise, clip, dequantise."""
    clips = [node("Clip", f"{to}_q", *clip, f"{to}_c")] if clip else []
    found = [node("QuantizeLinear", x, scale, zero, f"{to}_q"), *clips]
    return [*found, node("DequantizeLinear", f"{to}_c" if clip else f"{to}_q", scale, zero, to)]


def tables() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    return {
        "s1": np.float32(2.0**-5), "z1": np.int8(3), "low": np.int8(-8), "high": np.int8(7),
        "s2": np.float32(2.0**-4), "z2": np.uint8(0), "s3": np.float32(2.0**-3), "z3": np.int8(0),
        "w1": rng.integers(-127, 128, (4, 1)).astype(np.int8), "ws1": np.float32(2.0**-6), "wz1": np.int8(0),
        "b1": rng.normal(size=4).astype(np.float32),
        "w2": rng.normal(size=(3, 4)).astype(np.float32), "ws2": np.float32([0.25, 0.125, 0.5]),
        "wz2": np.zeros(3, np.int8),
        "w3": rng.integers(-8, 8, (3, 2)).astype(np.int8), "ws3": np.float32(2.0**-3), "wz3": np.int8(-1),
    }  # fmt: skip


def network() -> list[Any]:
    """Stored integers, transposed; weights that are quantised and clipped to 4 bits in the graph; a Gemm at the end."""
    return [
        *qcdq("u", "x", "s1", "z1"),
        node("DequantizeLinear", "w1", "ws1", "wz1", "w1_r"), node("Transpose", "w1_r", "w1_t", perm=[1, 0]),
        node("MatMul", "x", "w1_t", "p1"), node("Add", "p1", "b1", "a1"), node("Relu", "a1", "r1"),
        *qcdq("r1", "x2", "s2", "z2"),
        node("QuantizeLinear", "w2", "ws2", "wz2", "w2_q", axis=0), node("Clip", "w2_q", "low", "high", "w2_c"),
        node("DequantizeLinear", "w2_c", "ws2", "wz2", "w2_r", axis=0),
        node("Gemm", "x2", "w2_r", "p2", transB=1),
        *qcdq("p2", "x3", "s3", "z3", "low", "high"),
        node("DequantizeLinear", "w3", "ws3", "wz3", "w3_r"), node("Gemm", "x3", "w3_r", "y"),
    ]  # fmt: skip


def test_every_answer_is_that_of_onnx_runtime(tmp_path: Path) -> None:
    path = written(tmp_path / "net_step.onnx", network(), tables(), 2)
    samples = np.random.default_rng(1).integers(-128, 128, (4, 60, 1))
    np.save(tmp_path / "calib.npy", samples)
    design = qssmc.compile(path, calibration=str(tmp_path / "calib.npy"))
    report = json.loads(design.files["report/trained_quantisation.json"])
    assert [(row["low"], row["high"]) for row in report["quantisers"]] == [(-131, 124), (0, 255), (-8, 7)]
    assert {row["name"]: row["bits"] for row in report["tables"]} == {"a1.weight": 8, "p2.weight": 4, "y.weight": 4}
    assert not report["added"]["tables"]
    assert [row["differ"] for row in report["quantisers"]] == [0, 0, 0]
    golden = design.stages.golden
    found = run(golden, samples).outputs["y"] * golden.scales[golden.outputs[0].value].data
    session = onnxruntime.InferenceSession(str(path))
    (wanted,) = session.run(None, {"u": (samples / 64.0).reshape(-1, 1).astype(np.float32)})
    assert np.array_equal(found.reshape(wanted.shape), wanted.astype(np.float64))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"s1": np.float32(0.0)}, "has a scale that is 0, negative or not a number"),
        ({"s1": np.float32(np.nan)}, "has a scale that is 0, negative or not a number"),
    ],
)
def test_scales_that_are_none_are_refused(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = written(tmp_path / "net_step.onnx", network(), tables() | change, 2)
    with pytest.raises(UnsupportedModelError, match=told):
        qssmc.compile(path, calibration="digits")


def test_pairs_that_do_not_belong_together_and_scales_of_the_moment_are_refused(tmp_path: Path) -> None:
    other = [node("QuantizeLinear", "u", "s1", "z1", "q"), node("DequantizeLinear", "q", "s2", "z1", "y")]
    with pytest.raises(UnsupportedModelError, match="another scale or zero point than the QuantizeLinear before it"):
        qssmc.compile(written(tmp_path / "a_step.onnx", other, tables(), 1), calibration="digits")
    moment = [
        node("DynamicQuantizeLinear", "u", "q", "s", "z"),
        node("DequantizeLinear", "q", "s", "z", "y"),
    ]
    moment[0] = helper.make_node("DynamicQuantizeLinear", ["u"], ["q", "s", "z"])
    with pytest.raises(UnsupportedModelError, match="must follow a QuantizeLinear, not DynamicQuantizeLinear"):
        qssmc.compile(written(tmp_path / "b_step.onnx", moment, tables(), 1), calibration="digits")
