"""Recurrent S4D layers that were trained quantised: found, kept on their grids, exact where all are powers of two."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import qssmc
from qssmc.errors import UnsupportedModelError
from qssmc.ir.ops import Cast, Diag
from qssmc_sim import run
from support.trained_s4d import QuantS4Recurrent, act_quantizer

FORMAT = qssmc.InputFormat(8, 6, True)


class Model(nn.Module):
    """Encoder, layer and decoder, all on grids."""

    def __init__(self, layer: nn.Module, heads: int = 3, unit: float = 1.0) -> None:
        super().__init__()
        self.encoder, self.decoder, self.layer = nn.Linear(1, heads), nn.Linear(heads, 2), layer
        for linear in (self.encoder, self.decoder):
            linear.weight.data = torch.round(linear.weight.data * 32) / 32
        self.first, self.last = act_quantizer(unit / 64, 8), act_quantizer(unit / 64, 8)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        weight = torch.fake_quantize_per_tensor_affine(self.encoder.weight, 2.0**-5, 0, -128, 127)
        x = self.first(nn.functional.linear(u, weight, self.encoder.bias))
        y, _ = self.layer(x)
        weight = torch.fake_quantize_per_tensor_affine(self.decoder.weight, 2.0**-5, 0, -128, 127)
        return nn.functional.linear(self.last(y), weight)


def integers(seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-128, 128, (4, 30, 1))


def compiled(model: nn.Module, **options: Any) -> tuple[qssmc.CompiledDesign, dict[str, Any], list[str]]:
    said: list[str] = []
    design = qssmc.compile(model, calibration=integers(0), input_format=FORMAT, say=said.append, **options)
    return design, json.loads(design.files["report/trained_quantisation.json"]), said


def answers(design: qssmc.CompiledDesign, samples: NDArray[np.int64]) -> NDArray[np.float64]:
    golden = design.stages.golden
    (output,) = golden.outputs
    return np.asarray(run(golden, samples).outputs[output.name] * golden.scales[output.value].data)


@pytest.mark.parametrize("stored", [False, True])
def test_every_integer_and_the_answers_are_those_of_torch(stored: bool) -> None:
    model = Model(QuantS4Recurrent(3, 2, integers=stored))
    design, report, said = compiled(model)
    assert any("layer: QuantS4Recurrent is quantised S4D (A, B, C, D on grids, 2 Re(C x)" in one for one in said)
    assert [row["differ"] for row in report["quantisers"]] == [0] * 7
    assert any(
        "rotate, balance, fill, allocate and place_poles leave 1 layer (%layer_x) on grids alone" in s for s in said
    )
    assert len(report["tables"]) == 6
    assert not report["added"]["tables"]
    samples = integers(1)
    with torch.no_grad():
        wanted = model.double()(torch.from_numpy(samples / 64.0)).numpy()
    assert np.array_equal(answers(design, samples), wanted)


def test_real_scales_differ_by_few_units() -> None:
    _, report, _ = compiled(Model(QuantS4Recurrent(3, 2, 0.83), unit=1.21))
    assert not any(row["power_of_two"] for row in report["quantisers"])
    assert all(row["largest"] <= 2 for row in report["quantisers"] if "layer" in row["origin"])
    assert all(row["differ"] / row["of"] < 0.2 for row in report["quantisers"])


def test_poles_of_magnitude_and_angle_get_a_grid_of_the_passes() -> None:
    design, report, said = compiled(Model(QuantS4Recurrent(3, 2, polar=True)))
    assert any("(B, C, D on grids" in one for one in said)
    assert any("lambda_bar" in name for name in report["added"]["tables"])
    transition = next(op for op in design.stages.canonical.ops if isinstance(op, Diag))
    assert transition.lambda_bar.grid is None


def test_parameters_alone_on_grids() -> None:
    layer = QuantS4Recurrent(3, 2)
    layer.state_quantizer = layer.y_recur_quantizer = layer.y_pre_output_quantizer = nn.Identity()  # type: ignore[assignment]
    design, report, _ = compiled(Model(layer))
    assert {row["name"].split(".")[1] for row in report["tables"]} == {"weight", "lambda_bar", "b_bar", "c", "factor"}
    states = [op for op in design.stages.quantised.ops if isinstance(op, Cast) and op.type.complex]
    assert len(states) == 1
    assert states[0].name in report["added"]["values"], "the state's grid is the passes' own"


def test_a_clamp_within_the_levels_is_refused() -> None:
    layer = QuantS4Recurrent(3, 2)
    layer.state_clamp_max = 2
    with pytest.raises(UnsupportedModelError, match=r"its state is clamped to -50..2 inside of its levels"):
        compiled(Model(layer))


class FollowsQuantizer(nn.Module):
    """A scale of the moment."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = x.abs().max() / 127
        return torch.round(x / scale) * scale


class OpenQuantizer(nn.Module):
    """No last level."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.round(x * 4) / 4


class UnevenQuantizer(nn.Module):
    """Levels that are powers of two."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sign(x) * torch.exp2(torch.round(torch.log2(x.abs().clamp(0.01, 8.0))))


@pytest.mark.parametrize(
    ("quantizer", "told"),
    [
        (FollowsQuantizer(), "no least and largest level|its scale must be fixed"),
        (OpenQuantizer(), "has no least and largest level; give it levels from low to high"),
        (UnevenQuantizer(), "levels that are no multiples of its step|levels evenly spaced|give 2 to"),
    ],
)
def test_rounding_that_is_no_fixed_grid_is_refused(quantizer: nn.Module, told: str) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        compiled(nn.Sequential(nn.Linear(1, 2), quantizer, nn.Linear(2, 1)))


def test_levels_by_channel_of_ones_own_module() -> None:
    quantizer = act_quantizer(torch.tensor([2.0**-5, 2.0**-6]), 6)
    _, report, _ = compiled(nn.Sequential(nn.Linear(1, 2), quantizer))
    (row,) = report["quantisers"]
    assert row["scale"] == [2.0**-6, 2.0**-5]
    assert (row["low"], row["high"], row["power_of_two"]) == (-32, 31, True)
