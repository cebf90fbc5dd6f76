"""`qssmc compile --target onnx` and `--target all`, and `qssmc verify` on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from qssmc.cli import main
from qssmc.data import InputFormat, Sequences
from qssmc.errors import UsageError
from qssmc.evaluation.accuracy import evaluate
from support.tiny import LENGTH, tiny_model


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    flags = ["--target", "onnx", "--prune-loss", "0", "--no-dither"]
    assert main(["-q", "compile", str(tiny_model(folder)), "-o", str(folder / "out"), *flags]) == 0
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def change_table(path: Path, name: str, amount: int = 1) -> None:
    """Another number in the first place of an initialiser, in the model or in its Scan."""
    model = onnx.load(path)
    bodies = [a.g for node in model.graph.node for a in node.attribute if a.name == "body"]
    (table,) = [t for graph in (model.graph, *bodies) for t in graph.initializer if t.name.split("/")[-1] == name]
    values = onnx.numpy_helper.to_array(table).copy()
    values.flat[0] += amount
    table.CopyFrom(onnx.numpy_helper.from_array(values, table.name))
    path.write_bytes(model.SerializeToString())


def test_models_are_valid_onnx_and_say_where_each_node_comes_from(compiled: Path) -> None:
    files = sorted(path.name for path in (compiled / "onnx").iterdir())
    steps = ["float_last.onnx", "float_step.onnx", "last.onnx", "qdq_last.onnx", "qdq_step.onnx"]
    assert files == [*steps, "sequence.onnx", "step.onnx"]
    for name in files:
        model = onnx.load(compiled / "onnx" / name)
        onnx.checker.check_model(model, full_check=True)
    step = onnx.load(compiled / "onnx" / "step.onnx")
    assert any('from "blocks.0.ssm"' in node.doc_string for node in step.graph.node)
    kinds = {value.type.tensor_type.elem_type for value in (*step.graph.input, *step.graph.output)}
    assert kinds == {onnx.TensorProto.INT64}


def test_compiled_design_passes(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--json", "verify", str(compiled)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["sequences"], said["steps"], said["targets"], said["compiler"]) == (
        12,
        LENGTH,
        ["ONNX"],
        "ONNX Runtime",
    )


@pytest.mark.parametrize(
    ("file", "table", "op"),
    [
        ("step.onnx", "encoder.weight", "%encoder "),
        ("step.onnx", "blocks_0_ssm_xn_q.half", "%blocks_0_ssm_xn_q "),
        ("last.onnx", "decoder_sum.weight", "%decoder_sum "),
    ],
)
def test_verify_finds_a_fault(file: str, table: str, op: str, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_table(design / "onnx" / file, table, 1 << 20)
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    assert f"golden and ONNX Runtime diverge first at op {op}" in capsys.readouterr().err


def test_verify_finds_a_fault_of_the_sequence(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_table(design / "onnx" / "sequence.onnx", "encoder.weight", 9)
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    assert "the ONNX sequence does not give the recorded output y" in capsys.readouterr().err


def test_a_model_that_is_none_is_a_finding(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (design / "onnx" / "step.onnx").write_bytes(b"no model")
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    assert "ONNX Runtime does not take step.onnx" in capsys.readouterr().err
    (design / "onnx" / "float_step.onnx").write_bytes(b"no model")
    assert main(["-q", "verify", str(design)]) == 1
    assert "onnx/float_step.onnx is not what was compiled" in capsys.readouterr().err


@pytest.fixture(scope="module")
def every_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("all")
    model, out = str(tiny_model(folder, output="step", norm="layer", d_output=10)), folder / "out"
    assert main(["-q", "compile", model, "-o", str(out), "--target", "all", "--vectors", "4", "--a-bits", "10"]) == 0
    return out


def test_all_targets_from_one_compile(every_target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"c", "hls", "onnx", "verilog"} <= {path.name for path in every_target.iterdir()}
    capsys.readouterr()
    assert main(["--json", "verify", str(every_target)]) == 0
    assert {"C", "HLS C++", "ONNX", "Verilog"} <= set(json.loads(capsys.readouterr().out)["targets"])
    session = onnxruntime.InferenceSession(str(every_target / "onnx" / "sequence.onnx"))
    samples = np.load(every_target / "vectors" / "samples.npy").astype(np.int64)
    (y,) = session.run(None, {"u": samples})
    assert np.array_equal(y, np.load(every_target / "vectors" / "y.npy"))


def test_some_of_the_targets_are_verified(every_target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--json", "verify", str(every_target), "--target", "onnx,c"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == ["C", "ONNX"]
    assert main(["verify", str(every_target), "--target", "crossbar"]) == 2
    assert "holds no crossbar; compile the model with --target crossbar" in capsys.readouterr().err


def test_every_engine_gives_the_same_predictions(every_target: Path) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (60, LENGTH, 1), dtype=np.uint8)
    data = Sequences(samples, np.arange(60) % 10, InputFormat(8, 8, False))
    wanted = evaluate(every_target, "golden", data).predictions
    assert len(np.unique(wanted)) > 1
    for engine in ("c", "hls", "onnx"):
        assert np.array_equal(evaluate(every_target, engine, data).predictions, wanted), engine


def test_an_engine_that_the_folder_does_not_hold(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = Sequences(np.zeros((1, LENGTH, 1), np.uint8), np.zeros(1, np.int64), InputFormat(8, 8, False))
    with pytest.raises(UsageError, match="holds no hls; compile the model with --target hls"):
        evaluate(compiled, "hls", data)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "c,vhdl",
            "--target must be c, hls, verilog, onnx, crossbar or all, or several of them with commas, not 'vhdl'",
        ),
        ("c,crossbar", "--target crossbar cannot be made together with others"),
        ("", "not ''"),
    ],
)
def test_targets_that_cannot_be(target: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tiny_model(tmp_path))
    assert main(["-q", "compile", model, "-o", str(tmp_path / "out"), "--target", target]) == 2
    assert said in capsys.readouterr().err


def test_several_targets_at_once(tmp_path: Path) -> None:
    model, out = str(tiny_model(tmp_path)), tmp_path / "out"
    assert main(["-q", "compile", model, "-o", str(out), "--target", "onnx, c", "--vectors", "1"]) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["config"]["targets"] == ["c", "onnx"]
    assert {"c", "onnx"} == {path.name for path in out.iterdir()} & {"c", "hls", "verilog", "onnx"}
