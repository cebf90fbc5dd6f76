"""The shipped models: small, as accurate as said, and the same in golden and in the emitted C on real sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qssmc.cli import main
from qssmc.data import Sequences, load_split
from qssmc.errors import UsageError
from qssmc.evaluate import evaluate
from qssmc.models import load_checkpoint
from qssmc.verify import verify_folder

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = {"s4d16_mnist": 98.0, "s4d64_mnist": 98.8}


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


@pytest.mark.parametrize("name", MODELS)
def test_float_accuracy_is_what_is_recorded(name: str, mnist: Sequences) -> None:
    found = evaluate(EXAMPLES / f"{name}.pt", "torch", mnist)
    assert found.accuracy >= MODELS[name]
    assert found.accuracy == pytest.approx(100 * load_checkpoint(EXAMPLES / f"{name}.pt").provenance["test_accuracy"])


def test_s4d16_compiles_verifies_and_keeps_its_accuracy(tmp_path: Path, mnist: Sequences) -> None:
    out = tmp_path / "out"
    assert main(["-q", "compile", str(EXAMPLES / "s4d16_mnist.pt"), "--target", "c", "-o", str(out)]) == 0
    verified = verify_folder(out)
    assert (verified.sequences, verified.steps) == (112, 784)
    emitted = evaluate(out, "c", mnist)
    golden = evaluate(out, "golden", mnist.take(500))
    assert np.array_equal(golden.predictions, emitted.predictions[:500])
    assert emitted.accuracy > 97.5


def test_s4d64_compiles_and_verifies(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    model = str(EXAMPLES / "s4d64_mnist.pt")
    assert main(["-q", "compile", model, "-o", out, "--bits", "W4A6", "--vectors", "8"]) == 0
    assert main(["-q", "verify", out]) == 0
