"""The shipped models: small, as accurate as said, and the same in golden and in the emitted C on real sequences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import qssmc
from qssmc.cli import main
from qssmc.data import Sequences, load_split
from qssmc.driver.verify import verify_folder
from qssmc.errors import UsageError
from qssmc.evaluation.accuracy import evaluate
from qssmc.models import load_checkpoint
from qssmc.training import RECIPES

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = {"s4d16_mnist": 98.0, "s4d64_mnist": 98.8}
FSDD = 95.5


@pytest.fixture(scope="module")
def mnist() -> Sequences:
    try:
        return load_split("mnist", "test")
    except UsageError as error:
        pytest.fail(f"this test needs MNIST: {error}")


@pytest.mark.parametrize("name", MODELS)
def test_model_is_small_and_says_how_it_was_made(name: str) -> None:
    path = EXAMPLES / f"{name}.pt"
    assert path.stat().st_size < 200_000
    assert (EXAMPLES / f"{name}.train.jsonl").is_file()
    checkpoint = load_checkpoint(path)
    assert checkpoint.provenance["command"].startswith("qssmc train --dataset mnist")
    assert checkpoint.calibration is not None
    assert len(checkpoint.calibration) >= 100
    heads = checkpoint.config.d_model
    assert sum(tensor.numel() for tensor in checkpoint.state.values()) == 2 * heads**2 + 208 * heads + 10


def test_float_accuracy_is_what_is_recorded(mnist: Sequences) -> None:
    found = evaluate(EXAMPLES / "s4d16_mnist.pt", "torch", mnist)
    assert found.accuracy >= MODELS["s4d16_mnist"]
    assert found.accuracy == pytest.approx(
        100 * load_checkpoint(EXAMPLES / "s4d16_mnist.pt").provenance["test_accuracy"]
    )


def test_float_accuracy_of_the_larger_model_on_a_tenth_of_the_images(mnist: Sequences) -> None:
    """All 10 000 are measured by benchmarks.ptq."""
    found = evaluate(EXAMPLES / "s4d64_mnist.pt", "torch", mnist.take(1000))
    assert found.accuracy >= MODELS["s4d64_mnist"]


def test_the_spoken_digits_model_is_small_holds_no_recording_and_is_as_accurate_as_recorded() -> None:
    path = EXAMPLES / "s4d_fsdd.pt"
    assert path.stat().st_size < 200_000
    checkpoint = load_checkpoint(path)
    assert checkpoint.calibration is None, "a recording may not be stored with a model"
    assert (checkpoint.sequence_length, checkpoint.input_format.signed) == (1280, True)
    provenance = checkpoint.provenance
    assert provenance["command"].startswith("qssmc train --dataset fsdd")
    recipe = RECIPES["fsdd"]
    assert {name: getattr(checkpoint.config, name) for name in recipe.config} == recipe.config
    assert {name: provenance["options"][name] for name in recipe.options} == recipe.options
    log = (EXAMPLES / "s4d_fsdd.train.jsonl").read_text().splitlines()
    assert len(log) == recipe.options["epochs"]
    assert json.loads(log[-1])["test_accuracy"] == round(provenance["test_accuracy"], 5)
    try:
        test_set = load_split("fsdd", "test")
    except UsageError as error:
        pytest.fail(f"this test needs the spoken digits: {error}")
    found = evaluate(path, "torch", test_set)
    assert found.accuracy == pytest.approx(100 * provenance["test_accuracy"])
    assert found.accuracy >= FSDD


def test_s4d16_compiles_verifies_and_keeps_its_accuracy(tmp_path: Path, mnist: Sequences) -> None:
    out = tmp_path / "out"
    assert main(["-q", "compile", str(EXAMPLES / "s4d16_mnist.pt"), "--target", "c", "-o", str(out)]) == 0
    verified = verify_folder(out)
    assert (verified.sequences, verified.steps) == (112, 784)
    emitted = evaluate(out, "c", mnist)
    golden = evaluate(out, "golden", mnist.take(100))
    assert np.array_equal(golden.predictions, emitted.predictions[:100])
    assert emitted.accuracy > 97.5


def test_s4d64_compiles_and_c_is_golden(tmp_path: Path) -> None:
    """With four sequences, whose accuracy is not asked for here; all that verify does is asked of S4D-16."""
    out = tmp_path / "out"
    few = ["--calib", "digits28:4", "--vectors", "4"]
    assert main(["-q", "compile", str(EXAMPLES / "s4d64_mnist.pt"), "-o", str(out), "--bits", "W4A6", *few]) == 0
    with qssmc.load(out, engine="c") as design:
        assert np.array_equal(design.run(np.load(out / "vectors/samples.npy")), np.load(out / "vectors/y.npy"))
