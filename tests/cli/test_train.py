"""`qssmc train` and `qssmc fetch`: reproducible, resumable, and careful with what it stores and overwrites."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from qssmc.cli import main
from qssmc.data import DATASETS, catalog, load_split
from qssmc.models import load_checkpoint
from qssmc.training import RECIPES, loop

TINY = ["train", "--dataset", "digits", "--d-model", "4", "--d-state", "2", "--epochs", "2", "--batch-size", "256"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; torch's settings are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield tmp_path
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def test_train_writes_a_model_its_log_and_where_it_comes_from(folder, capsys):
    assert main([*TINY, "--norm", "batch", "-o", "models/a.pt", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    found = load_checkpoint(folder / "models" / "a.pt")
    assert result["model"] == "models/a.pt"
    assert result["parameters"] == sum(p.numel() for p in found.build().parameters())
    assert (found.config.d_model, found.config.d_state, found.config.d_output) == (4, 2, 10)
    provenance = found.provenance
    assert provenance["test_accuracy"] == result["test_accuracy"]
    assert (provenance["data_set"], provenance["epochs"], provenance["seed"]) == ("digits", 2, 0)
    assert provenance["torch"] == str(torch.__version__)
    assert str(folder) not in json.dumps(provenance)
    drawn = load_split("digits", "train").take(112, 0)
    assert np.array_equal(found.calibration, drawn.samples)
    records = [json.loads(line) for line in (folder / result["log"]).read_text().splitlines()]
    assert [(r["epoch"], set(r)) for r in records] == [(e, {"epoch", "loss", "test_accuracy"}) for e in (1, 2)]


def test_the_recorded_command_trains_the_same_bytes_again(folder):
    assert main([*TINY, "--stretch", "5", "--gain", "3", "-o", "a.pt"]) == 0
    command = load_checkpoint(folder / "a.pt").provenance["command"]
    words = shlex.split(command)
    assert words[0] == "qssmc"
    assert "--stretch 5.0 --gain 3.0" in command
    assert {"--weight-decay", "--residual", "--dt-min", "--threads", "--record-calibration"} <= set(words)
    assert main([*words[1:], "-o", "b.pt", "--work", "elsewhere"]) == 0
    assert (folder / "a.pt").read_bytes() == (folder / "b.pt").read_bytes()
    assert (folder / "a.train.jsonl").read_bytes() == (folder / "b.train.jsonl").read_bytes()


def test_safetensors_hold_the_same_model(folder):
    assert main([*TINY, "-o", "a.pt"]) == 0
    assert main([*TINY, "-o", "b.safetensors"]) == 0
    one, other = load_checkpoint(folder / "a.pt"), load_checkpoint(folder / "b.safetensors")
    assert (one.config, one.provenance) == (other.config, other.provenance)
    assert all(torch.equal(one.state[name], other.state[name]) for name in one.state)


def test_an_existing_model_stays_unless_forced(folder, capsys):
    (folder / "a.pt").write_text("precious")
    assert main([*TINY, "-o", "a.pt"]) == 2
    assert "a.pt exists; give another name or --force" in capsys.readouterr().err
    assert (folder / "a.pt").read_text() == "precious"
    assert not (folder / "runs").exists(), "refused before any training"
    assert main([*TINY, "-o", "a.pt", "--force"]) == 0
    assert load_checkpoint(folder / "a.pt").config.d_model == 4


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "a.onnx"], "must end in .pt or .safetensors, not a.onnx"),
        (["-o", "a.pt", "--d-model", "0"], "d_model must be an integer of at least 1, not 0"),
        (["-o", "a.pt", "--epochs", "0"], "epochs and batch size must be at least 1"),
        (["-o", "a.pt", "--stretch", "60"], "stretch must be 0 to 50 percent"),
        (["-o", "a.pt", "--gain", "-3"], "gain 0 to 100 decibels"),
        (["-o", "a.pt", "--dropout", "1"], "dropout must lie in [0, 1)"),
        (["-o", "a.pt", "--threads", "0"], "--threads"),
        (["-o", "a.pt", "--activation", "gelo"], "--activation"),
        (["-o", "a.pt", "--lr", "1e30"], "training diverged in epoch 1"),
        (["-o", "a.pt", "--record-calibration", "mnist:10"], "may not be stored with a model"),
        (["-o", "a.pt", "--record-calibration", "digits28:10"], "do not have the form"),
        (["-o", "a.pt", "--record-calibration", "digits:9999"], "has 1437 training sequences, not 9999"),
        (["-o", "a.pt", "--record-calibration", "digits:0"], "must be none or SOURCE:COUNT"),
        (["-o", "a.pt", "--record-calibration", "digits"], "must be none or SOURCE:COUNT"),
        (["-o", "a.pt", "--record-calibration", "cifar:3"], "must be none or SOURCE:COUNT"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line_and_leaves_no_model(folder, capsys, flags, message):
    assert main([*TINY, "-q", *flags]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not list(folder.glob("a.*"))


def test_no_calibration_is_stored_where_none_is_asked_for(folder):
    assert main([*TINY, "-o", "a.pt", "--record-calibration", "none"]) == 0
    assert load_checkpoint(folder / "a.pt").calibration is None


def test_an_absent_data_set_is_said_in_one_line(folder, capsys, monkeypatch):
    monkeypatch.delenv("QSSMC_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert main(["train", "--dataset", "mnist", "-o", "a.pt", "--data", "nowhere"]) == 2
    err = capsys.readouterr().err
    assert "data set mnist was not found in nowhere" in err
    assert "qssmc fetch mnist" in err
    assert err.count("\n") == 1


def test_a_config_trains_as_flags_do(folder):
    assert main([*TINY, "-o", "a.pt"]) == 0
    (folder / "c.yaml").write_text("dataset: digits\nd_model: 4\nd_state: 2\nepochs: 2\nbatch-size: 256\nout: b.pt\n")
    assert main(["train", "-c", "c.yaml"]) == 0
    assert (folder / "a.pt").read_bytes() == (folder / "b.pt").read_bytes()


def test_ctrl_c_leaves_a_run_that_the_same_command_finishes(folder, capsys, monkeypatch):
    assert main([*TINY, "-o", "whole.pt", "--work", "whole"]) == 0
    epoch = loop._epoch

    def interrupted(run, *args):
        if run.epoch == 1:
            raise KeyboardInterrupt
        return epoch(run, *args)

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_epoch", interrupted)
        assert main([*TINY, "-o", "cut.pt"]) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "the same command goes on from there" in captured.err
    assert not (folder / "cut.pt").exists()
    assert main([*TINY, "-o", "cut.pt"]) == 0
    assert [json.loads(line)["epoch"] for line in capsys.readouterr().err.splitlines() if line.startswith("{")] == [2]
    assert (folder / "cut.pt").read_bytes() == (folder / "whole.pt").read_bytes()


def test_a_work_folder_of_another_run_is_refused(capsys):
    assert main([*TINY, "-o", "a.pt", "--work", "w"]) == 0
    assert main([*TINY, "-o", "b.pt", "--work", "w", "--seed", "1"]) == 2
    assert "seed 0, not 1; give another --work folder" in capsys.readouterr().err


def test_quiet_training_prints_the_result_alone(capsys):
    assert main(["-q", *TINY, "-o", "a.pt"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("a.pt: ")


def test_every_data_set_has_a_recipe_and_mnist_is_never_recorded():
    assert set(RECIPES) == set(DATASETS)
    assert RECIPES["mnist"].calibration == "digits28:112"
    assert RECIPES["fsdd"].calibration == "none"


def test_fetch_downloads_and_reports(folder, capsys, monkeypatch):
    source = folder / "source"
    source.write_bytes(b"abc")
    item = catalog.Download("mnist/file", source.as_uri(), catalog.digest(source))
    monkeypatch.setitem(catalog.DOWNLOADS, "mnist", (item,))
    assert main(["--json", "fetch", "mnist", "--data", "d"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "bytes": 3,
        "data_set": "mnist",
        "files": ["d/mnist/file"],
        "folder": "d",
    }
    assert main(["fetch", "digits"]) == 2
    assert "'mnist', 'fsdd'" in capsys.readouterr().err
