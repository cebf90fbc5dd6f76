"""`qssmc compile`: what it writes, that it writes the same twice, and that bad input leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qssmc.artifact.manifest import MANIFEST, to_json
from qssmc.cli import main
from qssmc.models import Checkpoint, save_checkpoint
from support.tiny import tiny_checkpoint, tiny_model


def compile_(model: Path, out: Path, *flags: str) -> int:
    return main(["-q", "compile", str(model), "--target", "c", "-o", str(out), *flags])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_folder_holds_every_stage_the_c_the_vectors_and_the_reports(tmp_path: Path) -> None:
    assert compile_(tiny_model(tmp_path), tmp_path / "out") == 0
    files = tree(tmp_path / "out")
    stages = ["float", "canonicalise", "discretize", "rotate", "prune_states", "calibrate", "balance", "fill"]
    stages += ["allocate", "place_poles", "input_bits", "clip", "quantise", "refit", "align", "prove"]
    assert [name for name in files if name.endswith(".ir")] == [f"ir/{i:02d}_{s}.ir" for i, s in enumerate(stages)]
    wanted = {"c/tiny.c", "c/tiny.h", "c/tiny_tables.h", "c/qssm_kernels.h", "c/main.c", "c/Makefile", "ir/design.svg"}
    wanted |= {
        f"report/{name}.json" for name in ("storage", "effort", "bounds", "alignment", "certificate", "float_check")
    }
    wanted |= {"report/bits.txt", "report/bits.svg"}
    assert wanted | {"vectors/samples.npy", "vectors/y.npy", MANIFEST} <= set(files)
    manifest = json.loads(files[MANIFEST])
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != MANIFEST
    }
    assert manifest["config_sha256"] == hashlib.sha256(to_json(manifest["config"])).hexdigest()
    assert manifest["model_sha256"] == hashlib.sha256((tmp_path / "tiny.pt").read_bytes()).hexdigest()


def test_same_model_and_options_give_the_same_bytes(tmp_path: Path) -> None:
    model = tiny_model(tmp_path, norm="layer", n_layers=2, d_input=2)
    for name in ("a", "b"):
        assert compile_(model, tmp_path / name, "--bits", "W4A6") == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_neither_hash_seed_nor_folder_nor_locale_shows_in_the_bytes(tmp_path: Path) -> None:
    """This process has a hash seed of its own, drawn or given; the other one has another."""
    model = tiny_model(tmp_path, norm="layer", n_layers=2)
    every = ["--target", "all", "--vectors", "2"]
    assert main(["-q", "compile", str(model), "-o", str(tmp_path / "here"), *every]) == 0
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    subprocess.run(
        [sys.executable, "-m", "qssmc", "-q", "compile", "../../tiny.pt", "-o", "out", *every],
        cwd=elsewhere,
        env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": f"UTC-{seed}"},
        check=True,
        capture_output=True,
    )
    assert tree(elsewhere / "out") == tree(tmp_path / "here")


def test_safetensors_and_pt_give_the_same_design(tmp_path: Path) -> None:
    for name in ("tiny.pt", "tiny.safetensors"):
        assert compile_(tiny_model(tmp_path, name), tmp_path / name.replace(".", "_")) == 0
    ours, theirs = tree(tmp_path / "tiny_pt"), tree(tmp_path / "tiny_safetensors")
    ours.pop(MANIFEST), theirs.pop(MANIFEST)
    assert ours == theirs


def test_config_file_gives_options_and_rejects_unknown_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, config = tiny_model(tmp_path), tmp_path / "options.yaml"
    config.write_text("bits: W4A6\nstate_bits: 10\nscheme: zhao\n")
    assert compile_(model, tmp_path / "out", "-c", str(config)) == 0
    chosen = json.loads((tmp_path / "out" / MANIFEST).read_text())["config"]["quantise"]
    assert (chosen["weight_bits"], chosen["state_bits"], chosen["scheme"]) == (4, 10, "zhao")
    config.write_text("state-bit: 10\n")
    assert compile_(model, tmp_path / "other", "-c", str(config)) == 2
    assert "did you mean 'state-bits'?" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def broken(change: str) -> Checkpoint:
    """The tiny checkpoint with one thing wrong."""
    good = tiny_checkpoint()
    state = {name: tensor.clone() for name, tensor in good.state.items()}
    if change == "missing":
        del state["decoder.bias"]
    elif change == "extra":
        state["surprise"] = torch.zeros(1)
    elif change == "nan":
        state["encoder.weight"][0, 0] = float("nan")
    elif change == "infinite":
        state["blocks.0.ssm.c"][0, 0, 0] = float("inf")
    elif change == "shape":
        state["decoder.weight"] = torch.zeros(5, 7)
    elif change == "pole":
        state["blocks.0.ssm.log_a_real"][0, 0] = -200.0
    return replace(good, state=state)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("missing", 2, "decoder.bias is missing"),
        ("extra", 2, "surprise is not part of this model"),
        ("nan", 2, "encoder.weight has 1 value"),
        ("infinite", 2, "blocks.0.ssm.c has 1 value"),
        ("shape", 2, "decoder.weight must have shape (5, 4)"),
        ("pole", 3, "must lie strictly inside the unit circle"),
    ],
)
def test_broken_models_are_refused(
    change: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tiny_checkpoint(), tmp_path / "m.pt")
    payload = torch.load(tmp_path / "m.pt", weights_only=True)  # save_checkpoint itself writes none of these
    torch.save({**payload, "state": broken(change).state}, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", code, said, tmp_path, capsys)


def refused(model: Path, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> None:
    before = sorted(os.listdir(tmp_path))
    assert compile_(model, tmp_path / "out", *flags) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("qssmc: error: ")
    assert said in lines[0]
    assert sorted(os.listdir(tmp_path)) == before


class Evil:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.write_text, (self.path, "ran"))


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = tmp_path / "evil.pt"
    evil.write_bytes(pickle.dumps(Evil(tmp_path / "proof")))
    refused(evil, 2, "is refused", tmp_path, capsys)
    torch.save({"format": "qssmc.checkpoint", "version": 1, "config": Evil(tmp_path / "proof")}, evil)
    refused(evil, 2, "is refused", tmp_path, capsys)
    assert not (tmp_path / "proof").exists()
    whole = tiny_model(tmp_path).read_bytes()
    cut = tmp_path / "cut.pt"
    cut.write_bytes(whole[: len(whole) // 2])
    refused(cut, 2, "cut.pt", tmp_path, capsys)
    refused(tmp_path / "absent.pt", 2, "does not exist", tmp_path, capsys)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--bits", "W99A6"), "weight bits must be"),
        (("--bits", "four"), "bits must look like W4A6"),
        (("--state-bits", "64"), "state bits must be"),
        (("--a-bits", "1"), "a bits must be"),
        (("--vectors", "0"), "--vectors must be at least 1"),
        (("--name", "9lives"), "--name must be a C identifier"),
        (("--calib", "nonsense"), "--calib must be FILE.npy or DATASET:COUNT"),
    ],
)
def test_absurd_options_are_refused(
    flags: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(tiny_model(tmp_path), 2, said, tmp_path, capsys, *flags)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((0, 24, 1), np.uint8), "is empty"),
        (np.zeros((3, 24), np.uint8), "must have shape"),
        (np.zeros((3, 24, 1), np.float32), "must be integers"),
        (np.full((3, 24, 1), 300), "must lie in 0..255"),
    ],
)
def test_bad_calibration_files_are_refused(
    array: np.ndarray, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "calib.npy", array)
    refused(tiny_model(tmp_path), 2, said, tmp_path, capsys, "--calib", str(tmp_path / "calib.npy"))


def test_model_without_calibration_says_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(tiny_model(tmp_path, calibrated=False), 2, "give --calib", tmp_path, capsys)


def test_existing_folder_is_kept_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_model(tmp_path)
    assert compile_(model, tmp_path / "out") == 0
    before = tree(tmp_path / "out")
    refused(model, 2, "--force", tmp_path, capsys)
    assert tree(tmp_path / "out") == before
    assert compile_(model, tmp_path / "out", "--bits", "W4A6", "--force") == 0
    assert tree(tmp_path / "out") != before


def test_forced_compile_spares_folders_that_are_no_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    refused(tiny_model(tmp_path), 2, "holds other things", tmp_path, capsys, "--force")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    model = tiny_model(tmp_path)
    assert compile_(model, tmp_path / "file" / "out") == 2
    assert "cannot be made" in capsys.readouterr().err
