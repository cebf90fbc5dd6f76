"""A model that was trained quantised, through: golden is torch, and C and Verilog are golden, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

import qssmc
from qssmc_sim import run
from support.trained_s4d import QuantS4Recurrent, act_quantizer


class Model(nn.Module):
    """Encoder with a bias, recurrent layer with rounded complex states, decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.layer = nn.Linear(1, 2), nn.Linear(2, 2), QuantS4Recurrent(2, 2)
        self.first, self.last = act_quantizer(2.0**-6, 8), act_quantizer(2.0**-6, 8)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        weight, other = (
            torch.fake_quantize_per_tensor_affine(layer.weight, 2.0**-6, 0, -128, 127)
            for layer in (self.encoder, self.decoder)
        )
        y, _ = self.layer(self.first(nn.functional.linear(u, weight, self.encoder.bias)))
        return nn.functional.linear(self.last(y), other)


def test_torch_is_golden_is_c_is_verilog(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, rng = Model(), np.random.default_rng(0)
    samples = rng.integers(-128, 128, (4, 20, 1))
    folder = tmp_path / "design"
    design = qssmc.compile(
        model,
        calibration=samples,
        input_format=qssmc.InputFormat(8, 6, True),
        target="c,verilog",
        output_dir=folder,
    )
    report = json.loads((folder / "report" / "trained_quantisation.json").read_text())
    assert [row["differ"] for row in report["quantisers"]] == [0] * 7
    assert qssmc.verify(folder).targets == ("C", "Verilog")
    golden, fresh = design.stages.golden, rng.integers(-128, 128, (4, 50, 1))
    found = run(golden, fresh).outputs["y"] * golden.scales[golden.outputs[0].value].data
    with torch.no_grad():
        wanted = model.double()(torch.from_numpy(fresh / 64.0)).numpy()
    assert np.array_equal(found, wanted)
