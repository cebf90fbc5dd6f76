"""qssm_dot: matrix times vector, whole products or bit by bit, any number of rows at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice, pack
from module_bench import SEED, hexes, run_module


@pytest.mark.parametrize(("serial", "soft"), [(0, 0), (0, 1), (1, 0), (2, 0)])
@pytest.mark.parametrize(("extent", "out", "together"), [(1, 3, 1), (4, 5, 2), (5, 3, 3), (6, 1, 1)])
def test_dot(tmp_path: Path, serial: int, soft: int, extent: int, out: int, together: int) -> None:
    check(tmp_path, serial, soft, extent, out, together)


def check(
    folder: Path, serial: int, soft: int, extent: int, out: int, together: int, elements: int = 1, width: int = 7
) -> None:
    dice = Dice(SEED)
    weight = [dice.signed(5, extent) for _ in range(out)]
    bias = dice.signed(12, out)
    vectors = [dice.signed(width, extent) for _ in range(7)]
    wanted = [
        sum(w * v for w, v in zip(weight[row], x, strict=True)) + bias[row] for x in vectors for row in range(out)
    ]
    groups = -(-out // together)
    rows = weight + [[0] * extent] * (groups * together - out)
    at = [range(g * together, (g + 1) * together) for g in range(groups)]
    steps = [range(j, j + elements) for j in range(0, extent, elements)]
    weights = [pack([(rows[row][j], 5) for row in group for j in step]) for group in at for step in steps]
    parameters = {
        "XW": width, "WW": 5, "BW": 12, "OW": 16, "IN": extent, "OUT": out, "M": together, "K": elements,
        "SERIAL": serial, "SOFT": soft, "WEIGHTS": "weights.mem", "BIASES": "biases.mem",
    }  # fmt: skip
    files = {"weights.mem": hexes(weights, 5 * together * elements), "biases.mem": hexes(bias, 12)}
    inputs = {"s": (width, [v for x in vectors for v in x])}
    run_module(folder, "qssm_dot", parameters, inputs, {"m": (16, wanted)}, files=files)


@pytest.mark.parametrize(("extent", "out", "together", "elements"), [(4, 5, 2, 2), (6, 3, 2, 3), (2, 3, 1, 2)])
@pytest.mark.parametrize("soft", [0, 1])
def test_several_elements_a_clock(
    tmp_path: Path, soft: int, extent: int, out: int, together: int, elements: int
) -> None:
    check(tmp_path, 0, soft, extent, out, together, elements)


@pytest.mark.parametrize("serial", [1, 2])
def test_an_even_number_of_bits(tmp_path: Path, serial: int) -> None:
    check(tmp_path, serial, 0, 4, 3, 1, width=8)
