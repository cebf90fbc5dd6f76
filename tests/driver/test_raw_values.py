"""Values of a wrong kind given to the Python API: one sentence of an error of ours, no exception of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qssmc
from qssmc.errors import QssmcError, UnsupportedModelError, UsageError
from qssmc.models import save_checkpoint
from support.tiny import tiny_checkpoint

REALS = np.random.default_rng(0).random((4, 20, 1))


def tiny() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 2), nn.Tanh())


class Uninitialised(nn.Module):
    def __init__(self) -> None:
        pass


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + torch.rand(1)


@pytest.mark.parametrize(
    "options",
    [
        {"calibration": torch.rand(4, 20, 1).to_sparse()},
        {"calibration": REALS * 1e30},
        {"input_format": (8, 8, False)},
        {"target": None},
        {"target": 5},
        {"target": ("c", 5)},
        {"say": None},
        {"output_dir": 5},
        {"output_dir": "a\0b"},
        {"output_dir": "a" * 300},
        *({"name": name} for name in ("1a", "_x", "\u00fc", "", "../x")),
    ],
)
def test_values_that_compile_refuses(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        qssmc.compile(tiny(), **{"calibration": REALS, **options})
    assert "\n" not in str(refused.value)


def test_one_sequence_and_the_text_of_a_format_are_taken() -> None:
    assert qssmc.compile(tiny(), calibration=REALS[0, :, 0], input_format="u8.8").model is not None


@pytest.mark.parametrize(
    ("module", "said"),
    [(Uninitialised(), "super().__init__"), (nn.Linear(1, 0), "no numbers"), (Noisy(), "random")],
)
def test_modules_that_cannot_be_compiled(module: nn.Module, said: str) -> None:
    with pytest.raises(UnsupportedModelError) as refused:
        qssmc.compile(module, calibration=REALS)
    assert said in str(refused.value)


@pytest.mark.parametrize("channels", [-1, "a", 1.0])
def test_channels_of_a_trace(channels: Any) -> None:
    with pytest.raises(UsageError, match="channels must be a whole number"):
        qssmc.trace(tiny(), channels)


def test_names_and_paths_of_other_kinds(tmp_path: Path) -> None:
    nothing: Any = None
    number: Any = 5
    (tmp_path / "own.py").write_text("")
    for call in (
        lambda: qssmc.trace(tiny(), 1, name=number),
        lambda: qssmc.verify(nothing),
        lambda: qssmc.load(nothing),
        lambda: qssmc.save(tiny(), nothing, calibration=REALS),
        lambda: qssmc.save(tiny(), tmp_path / "own.py/x.qssm", calibration=REALS),
    ):
        with pytest.raises(UsageError):
            call()


def test_checkpoints_of_other_kinds(tmp_path: Path) -> None:
    good, cyclic = tiny_checkpoint(), {}  # type: ignore[var-annotated]
    cyclic["self"] = cyclic
    path = tmp_path / "m.pt"
    for given in (tiny(), good.build()):
        with pytest.raises(UsageError, match="save_checkpoint takes Checkpoint"):
            save_checkpoint(given, path)  # type: ignore[arg-type]
    for field, value in (("config", None), ("config", {}), ("input_format", None), ("provenance", cyclic)):
        with pytest.raises(UsageError, match=field):
            save_checkpoint(type(good)(**{**vars(good), field: value}), path)
    for where in (tmp_path, None, b"m.pt"):
        with pytest.raises(UsageError):
            save_checkpoint(good, where)  # type: ignore[arg-type]


def test_values_of_a_loaded_design(tmp_path: Path) -> None:
    qssmc.compile(tiny(), calibration=REALS, output_dir=tmp_path / "out")
    design = qssmc.load(tmp_path / "out")
    design.step(design.to_samples([0.5]))
    assert design.last() == {}
    for given, said in (("x", "real numbers"), ([[float("nan"), 1.0]], "NaN"), ([1e300], "hold")):
        with pytest.raises(UsageError, match=said):
            design.to_samples(given)
    for steps in (-1, "a"):
        with pytest.raises(QssmcError, match="steps must be"):
            design.to_real(np.zeros(2, int), steps=steps)  # type: ignore[arg-type]
