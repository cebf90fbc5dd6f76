"""qssm_requant: rounding half up and by a phase, with a shift and a clamp for each element."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice, pack, rounded
from module_bench import SEED, hexes, run_module


@pytest.mark.parametrize("slow", [0, 1])
@pytest.mark.parametrize("dither", [0, 1])
@pytest.mark.parametrize("extent", [1, 3])
def test_a_word_an_element(tmp_path: Path, dither: int, extent: int, slow: int) -> None:
    dice = Dice(SEED)
    rows = list(zip(dice.between(0, 9, extent), dice.between(-60, 0, extent), dice.between(0, 60, extent), strict=True))
    rows[0] = (0, -60, 60)
    x, phases = dice.signed(14, 20 * extent), dice.between(0, 65535, 20)
    wanted = [rounded(value, *rows[i % extent], phases[i // extent] if dither else None) for i, value in enumerate(x)]
    words = [pack([(shift, 4), (low, 8), (high, 8)]) for shift, low, high in rows]
    parameters = {
        "XW": 14,
        "IW": 15,
        "OW": 8,
        "SW": 4,
        "N": extent,
        "DITHER": dither,
        "PW": 16,
        "SLOW": slow,
        "FIXED": 0,
    }
    inputs = {"s": (14, x)} | ({"p": (16, phases)} if dither else {})
    run_module(
        tmp_path, "qssm_requant", {**parameters, "FILE": "words.mem"}, inputs, {"m": (8, wanted)},
        files={"words.mem": hexes(words, 20)},
    )  # fmt: skip


def test_wide_numbers_and_one_word_for_all(tmp_path: Path) -> None:
    dice = Dice(SEED)
    x = dice.signed(40, 60)
    wanted = [rounded(value, 33, -100, 99) for value in x]
    word = pack([(33, 6), (-100, 8), (99, 8)])
    parameters = {"XW": 40, "IW": 40, "OW": 8, "SW": 6, "N": 4, "FIXED": 1, "WORD": f"22'h{word:x}"}
    run_module(tmp_path, "qssm_requant", parameters, {"s": (40, x)}, {"m": (8, wanted)})
