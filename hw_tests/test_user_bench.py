"""The cocotb bench that is emitted with every core, run as a user runs it: it passes, and says what a fault breaks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qssmc.cli import main
from support.tiny import LENGTH, tiny_model


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, compiled for the Verilog target."""
    folder = tmp_path_factory.mktemp("bench")
    model = str(tiny_model(folder, n_layers=2))
    assert main(["-q", "compile", model, "--target", "verilog", "--vectors", "3", "-o", str(folder / "out")]) == 0
    return folder / "out"


def sim(core: Path, *settings: str, path: Path | None = None) -> tuple[bool, str]:
    """`make sim` in the folder of a core: whether it passes, and what it says."""
    command = ["make", "-C", str(core), "sim", f"PYTHON={sys.executable}", *settings]
    if path is not None:
        command = ["env", f"PYTHONPATH={path}", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def broken(design: Path, folder: Path) -> Path:
    """A copy in which the weights of the second layer's mixing each have a wrong bit."""
    out = Path(shutil.copytree(design, folder / "out", ignore=shutil.ignore_patterns("build")))
    (memory,) = (out / "verilog/mem").glob("blocks_1_mixing_weights.mem")
    words = memory.read_text().split()
    memory.write_text("".join(f"{int(word, 16) ^ 1:0{len(word)}x}\n" for word in words))
    return out


def test_every_op_of_whole_sequences_is_compared(design: Path) -> None:
    passed, said = sim(design / "verilog", "SEQUENCES=3", "TRACE=1", "IDLE=60", "STALL=60")
    assert passed, said
    assert f"3 sequences of {LENGTH} samples: every output is the recorded one" in said
    counted = re.search(r"(\d+) values of (\d+) ops are those of the golden model", said)
    assert counted, said
    assert int(counted[1]) > 3 * LENGTH * int(counted[2])


def test_waves_are_written_on_request(design: Path) -> None:
    assert sim(design / "verilog")[0]
    assert not list(design.rglob("*.fst"))
    passed, said = sim(design / "verilog", "WAVES=1")
    assert passed, said
    assert (design / "verilog/sim/build/tiny_top.fst").stat().st_size > 10_000


def test_an_output_that_differs_is_named(design: Path, tmp_path: Path) -> None:
    passed, said = sim(broken(design, tmp_path) / "verilog")
    assert not passed
    assert re.search(r"m: element \d+ is \(\d, \d+\) \(last, bits\), not ", said), said


def test_the_op_that_differs_first_is_named(design: Path, tmp_path: Path) -> None:
    passed, said = sim(broken(design, tmp_path) / "verilog", "TRACE=1")
    assert not passed
    assert "golden and the core diverge first at op %blocks_1_mixing (matvec, from blocks.1.mixing)" in said, said


def test_ops_cannot_be_compared_without_qssmc(design: Path, tmp_path: Path) -> None:
    (tmp_path / "qssmc.py").write_text("raise ImportError\n")
    passed, said = sim(design / "verilog", "TRACE=1", path=tmp_path)
    assert not passed
    assert "TRACE=1 runs the golden model, for which the package qssmc must be installed" in said, said


def test_the_core_of_arrays_has_the_same_bench(tmp_path: Path) -> None:
    flags = ["--target", "crossbar", "--vectors", "1"]
    assert main(["-q", "compile", str(tiny_model(tmp_path)), *flags, "-o", str(tmp_path / "out")]) == 0
    passed, said = sim(tmp_path / "out/crossbar/verilog", "TRACE=1")
    assert passed, said
    assert "ops are those of the golden model" in said
