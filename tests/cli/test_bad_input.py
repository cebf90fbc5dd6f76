"""Bad input to whole commands: one clear sentence, the right exit code, nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.artifact import folder as folder_module
from qssmc.artifact.manifest import MANIFEST
from qssmc.cli import main
from qssmc.models import save_checkpoint
from support.tiny import tiny_checkpoint, tiny_model


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tiny_model(tmp_path).relative_to(tmp_path)


def refused(said: str, capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    """Run a command that must fail with one sentence and leave the working folder as it was."""
    before = sorted(str(path) for path in Path().rglob("*"))
    capsys.readouterr()
    assert main(["-q", *(str(argument) for argument in arguments)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err
    assert sorted(str(path) for path in Path().rglob("*")) == before
    return captured.err


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["int", "main", "harness", "Harness", "qssm_kernels", "stdint", "string", "a" * 41, ""]
)
def test_names_that_c_or_the_emitted_files_need(name: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused("--name must be a C identifier", capsys, "compile", model, "-o", "out", "--name", name)
    free = re.search(r"; (\w+) would do", said)
    assert free
    assert main(["-q", "compile", str(model), "-o", "out", "--name", free[1], "--vectors", "1"]) == 0


@pytest.mark.parametrize(
    ("stem", "prefix"), [("int", "model_int"), ("harness", "model_harness"), ("größe 1", "gr_e_1")]
)
def test_a_name_taken_from_the_file_is_made_to_fit(stem: str, prefix: str, model: Path) -> None:
    model.rename(f"{stem}.pt")
    assert main(["-q", "compile", f"{stem}.pt", "-o", "out", "--vectors", "1"]) == 0
    assert Path(f"out/c/{prefix}.h").is_file()
    assert main(["-q", "verify", "out"]) == 0


def test_a_name_may_be_that_of_an_op(model: Path) -> None:
    assert main(["-q", "compile", str(model), "-o", "out", "--name", "encoder", "--vectors", "2"]) == 0
    assert main(["-q", "verify", "out"]) == 0


# --- compile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--seed", "-1", "--calib", "digits28:3"), "--seed must be at least 0, not -1"),
        (("--max-steps", "0"), "max steps must be 1 to 2^30, not 0"),
        (("--max-steps", "23"), "24 steps are longer than the 23 that a mean is exact for"),
        (("--calib", "digits28:\N{ARABIC-INDIC DIGIT THREE}"), "--calib must be FILE.npy or DATASET:COUNT"),
        (("--calib", "absent.npy"), "calibration file absent.npy cannot be read (No such file or directory)"),
        (("--calib", "digits"), "but the model takes unsigned 8-bit integers with 8 fractional bits"),
    ],
)
def test_flags_of_compile(flags: tuple[str, ...], said: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(said, capsys, "compile", model, "-o", "out", *flags)


def test_calibration_of_durations_is_refused(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("calib.npy", np.zeros((2, 24, 1), "timedelta64[s]"))
    refused("must be integers", capsys, "compile", model, "-o", "out", "--calib", "calib.npy")


def test_a_folder_is_no_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder.pt").mkdir()
    refused("folder.pt is not a file", capsys, "compile", "folder.pt", "-o", "out")


def test_numbers_out_of_range_end_in_one_sentence(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tiny_checkpoint()
    for name, code in (("blocks.0.ssm.log_dt", 3), ("blocks.0.ssm.log_a_real", 3), ("encoder.weight", 2)):
        save_checkpoint(replace(good, state={**good.state, name: good.state[name] * 0 + 1e38}), Path("m.pt"))
        refused("", capsys, "compile", "m.pt", "-o", "out", code=code)


def test_a_very_long_trained_length_needs_no_flag(model: Path) -> None:
    save_checkpoint(replace(tiny_checkpoint(), sequence_length=10**12), Path("m.pt"))
    assert main(["-q", "compile", "m.pt", "-o", "out", "--vectors", "1"]) == 0


@pytest.mark.parametrize(
    ("config", "calibration"),
    [
        ({"d_output": 1}, np.full((5, 1, 1), 7)),
        ({"d_input": 3, "output": "step"}, np.full((1, 24, 3), 255)),
        ({"d_model": 1, "d_state": 1, "d_output": 1, "norm": "layer"}, np.zeros((3, 24, 1), np.uint8)),
    ],
)
def test_small_and_constant_data_is_enough(config: dict[str, object], calibration: np.ndarray, model: Path) -> None:
    np.save("calib.npy", calibration)
    for scheme in ("qssm", "zhao"):
        tiny_model(Path(), "m.pt", **config)
        flags = ["--calib", "calib.npy", "--scheme", scheme, "--vectors", "999"]
        assert main(["-q", "compile", "m.pt", "-o", scheme, *flags]) == 0
        assert main(["-q", "verify", scheme]) == 0
        subprocess.run(["make", "-s", "-C", f"{scheme}/c", "check"], check=True, capture_output=True)


def test_paths_may_hold_blanks_brackets_and_umlauts(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model.rename("größe [x] :smile:.pt")
    out = "a folder/out [b] :x:"
    assert main(["compile", "größe [x] :smile:.pt", "-o", out, "--vectors", "2"]) == 0
    assert f"next: qssmc verify {out}" in capsys.readouterr().err
    assert main(["verify", out]) == 0
    assert f"{out}: verified" in capsys.readouterr().out
    subprocess.run(["make", "-s", "check"], cwd=f"{out}/c", check=True, capture_output=True)


def test_a_link_to_nothing_above_the_output_folder(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link").symlink_to("nowhere")
    refused("link cannot be written", capsys, "compile", model, "-o", "link/out")


def test_a_full_disk_leaves_nothing(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder_module, "_write", full)
    refused("output folder out cannot be written (No space left", capsys, "compile", model, "-o", "out")


def test_a_design_with_folders_that_cannot_be_written_is_replaced_whole(model: Path) -> None:
    assert main(["-q", "compile", str(model), "-o", "out", "--vectors", "1"]) == 0
    Path("out/c").chmod(0o500)
    assert main(["-q", "compile", str(model), "-o", "out", "--vectors", "1", "--force"]) == 0
    assert sorted(os.listdir()) == ["out", "tiny.pt"]


def test_config_with_a_null_character(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text('output-dir: "a\\0b"\n')
    refused("output-dir must be plain text", capsys, "compile", "-c", "c.yaml", model)
    Path("c.yaml").write_text('cc: "a\\0b"\n')
    refused("cc must be plain text", capsys, "verify", "-c", "c.yaml", "out")


def test_verbose_names_each_file_and_json_stays_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "-v", "--json", str(model), "-o", "out", "--vectors", "3"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["vectors"] == 3
    assert all(f"wrote {name}, " in captured.err for name in json.loads(Path("out", MANIFEST).read_text())["files"])


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_killed_in_the_middle_leaves_nothing(number: signal.Signals, model: Path) -> None:
    long = np.random.default_rng(0).integers(0, 256, (64, 600, 1))
    np.save("calib.npy", long)
    command = [sys.executable, "-m", "qssmc", "compile", "tiny.pt", "-o", "out/deep", "--calib", "calib.npy"]
    command += ["--max-steps", "600"]
    # A test run in the background ignores the interrupt key, and so would its children.
    heed: dict[str, Any] = {"preexec_fn": _heed_interrupts}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **heed) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("pass discretize"):
                time.sleep(0.1)
                process.send_signal(number)
        assert process.wait(60) == 130
    assert sorted(os.listdir()) == ["calib.npy", "tiny.pt"]


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_eval_refuses_data_that_the_model_does_not_fit(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few, wide = tiny_model(Path(), "few.pt", d_output=3), tiny_model(Path(), "wide.pt", d_input=2)
    for path in (few, wide):
        assert main(["-q", "compile", str(path), "-o", path.stem, "--max-steps", "784"]) == 0
    assert main(["-q", "compile", str(few), "-o", "short"]) == 0
    for engine in ("golden", "c"):
        flags = ("--engine", engine, "--dataset", "digits28")
        refused("exact for 96 steps, but the data set has 784", capsys, "eval", "short", *flags)
    for engine in ("torch", "golden", "c"):
        design, three, two = ("tiny.pt", "few.pt", "wide.pt") if engine == "torch" else ("few", "few", "wide")
        data = ("--engine", engine, "--count", "20", "--dataset")
        refused("the model takes unsigned 8-bit integers", capsys, "eval", design, *data, "digits")
        refused("too few for the 10 classes", capsys, "eval", three, *data, "digits28")
        refused("2 a sample, but the data set has", capsys, "eval", two, *data, "digits28")


def test_train_refuses_seeds_and_folders_before_any_work(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ("train", "--dataset", "digits", "-o", "x.pt")
    for seed in (-1, 1 << 63):
        refused("--seed must be 0 to 2^63 - 1", capsys, *train, "--seed", seed)
    refused("tiny.pt is not a folder", capsys, *train, "--work", "tiny.pt")


def test_choices_are_listed_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    refused("digits, digits28, mnist, fsdd", capsys, "train")


def test_every_command_takes_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("compile", "verify", "eval", "demo", "train", "fetch", "inspect", "supported-ops"):
        assert main([name, "--help"]) == 0
        said = capsys.readouterr().out
        assert "--config" in said
        described = re.findall(r"^  (-.*?)(?=^  -|\Z)", said, re.MULTILINE | re.DOTALL)
        assert all(len(option.split("  ", 1)[-1].split("[default")[0].strip()) > 5 for option in described), name
