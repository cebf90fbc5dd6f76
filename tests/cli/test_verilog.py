"""`qssmc compile --target verilog`, `qssmc verify` on it in both simulators, and what `qssmc synth` will not take."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qssmc.backends.verilog.design import VerilogOptions
from qssmc.backends.verilog.design import design as design_of
from qssmc.cli import main
from qssmc.errors import UsageError
from support.graphs import random_s4d
from support.tiny import LENGTH, tiny_model

FLAGS = ["--target", "verilog", "--prune-loss", "0", "--vectors", "3"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verilog")
    assert main(["-q", "compile", str(tiny_model(folder)), "-o", str(folder / "out"), *FLAGS, "--lanes", "2"]) == 0
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def test_a_core_passes_and_its_clocks_are_told(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interval = json.loads((compiled / "verilog/design.json").read_text())["expected"]["interval"]
    capsys.readouterr()
    assert main(["--json", "verify", str(compiled), "--sequences", "3"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["sequences"], said["steps"], said["targets"]) == (3, LENGTH, ["Verilog"])
    assert said["compiler"].startswith("Icarus Verilog")
    assert f"{interval} clocks a sample" in said["compiler"]
    assert said["values"] > 3 * LENGTH * said["ops"], "ops are compared, not outputs alone"


@pytest.mark.parametrize(("memory", "op"), [("encoder_cell", "%encoder "), ("decoder", "%decoder")])
def test_verify_names_the_op_that_differs(
    memory: str, op: str, design: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stem = memory.removesuffix("_cell")
    path = min((design / "verilog/mem").glob(f"{stem}*_weights.mem"))
    words = path.read_text().split()
    path.write_text("".join(f"{int(word, 16) ^ 1:0{len(word)}x}\n" for word in words))
    assert main(["-q", "verify", str(design)]) == 1
    assert f"golden and the emitted Verilog diverge first at op {op}" in capsys.readouterr().err


def test_a_schedule_that_is_not_kept_is_a_finding(
    compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from qssmc.verification import verilog

    def steady(wanted: dict[str, int], length: int) -> bool:
        wanted["interval"] -= 1
        return True

    monkeypatch.setattr(verilog, "_is_steady", steady)
    assert main(["-q", "verify", str(compiled)]) == 1
    assert "clocks a sample under Icarus" in capsys.readouterr().err


def test_the_class_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["-q", "compile", str(tiny_model(tmp_path)), "-o", str(out), *FLAGS, "--argmax"]) == 0
    (output,) = json.loads((out / "verilog/design.json").read_text())["outputs"]
    assert (output["count"], output["argmax"]) == (1, True)
    capsys.readouterr()
    assert main(["--json", "verify", str(out), "--simulator", "verilator"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["compiler"].startswith("Verilator")


def test_the_class_of_one_output_is_refused() -> None:
    graph = random_s4d([1], d_output=1)
    with pytest.raises(UsageError, match=r"^--argmax: output \w+ has one element, which is always the largest"):
        design_of(graph, VerilogOptions(argmax=True))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lanes", "0"], "--lanes must be 1 to 64, not 0"),
        (["--lanes", "2", "--multipliers", "1"], "more than --multipliers 1; give fewer lanes"),
        (["--steps-per-second", "1e9"], "but the fastest core"),
        (["--steps-per-second", "1e3", "--lanes", "2"], "give --lanes or --steps-per-second, not both"),
    ],
)
def test_cores_that_cannot_be(
    tmp_path: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-q", "compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out"), *FLAGS, *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_program_is_an_error(
    design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(design))
    assert main(["-q", "verify", str(design)]) == 4
    assert "apt-get install iverilog" in capsys.readouterr().err
    assert main(["-q", "synth", str(design), "--board", "icebreaker", "--tools", "native"]) == 4
    assert "yosys is not installed; install it with: apt-get install yosys" in capsys.readouterr().err
    assert not (design / "synth").exists()


def test_what_synth_does_not_take(tmp_path: Path, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "synth", str(design)]) == 2
    assert "give --board (icebreaker, hx8k, ulx3s) or --family (xc7)" in capsys.readouterr().err
    (design / "synth").mkdir()
    assert main(["-q", "synth", str(design), "--family", "xc7"]) == 2
    assert "synth exists; give --force to replace it" in capsys.readouterr().err
    (design / "synth").rmdir()
    shutil.rmtree(design / "verilog")
    assert main(["-q", "synth", str(design), "--family", "xc7"]) == 2
    assert "holds no Verilog; compile with --target verilog" in capsys.readouterr().err
    assert main(["-q", "synth", str(tmp_path), "--family", "xc7"]) == 2
    assert "is not a compiled design" in capsys.readouterr().err
