"""The training loop: the same bytes from the same seed, interrupted or not, and clear ends where it cannot go on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qssmc.data import InputFormat, Sequences, load_split
from qssmc.errors import MalformedInputError, UsageError
from qssmc.models import Checkpoint, ModelConfig, save_checkpoint
from qssmc.training import TrainOptions, accuracy, loop, train

CONFIG = ModelConfig(d_model=4, d_state=2, dropout=0.1)
OPTIONS = TrainOptions(epochs=3, batch_size=32, shift=1, stretch=5.0, gain=3.0)


@pytest.fixture(scope="module")
def digits() -> tuple[Sequences, Sequences]:
    return load_split("digits", "train").take(80), load_split("digits", "test").take(40)


def run(digits, work: Path, config: ModelConfig = CONFIG, options: TrainOptions = OPTIONS) -> Checkpoint:
    return train(config, options, *digits, work=work, quiet=True)


def content(checkpoint: Checkpoint, path: Path) -> bytes:
    save_checkpoint(checkpoint, path)
    return path.read_bytes()


def log(work: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (work / "train.jsonl").read_text().splitlines()]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path, digits):
    first = content(run(digits, tmp_path / "a"), tmp_path / "a.pt")
    torch.manual_seed(123)
    assert content(run(digits, tmp_path / "b"), tmp_path / "b.pt") == first
    other = run(digits, tmp_path / "c", options=replace(OPTIONS, seed=1))
    assert content(other, tmp_path / "c.pt") != first
    assert log(tmp_path / "a") == log(tmp_path / "b") != log(tmp_path / "c")


def test_the_log_has_a_line_an_epoch(tmp_path, digits):
    checkpoint = run(digits, tmp_path)
    records = log(tmp_path)
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert records[-1]["test_accuracy"] == round(checkpoint.provenance["test_accuracy"], 5)
    assert all(math.isfinite(record["loss"]) for record in records)
    assert checkpoint.provenance["options"]["shift"] == 1
    assert checkpoint.sequence_length == 64


class Stop(BaseException):
    """What an interruption raises in these tests."""


def after_calls(function: Any, calls: int) -> Any:
    """The function, until it has been called so often; then it raises Stop."""
    left = iter(range(calls))

    def counted(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise Stop
        return function(*args, **kwargs)

    return counted


@pytest.mark.parametrize(
    ("owner", "name", "calls"),
    [
        (torch.nn.functional, "cross_entropy", 1),  # in the first epoch: nothing is saved yet
        (torch.nn.functional, "cross_entropy", 5),  # in the middle of the second epoch of three batches
        (loop, "accuracy", 1),  # between the second epoch's last batch and its log line
        (loop, "_save", 1),  # between a log line and its saved state
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, digits, monkeypatch, owner, name, calls):
    whole = content(run(digits, tmp_path / "whole"), tmp_path / "whole.pt")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, after_calls(getattr(owner, name), calls))
        with pytest.raises(Stop):
            run(digits, tmp_path / "cut")
    assert content(run(digits, tmp_path / "cut"), tmp_path / "cut.pt") == whole
    assert log(tmp_path / "cut") == log(tmp_path / "whole")
    assert not list((tmp_path / "cut").glob("*.partial"))


def test_a_finished_run_is_not_trained_again(tmp_path, digits, monkeypatch):
    first = content(run(digits, tmp_path / "run"), tmp_path / "a.pt")
    monkeypatch.setattr(loop, "_epoch", after_calls(loop._epoch, 0))
    assert content(run(digits, tmp_path / "run"), tmp_path / "b.pt") == first


def test_a_folder_of_another_run_is_refused(tmp_path, digits):
    run(digits, tmp_path)
    before = (tmp_path / "progress.pt").read_bytes()
    with pytest.raises(UsageError, match="epochs 3, not 4; give another --work folder"):
        run(digits, tmp_path, options=replace(OPTIONS, epochs=4))
    with pytest.raises(UsageError, match="activation gelu, not relu"):
        run(digits, tmp_path, config=replace(CONFIG, activation="relu"))
    other = (replace(digits[0], labels=(digits[0].labels + 1) % 10), digits[1])
    with pytest.raises(UsageError, match="other training data"):
        run(other, tmp_path)
    assert (tmp_path / "progress.pt").read_bytes() == before


@pytest.mark.parametrize("broken", [b"", b"not a run", None, {"epoch": 1}, [1]])
def test_a_broken_progress_file_is_refused(tmp_path, digits, broken):
    run(digits, tmp_path, options=replace(OPTIONS, epochs=1))
    path = tmp_path / "progress.pt"
    if isinstance(broken, bytes):
        path.write_bytes(broken)
    elif broken is None:
        path.write_bytes(path.read_bytes()[:-100])
    else:
        torch.save(broken, path)
    with pytest.raises(MalformedInputError, match="cannot be resumed; remove it to start anew"):
        run(digits, tmp_path, options=replace(OPTIONS, epochs=1))


def test_a_loss_that_is_not_finite_stops_the_run_at_once(tmp_path, digits):
    with pytest.raises(UsageError, match="training diverged in epoch 1: the loss is not finite; lower --lr"):
        run(digits, tmp_path, options=TrainOptions(epochs=2, batch_size=8, lr=1e30))
    assert not (tmp_path / "progress.pt").exists()


def test_absurd_options_are_refused():
    for wrong in (
        {"epochs": 0},
        {"batch_size": 0},
        {"shift": -1},
        {"lr": 0.0},
        {"lr": math.nan},
        {"weight_decay": math.inf},
    ):
        with pytest.raises(UsageError, match=r"must be at least 1, lr above 0"):
            TrainOptions(**wrong)
    for wrong in ({"stretch": -1.0}, {"stretch": 51.0}, {"stretch": math.nan}, {"gain": -1.0}, {"gain": math.inf}):
        with pytest.raises(UsageError, match="stretch must be 0 to 50 percent and gain 0 to 100 decibels"):
            TrainOptions(**wrong)


@pytest.mark.parametrize("distortion", [{"shift": 2}, {"stretch": 20.0}, {"gain": 6.0}])
def test_each_distortion_reaches_the_batches(digits, distortion):
    plain, other = (
        next(loop._batches(digits[0], TrainOptions(batch_size=32, **chosen), 0)) for chosen in ({}, distortion)
    )
    assert np.array_equal(plain[1], other[1]), "the order of the data stays"
    assert not np.array_equal(plain[0], other[0])
    assert (other[0].shape, other[0].dtype) == (plain[0].shape, plain[0].dtype)


def test_a_model_that_answers_at_every_step_learns_from_the_last(tmp_path, digits):
    checkpoint = run(digits, tmp_path, config=replace(CONFIG, output="step"))
    assert checkpoint.build()(torch.zeros(1, 64, 1)).shape == (1, 64, 10)


def test_accuracy_is_the_share_of_right_answers():
    class Echo(torch.nn.Module):
        """Answers the first sample's integer."""

        def forward(self, u: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(u[:, 0, 0].long(), 10).float()

    samples = np.arange(8, dtype=np.uint8).reshape(8, 1, 1)
    labels = np.array([0, 1, 2, 3, 4, 5, 0, 0])
    data = Sequences(samples, labels, InputFormat(8, 0, signed=False))
    assert accuracy(Echo(), data, batch_size=3) == 6 / 8


def test_a_few_epochs_learn_the_digits(tmp_path):
    options = TrainOptions(epochs=12, batch_size=32, lr=3e-2)
    checkpoint = train(
        ModelConfig(d_model=16, d_state=8),
        options,
        load_split("digits", "train"),
        load_split("digits", "test"),
        work=tmp_path,
        quiet=True,
    )
    assert checkpoint.provenance["test_accuracy"] > 0.6
