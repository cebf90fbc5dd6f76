"""`qssmc compile --target crossbar`, `verify` and `crossbar check`: passes as compiled, and catches what was broken."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qssmc.cli import main
from support.tiny import tiny_model

ARRAYS = ["--target", "crossbar", "--array", "64x64", "--cell-bits", "4", "--adc-bits", "6"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crossbar")
    assert main(["-q", "compile", str(tiny_model(folder)), "-o", str(folder / "out"), *ARRAYS]) == 0
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def test_compile_is_deterministic_and_verifies(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-q", "compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out"), *ARRAYS]) == 0
    manifests = [json.loads((folder / "manifest.json").read_text())["files"] for folder in (compiled, tmp_path / "out")]
    assert manifests[0] == manifests[1]
    capsys.readouterr()
    assert main(["--json", "verify", str(compiled)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verified"]
    assert "ideal = fused" in found["compiler"]
    assert "fused = unfused" in found["compiler"]
    assert found["sequences"] == 12


def test_check_makes_the_matrices_again(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrices = tmp_path / "m.npz"
    assert main(["crossbar", "check", str(compiled / "crossbar/map.json"), "--matrices", str(matrices), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    report = json.loads((compiled / "report/arrays.json").read_text())
    assert record["programmed"] == report["programmed_cells"]
    assert record["arrays"] == report["arrays"] < report["published"]["arrays"]
    with np.load(matrices) as archive:
        assert sum(archive[name].size for name in archive.files) == record["weights"]


def test_host_replays_the_vectors(design: Path) -> None:
    subprocess.run(["make", "-s", "-C", str(design / "crossbar/host"), "check", "CFLAGS=-O0"], check=True)


def test_a_changed_cell_fails(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = design / "crossbar/map.json"
    text = json.loads(path.read_text())
    column = text["arrays"][0]["reads"][0]["columns"][0]
    column["plus"], column["minus"] = column["minus"], column["plus"]
    path.write_text(json.dumps(text))
    assert main(["verify", str(design)]) == 1
    assert "crossbar/map.json is not what was compiled" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--array", "3x3"], "an array of 3x3 cannot hold one state"),
        (["--array", "64"], "--array must be ROWSxCOLUMNS, such as 64x64, not 64"),
        (["--conductances", "1:2:1"], "holds 2 levels 1 µS apart, but --cell-bits 4 needs 8"),
        (["--adc-bits", "many"], "--adc-bits must be a number of bits or ideal, not many"),
        (["--adc-bits", "1"], "--adc-bits must be 2 to 16, or ideal, not 1"),
        (["--cell-bits", "9"], "--cell-bits must be 2 (ternary) to 8, not 9"),
    ],
)
def test_bad_arrays_end_with_2(
    tmp_path: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["-q", "compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out"), "--target", "crossbar"]
    assert main([*command, *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_core_with_swapped_lanes_fails(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plus and minus lines of every column change places."""
    model = design / "crossbar/verilog/rtl/qssm_array.v"
    text = model.read_text()
    assert "cell_plus - cell_minus" in text
    model.write_text(text.replace("cell_plus - cell_minus", "cell_minus - cell_plus"))
    assert main(["verify", str(design)]) == 1
    assert "golden and the emitted Verilog diverge first at op %array_0_" in capsys.readouterr().err


def test_no_simulator_is_an_error(
    design: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = design / "bin"
    bare.mkdir()
    for tool in ("cc", "gcc", "as", "ld", "make"):
        if (found := shutil.which(tool)) is not None:
            (bare / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(bare))
    assert main(["verify", str(design)]) == 4
    assert "apt-get install iverilog" in capsys.readouterr().err


def test_oscillators_have_a_map_and_a_host_that_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = str(tiny_model(tmp_path)), tmp_path / "out"
    arguments = ["--target", "crossbar", "--form", "oscillator", "--vectors", "2", "-o", str(out)]
    assert main(["-q", "compile", model, *arguments]) == 0
    assert not (out / "crossbar/verilog").exists()
    assert main(["-q", "crossbar", "check", str(out / "crossbar/map.json")]) == 0
    capsys.readouterr()
    assert main(["--json", "verify", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verified"]
    assert "reads = heads on 10 output values" in found["compiler"]
    subprocess.run(["make", "-s", "-C", str(out / "crossbar/host"), "check", "CFLAGS=-O0"], check=True)
    arrays = out / "crossbar/host/xbar_sim.c"
    text = arrays.read_text()
    assert "pairs[j].plus] - (int32_t)row[w->pairs[j].minus]" in text
    arrays.write_text(text.replace(".plus] - ", ".minus] - "))
    done = subprocess.run(
        ["make", "-s", "-C", str(arrays.parent), "check", "CFLAGS=-O0"], capture_output=True, check=False
    )
    assert done.returncode != 0
    assert main(["-q", "verify", str(out)]) == 1
    assert "crossbar/host/xbar_sim.c is not what was compiled" in capsys.readouterr().err
