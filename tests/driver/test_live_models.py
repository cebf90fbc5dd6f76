"""Live models: constructs that people write, from the module to verified C and Verilog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import qssmc
from qssmc.models import S4D


class Last(nn.Module):
    """Normalised input, a residual in another layout, and the last step as the answer, through a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.ssm, self.mix = nn.Linear(1, 4), S4D(4, 2), nn.Conv1d(4, 8, 1)
        self.gate, self.norm, self.decoder = nn.GLU(dim=1), nn.BatchNorm1d(4), nn.Linear(4, 3)

    def forward(self, u: Tensor, state: Any = None) -> tuple[Tensor, None]:
        x = self.encoder((u - 0.5) / 0.25)
        x = x.mT + self.gate(self.mix(self.ssm(x).transpose(1, 2)))
        return torch.softmax(self.decoder(self.norm(x).mT[:, -1]), -1), None


def test_the_last_step_through_c_and_verilog(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, said = Last().eval(), list[str]()
    samples = np.random.default_rng(0).integers(0, 256, (8, 20, 1))
    fmt = qssmc.InputFormat(8, 8, False)
    qssmc.compile(
        module,
        calibration=samples,
        input_format=fmt,
        target="c,verilog",
        output_dir=tmp_path / "out",
        say=said.append,
    )
    assert any("softmax at the end is left out" in sentence for sentence in said)
    assert qssmc.verify(tmp_path / "out", target="c").sequences == 8
    assert qssmc.verify(tmp_path / "out", target="verilog", sequences=2).sequences == 2
    loaded = qssmc.load(tmp_path / "out")
    found = loaded.to_real(loaded.run(samples))
    with torch.no_grad():
        wanted = module.double()(torch.from_numpy(samples / 256.0))[0].log().numpy()
    assert found.shape == (8, 3)
    centred = found - found.mean(axis=1, keepdims=True) - (wanted - wanted.mean(axis=1, keepdims=True))
    assert np.abs(centred).max() < 0.05 * np.ptp(wanted)
