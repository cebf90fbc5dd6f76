"""qssm_dot: matrix times vector, whole products or bit by bit, any number of rows at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice, pack
from module_bench import SEED, hexes, run_module


@pytest.mark.parametrize(("serial", "soft"), [(0, 0), (0, 1), (1, 0)])
@pytest.mark.parametrize(("extent", "out", "together"), [(1, 3, 1), (4, 5, 2), (5, 3, 3), (6, 1, 1)])
def test_dot(tmp_path: Path, serial: int, soft: int, extent: int, out: int, together: int) -> None:
    dice = Dice(SEED)
    weight = [dice.signed(5, extent) for _ in range(out)]
    bias = dice.signed(12, out)
    vectors = [dice.signed(7, extent) for _ in range(7)]
    wanted = [
        sum(w * v for w, v in zip(weight[row], x, strict=True)) + bias[row] for x in vectors for row in range(out)
    ]
    groups = -(-out // together)
    rows = weight + [[0] * extent] * (groups * together - out)
    at = [range(g * together, (g + 1) * together) for g in range(groups)]
    weights = [pack([(rows[row][j], 5) for row in group]) for group in at for j in range(extent)]
    parameters = {
        "XW": 7, "WW": 5, "BW": 12, "OW": 16, "IN": extent, "OUT": out, "M": together, "SERIAL": serial, "SOFT": soft,
        "WEIGHTS": "weights.mem", "BIASES": "biases.mem",
    }  # fmt: skip
    files = {"weights.mem": hexes(weights, 5 * together), "biases.mem": hexes(bias, 12)}
    inputs = {"s": (7, [v for x in vectors for v in x])}
    run_module(tmp_path, "qssm_dot", parameters, inputs, {"m": (16, wanted)}, files=files)
