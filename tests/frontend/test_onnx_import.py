"""The ONNX frontend: a float step graph gives the same integers as the torch model that it was written from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from qssmc.cli import main
from qssmc.errors import UnsupportedModelError
from qssmc.frontend.onnx import compare_with_runtime, import_onnx
from qssmc.ir import Graph
from qssmc.ir.ops import Activation, Diag, Inject, Readout
from qssmc.ir.text import parse
from qssmc_sim import run
from support.tiny import LENGTH, tiny_checkpoint, tiny_model

helper = onnx.helper

CONFIGS: dict[str, dict[str, Any]] = {
    "pooled": {},
    "every step": {"output": "step", "norm": "layer", "d_input": 2},
    "two layers": {"n_layers": 2, "mixing": "linear", "activation": "silu"},
    "published activation": {"activation": "qgelu", "norm": "batch"},
}


def compiled(model: Path, out: Path, *flags: str) -> Path:
    assert main(["-q", "compile", str(model), "-o", str(out), "--a-bits", "10", *flags]) == 0
    return out


def golden(folder: Path) -> Graph:
    (path,) = (folder / "ir").glob("*_prove.ir")
    return parse(path.read_text())


@pytest.mark.parametrize("name", CONFIGS)
def test_onnx_gives_the_same_integers_as_torch(name: str, tmp_path: Path) -> None:
    model = tiny_model(tmp_path, **CONFIGS[name])
    samples = tiny_checkpoint(**CONFIGS[name]).calibration
    np.save(tmp_path / "calib.npy", samples)
    flags = ("--calib", str(tmp_path / "calib.npy"), "--max-steps", str(4 * LENGTH), "--name", "tiny")
    torch = compiled(model, tmp_path / "torch", *flags, "--target", "onnx")
    said = ("--answer", "class")  # a graph of ONNX does not say what its answer is, the checkpoint does
    back = compiled(torch / "onnx" / "float_step.onnx", tmp_path / "back", *flags, *said, "--target", "c")
    ours, theirs = (golden(folder) for folder in (torch, back))
    assert samples is not None
    for output in ours.outputs:
        wanted, got = (run(graph, samples.astype(np.int64)).outputs[output.name] for graph in (ours, theirs))
        assert np.array_equal(wanted, got)
    kinds = [sorted(op.mnemonic for op in graph.ops) for graph in (ours, theirs)]
    assert kinds[0] == kinds[1]
    assert main(["-q", "verify", str(back)]) == 0


def foreign(
    folder: Path, *, mixed: bool = False, rotated: float = 1.0, bent: bool = False, curve: str = "Tanh"
) -> Path:
    """A step graph in float32 as someone else would write it: other names, MatMul for everything, next_ outputs."""
    random = np.random.default_rng(0)
    heads, states = 3, 6
    owner = np.repeat(np.eye(heads), 2, axis=0)
    angle, size = random.uniform(0, 1, states), random.uniform(0.5, 0.95, states)
    tables = {
        "a_re": size * np.cos(angle),
        "a_im": size * np.sin(angle),
        "minus_a_im": -size * np.sin(angle) * rotated,
        "b_re": owner.T * random.normal(size=states),
        "b_im": owner.T * random.normal(size=states),
        "c_re": owner * random.normal(size=(states, 1)),
        "c_im": owner * random.normal(size=(states, 1)),
        "mix": random.normal(size=(states, states)),
        "w": random.normal(size=(2, heads)),
        "bias": random.normal(size=heads),
        "dw": random.normal(size=(heads, 2)),
        "db": random.normal(size=2),
    }
    lines = [
        "Gemm sample w bias -> v",
        "Mul h_re a_re -> p0", "Mul h_im minus_a_im -> p1", "Add p1 p0 -> p2", "MatMul v b_re -> p3",
        "Sum p2 p3 -> q" if bent else "Add p3 p2 -> next_h_re",
        *(["Tanh q -> next_h_re"] if bent else []),
        "Mul a_im h_re -> r0", "MatMul h_im mix -> r1" if mixed else "Mul a_re h_im -> r1",
        "Add r0 r1 -> r2", "MatMul v b_im -> r3", "Add r2 r3 -> next_h_im",
        "MatMul next_h_re c_re -> y0", "MatMul next_h_im c_im -> y1", "Sub y0 y1 -> y2",
        *(["Sqrt y2 -> s", "Reciprocal s -> y3"] if curve == "Rsqrt" else [f"{curve} y2 -> y3"]), "Gemm y3 dw db -> y",
    ]  # fmt: skip
    nodes = []
    for line in lines:
        left, right = line.split(" -> ")
        kind, *inputs = left.split()
        nodes.append(helper.make_node(kind, inputs, [right]))
    values = {"sample": 2, "h_re": states, "h_im": states}
    results = {"next_h_re": states, "next_h_im": states, "y": 2}
    inputs, outputs = (
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", width]) for name, width in part.items()]
        for part in (values, results)
    )
    init = [onnx.numpy_helper.from_array(table.astype(np.float32), name) for name, table in tables.items()]
    graph = helper.make_graph(nodes, "foreign", inputs, outputs, init)
    path = folder / "foreign.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return path


def test_the_recurrence_is_found_in_other_operators(tmp_path: Path) -> None:
    path = foreign(tmp_path)
    graph = import_onnx(path, "foreign").graph
    kinds = {type(op) for op in graph.ops}
    assert {Diag, Inject, Readout, Activation} <= kinds
    (inject,) = (op for op in graph.ops if isinstance(op, Inject))
    assert inject.heads is not None
    assert inject.heads.data.tolist() == [0, 0, 1, 1, 2, 2]
    np.save(tmp_path / "calib.npy", np.random.default_rng(1).integers(0, 256, (12, 20, 2)))
    out = compiled(path, tmp_path / "out", "--calib", str(tmp_path / "calib.npy"), "--target", "all", "--vectors", "3")
    assert main(["-q", "verify", str(out)]) == 0


CURVES = [("Exp", "exp"), ("Relu", "relu"), ("Sigmoid", "sigmoid"), ("Softplus", "softplus"), ("Rsqrt", "rsqrt")]


@pytest.mark.parametrize(("curve", "kind"), CURVES)
def test_a_curve_is_known_by_its_numbers(curve: str, kind: str, tmp_path: Path) -> None:
    found = import_onnx(foreign(tmp_path, curve=curve), "foreign").graph
    assert [op.kind for op in found.ops if isinstance(op, Activation)] == [kind]


def test_a_nonlinear_recurrence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="h_im and h_re go through tanh: a nonlinear recurrence, not taken"):
        import_onnx(foreign(tmp_path, bent=True), "foreign")
    assert main(["-q", "compile", str(foreign(tmp_path, bent=True)), "-o", str(tmp_path / "out")]) == 3


def test_an_unstable_matrix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=r"state matrix of h_re and h_im is not stable: its largest pole"):
        import_onnx(foreign(tmp_path, mixed=True), "foreign")


def test_real_matrices_of_two_by_two_get_their_poles(tmp_path: Path) -> None:
    imported = import_onnx(foreign(tmp_path, rotated=0.5), "foreign")
    samples = np.random.default_rng(2).uniform(0.0, 1.0, (3, 25, 2))
    assert compare_with_runtime(imported, samples, lambda graph, x: run(graph, x).outputs) < 1e-5
    (diag,) = (op for op in imported.graph.ops if isinstance(op, Diag))
    assert len(diag.lambda_bar.data) == 6  # a pair of conjugate poles for each of the six blocks


def test_files_that_are_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none.onnx").write_bytes(b"none")
    assert main(["-q", "compile", str(tmp_path / "none.onnx"), "-o", str(tmp_path / "out")]) == 2
    assert "is not an ONNX model" in capsys.readouterr().err
    assert main(["-q", "compile", str(tmp_path / "absent.onnx"), "-o", str(tmp_path / "out")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_model_without_calibration_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "compile", str(foreign(tmp_path)), "-o", str(tmp_path / "out")]) == 2
    assert "--calib" in capsys.readouterr().err
