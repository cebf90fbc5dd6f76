"""Import of look-alikes: each reading found by the answers alone, and its float IR gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from frontend.importing.stacks import Sequence, Stack, used_batch_norm
from frontend.layers import lookalikes
from qssmc.driver.importing import ImportedModel, import_model

MODELS = {
    "S4D, post norm": (
        lambda: Sequence(channels=2),
        {"norm-position": "post", "mixing": "glu", "activation": "gelu", "discretization": "zoh", "real-part": "2"},
    ),
    "S4D, pre norm": (lambda: Sequence(channels=2, pre=True), {"norm-position": "pre", "pooling": "mean"}),
    "S4D with given B, bilinear": (
        lambda: Stack(
            lambda: lookalikes.S4D(4, 3, transposed=False, method="bilinear", given_b=True), mixing="none", pool="last"
        ),
        {"discretization": "bilinear", "pooling": "last"},
    ),
    "LRU": (
        lambda: Stack(lambda: lookalikes.LRU(4, 4, 3), act=nn.SiLU(), pool="last"),
        {"activation": "silu", "pooling": "last", "mixing": "gate", "real-part": "1"},
    ),
    "LRU, batch norm, a gate of itself": (
        lambda: Stack(lambda: lookalikes.LRU(4, 4, 3, dense=False), norm=used_batch_norm, mixing="half", act=nn.GELU()),
        {"mixing": "gate", "activation": "gelu"},
    ),
    "S5, RMS norm behind": (
        lambda: Stack(lambda: lookalikes.S5SSM(4), pre=False, norm=nn.RMSNorm, act=nn.ReLU(), mixing="none"),
        {"norm-position": "post", "norm-kind": "rms", "activation": "relu", "real-part": "2"},
    ),
    "S5, bilinear, an answer a step": (
        lambda: Stack(lambda: lookalikes.S5SSM(4, method="bilinear"), act=nn.SiLU(), pool="none"),
        {"discretization": "bilinear", "pooling": "none"},
    ),
    "moving averages": (
        lambda: Stack(lambda: lookalikes.LeakyEMA(4), act=nn.ReLU(), mixing="half"),
        {"activation": "relu", "mixing": "gate"},
    ),
}


def imported(model: nn.Module, tmp_path: Path, x: np.ndarray, **given: str) -> ImportedModel:
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    with torch.no_grad():
        y = model.eval()(torch.from_numpy(x)).numpy()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    return import_model(tmp_path / "weights.pt", (tmp_path / "x.npy", tmp_path / "y.npy"), given)


@pytest.mark.parametrize("name", MODELS)
def test_a_reading_is_found_by_its_answers(name: str, tmp_path: Path) -> None:
    make, wanted = MODELS[name]
    x = np.random.default_rng(1).normal(size=(4, 24, 2)).astype(np.float32)
    found = imported(make().eval(), tmp_path, x)
    assert {question: found.reading.answers[question] for question in wanted} == wanted
    assert found.error < 1e-5


def test_the_unrounded_model_is_the_proof_and_the_rounded_samples_are_the_calibration(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(4, 24, 2)).astype(np.float32)
    found = imported(Sequence(channels=2), tmp_path, x)
    real = found.model.input_format.to_real(found.model.calibration)
    assert 0 < np.abs(real - x).max() < 2e-3
    y = np.load(tmp_path / "y.npy")
    assert 0 < np.abs(found.model.answers - y).max() < 0.05 * np.abs(y).max()


def test_integers_keep_the_answers_that_were_given(tmp_path: Path) -> None:
    model = Sequence().eval()
    x = np.random.default_rng(1).integers(0, 256, (4, 24, 1)).astype(np.uint8)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    with torch.no_grad():
        y = model((torch.from_numpy(x).float() / 255 - 0.1307) / 0.3081).numpy()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    expect = (tmp_path / "x.npy", tmp_path / "y.npy")
    found = import_model(tmp_path / "weights.pt", expect, {"norm-position": "post", "activation": "gelu"})
    assert found.reading.answers["input-scale"] == "(x/255-0.1307)/0.3081"
    assert np.array_equal(found.model.calibration, x)
    assert np.array_equal(found.model.answers, y.astype(np.float64))
    assert found.model.input_format.frac == found.model.input_format.width == 8
