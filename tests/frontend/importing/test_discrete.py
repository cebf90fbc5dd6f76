"""Files of S4D layers that were trained quantised: dA, dB, dC and D on grids, as numbers or as integers with scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from frontend.importing.stacks import Stack
from qssmc.analysis.fixed import fixed_tables
from qssmc.driver.importing import import_model
from support.trained_s4d import QuantS4Recurrent


class WeightsOnly(QuantS4Recurrent):
    """Parameters on grids; state and outputs are not rounded."""

    def __init__(self, *, integers: bool) -> None:
        super().__init__(4, 2, integers=integers)
        self.state_quantizer = self.y_recur_quantizer = self.y_pre_output_quantizer = nn.Identity()
        self.activation = nn.Identity()

    def forward(self, u: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(u)[0]


@pytest.mark.parametrize("integers", [False, True])
def test_parameters_keep_their_grids(integers: bool, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Stack(lambda: WeightsOnly(integers=integers), mixing="none", act=nn.ReLU()).double().eval()
    x = np.random.default_rng(0).normal(size=(3, 20, 2))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    with torch.no_grad():
        np.save(tmp_path / "y.npy", model(torch.from_numpy(x)).numpy())
    np.save(tmp_path / "x.npy", x)
    found = import_model(tmp_path / "weights.pt", (tmp_path / "x.npy", tmp_path / "y.npy"), {})
    graph = found.model.graph
    kept = {f"{op.name}.{name}" for op in graph.ops for name in fixed_tables(graph, op)}
    assert len(kept) == 8
    assert {name.split(".")[1] for name in kept} == {"lambda_bar", "b_bar", "c", "factor"}
