"""qssm_product, qssm_scale: products, whole and bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice
from module_bench import SEED, hexes, run_module


@pytest.mark.parametrize(("serial", "soft"), [(0, 0), (0, 1), (1, 0), (2, 0)])
@pytest.mark.parametrize(("a", "b", "out"), [(2, 2, 4), (9, 7, 16), (5, 12, 10)])
def test_product(tmp_path: Path, serial: int, soft: int, a: int, b: int, out: int) -> None:
    dice = Dice(SEED)
    first, second = dice.signed(a, 40), dice.signed(b, 40)
    products = [dice.wrap(x * y, out) for x, y in zip(first, second, strict=True)]
    parameters = {"AW": a, "BW": b, "OW": out, "SERIAL": serial, "SOFT": soft}
    run_module(tmp_path, "qssm_product", parameters, {"a": (a, first), "b": (b, second)}, {"m": (out, products)})


@pytest.mark.parametrize("serial", [0, 1, 2])
@pytest.mark.parametrize("width", [4, 9])
def test_scale_by_a_factor_an_element(tmp_path: Path, serial: int, width: int) -> None:
    dice = Dice(SEED)
    x, factors = dice.signed(width, 30), dice.signed(6, 5)
    products = [value * factors[i % 5] for i, value in enumerate(x)]
    parameters = {"XW": width, "FW": 6, "OW": 15, "N": 5, "SERIAL": serial, "FIXED": 0, "FILE": "factors.mem"}
    files = {"factors.mem": hexes(factors, 6)}
    run_module(tmp_path, "qssm_scale", parameters, {"s": (width, x)}, {"m": (15, products)}, files=files)
