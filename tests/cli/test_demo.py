"""`qssmc demo`: its one result, as a table and as JSON, with small models in the place of the shipped ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qssmc import training
from qssmc.cli import main
from qssmc.training import Recipe
from support.tiny import tiny_model

TINY = Recipe({"d_model": 3, "d_state": 2}, {"epochs": 1, "batch_size": 512}, "digits:5")


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qssmc.cli.train.RECIPES", {**training.RECIPES, "digits": TINY})
    monkeypatch.setattr("qssmc.cli.demo.is_present", lambda *_: False)
    tiny_model(tmp_path / "examples", "s4d16_mnist.pt")
    return tmp_path / "examples"


def test_json_is_one_document(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "demo"]) == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert set(said) == {"S4D-16, MNIST", "S4D, digits"}
    shipped, digits = said["S4D-16, MNIST"], said["S4D, digits"]
    assert shipped["values_verified"] > 10_000
    assert shipped["c_accuracy"] is None
    assert 0 < digits["c_accuracy"] <= 100
    assert digits["steps_per_second"] > 0
    assert "MNIST is not here" in captured.err


def test_table_says_what_a_user_wants_to_see(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # a second run replaces what the first one wrote
        assert main(["-q", "demo", "-o", "made/here"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    for row in ("weights / activations / state / poles", "state, bytes", "steps a second", "accuracy, emitted C"):
        assert row in captured.out
    assert main(["-q", "verify", "made/here/s4d16"]) == 0


def test_what_cannot_be_used(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (examples / "file").write_text("")
    for flags, said in ((["--examples", "none"], "is missing"), (["-o", "examples/file/x"], "is not a folder")):
        assert main(["demo", *flags]) == 2
        assert said in capsys.readouterr().err
    assert not Path("out").exists()
