"""`qssmc compile --target hls` and `qssmc verify` on it: passes as compiled, and catches what was broken on purpose."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from qssmc.cli import main
from support.emitted_hls import SANITIZE, csim
from support.tiny import LENGTH, tiny_model


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hls")
    flags = [
        "--prune-loss",
        "0",
        "--target",
        "hls",
        "--lanes",
        "2",
        "--part",
        "xc7a35ticsg324-1L",
        "--clock-period",
        "10",
    ]
    assert main(["-q", "compile", str(tiny_model(folder)), "-o", str(folder / "out"), *flags]) == 0
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def change(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, pattern
    path.write_text(text)


def test_the_project_is_as_an_hls_user_expects_it(compiled: Path) -> None:
    files = {str(path.relative_to(compiled / "hls")) for path in (compiled / "hls").rglob("*") if path.is_file()}
    wanted = {"tiny.cpp", "tiny.h", "tiny_types.h", "tiny_tables.h", "tiny_test.cpp", "run_hls.tcl", "Makefile"}
    assert wanted | {"qssm_kernels.h", "standin/ap_int.h", "standin/hls_stream.h", "layout.json"} <= files
    script = (compiled / "hls" / "run_hls.tcl").read_text()
    for line in ("set_part {xc7a35ticsg324-1L}", "create_clock -period 10.0", "csim_design", "csynth_design"):
        assert line in script
    assert "cosim_design" in script
    assert "export_design" in script
    project = json.loads((compiled / "hls" / "layout.json").read_text())["project"]
    assert project == {
        "ProjectName": "tiny", "Backend": "Vitis", "Part": "xc7a35ticsg324-1L", "ClockPeriod": 10.0,
        "IOType": "io_stream", "Lanes": 2,
    }  # fmt: skip
    source = (compiled / "hls" / "tiny.cpp").read_text()
    for pragma in ("dataflow", "pipeline II=1", "unroll", "array_partition", "bind_storage", "interface axis"):
        assert f"#pragma HLS {pragma}" in source
    assert "int32_t" not in source


def test_vivado_flavor_differs_in_its_pragmas(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (
        main(
            [
                "-q",
                "compile",
                str(tiny_model(tmp_path)),
                "-o",
                str(out),
                "--target",
                "hls",
                "--hls-flavor",
                "vivado",
                "--a-bits",
                "10",
            ]
        )
        == 0
    )
    assert "#pragma HLS resource variable=" in (out / "hls" / "tiny.cpp").read_text()
    assert "flow_target" not in (out / "hls" / "run_hls.tcl").read_text()
    assert main(["-q", "verify", str(out)]) == 0


@pytest.mark.parametrize("cxx", ["g++", "clang++"])
def test_compiled_design_passes(compiled: Path, cxx: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--json", "verify", str(compiled), "--cxx", cxx]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["sequences"], said["steps"], said["targets"]) == (12, LENGTH, ["HLS C++"])
    assert said["values"] > 12 * LENGTH * said["ops"]


@pytest.mark.parametrize(("option", "value"), [("--lanes", "0"), ("--part", "no part"), ("--clock-period", "-1")])
def test_options_out_of_range(option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tiny_model(tmp_path))
    assert (
        main(["-q", "compile", model, "-o", str(tmp_path / "out"), "--target", "hls", "--a-bits", "10", option, value])
        == 2
    )
    assert f"{option} must be" in capsys.readouterr().err


FAULTS = {
    "table entry": ("tiny_tables.h", r"(table_encoder_weight\[\d+\]\[2\] = {\s*{)(-?\d+)", r"\g<1>1"),
    "pole": ("tiny_tables.h", r"(table_blocks_0_ssm_ax_d_a_re\[\d+\]\[2\] = {\s*{)(-?\d+)", r"\g<1>7"),
    "entry that no sample reaches": ("tiny_tables.h", r"(_entries\[\d+\] = {\s*)(-?\d+)", r"\g<1>1"),
    "rounding": ("qssm_kernels.h", r"Acc\(1\) << \(shift - 1\)", "Acc(1) << (shift / 2)"),
    "floor": ("qssm_kernels.h", r"sum >> shift", "(sum + 1) >> shift"),
    "reset": ("tiny.cpp", r"last \? blocks_0_ssm_x_t\(0\) : ", "last ? blocks_0_ssm_x_t(1) : "),
    "width": ("tiny_types.h", r"ap_int<(\d+)> blocks_0_ssm_xn_t", "ap_int<3> blocks_0_ssm_xn_t"),
    "accumulator": ("tiny_types.h", r"ap_int<(\d+)> encoder_acc_t", "ap_int<40> encoder_acc_t"),
    "sign": ("tiny.cpp", r" - (table_blocks_0_ssm_ax_d_a_im)", r" + \1"),
    "last beat": ("qssm_kernels.h", r"beat.last = last", "beat.last = 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_emitted_testbench_finds_a_fault(fault: str, design: Path) -> None:
    name, pattern, replacement = FAULTS[fault]
    change(design / "hls" / name, pattern, replacement)
    result = csim(design / "hls", cxx="clang++", flags="-O0")
    assert result.returncode != 0
    assert "mismatch" in result.stdout or "golden model" in result.stderr


def test_the_emitted_testbench_passes_without_a_fault(design: Path) -> None:
    result = csim(design / "hls", cxx="clang++", flags="-O1 -Werror")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"12 sequences of {LENGTH} samples: every output is as expected" in result.stdout


@pytest.mark.parametrize("cxx", ["g++", "clang++"])
def test_the_emitted_testbench_is_clean_under_sanitizers(cxx: str, design: Path) -> None:
    result = csim(design / "hls", cxx=cxx, flags=SANITIZE)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("fault", ["table entry", "pole", "rounding", "sign", "last beat"])
def test_verify_finds_a_fault(fault: str, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, pattern, replacement = FAULTS[fault]
    for file in (name, "trace/tiny_trace.cpp") if name == "tiny.cpp" else (name,):
        change(design / "hls" / file, pattern, replacement)
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    error = capsys.readouterr().err
    if fault == "last beat":
        assert "TLAST" in error
    else:
        assert "golden and the emitted HLS C++ diverge first at op %" in error
        assert "time step" in error


@pytest.mark.parametrize("name", ["tiny.cpp", "trace/tiny_trace.cpp"])
def test_traced_source_must_be_the_shipped_one(name: str, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pragma, which no compiler of a simulation sees, still tells the two sources apart."""
    change(design / "hls" / name, "#pragma HLS dataflow", "#pragma HLS inline")
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    error = capsys.readouterr().err
    assert "of tiny.cpp is not what trace/tiny_trace.cpp has there without its trace statements" in error


@pytest.mark.parametrize("name", ["hls/layout.json", "hls/harness.cpp", "hls/tiny_test.cpp", "hls/run_hls.tcl"])
def test_what_the_comparison_rests_on_must_be_as_compiled(
    name: str, design: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = design / name
    path.write_text(path.read_text() + "\n")
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    assert f"{name} is not what was compiled" in capsys.readouterr().err


def test_missing_compiler_names_the_package(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["-q", "verify", str(compiled), "--cxx", "no-such-g++"]) == 4
    assert "apt-get install g++" in capsys.readouterr().err


def test_code_that_no_longer_compiles_is_a_finding(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (design / "hls" / "tiny.cpp").write_text("{")
    capsys.readouterr()
    assert main(["-q", "verify", str(design)]) == 1
    assert "hls/tiny.cpp is not what was compiled" in capsys.readouterr().err
