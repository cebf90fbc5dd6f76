"""What stands between a core and a serial line: bytes to words and back, and the line itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice, pack
from module_bench import SEED, run_module


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_words_of_bytes(tmp_path: Path, parts: int) -> None:
    x = Dice(SEED).signed(8, 24 * parts)
    words = [pack([(v, 8) for v in x[i : i + parts]]) for i in range(0, len(x), parts)]
    wanted = [Dice.wrap(word, 8 * parts) for word in words]
    run_module(tmp_path, "qssm_pack", {"N": parts}, {"s": (8, x)}, {"m": (8 * parts, wanted)})


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_bytes_of_words(tmp_path: Path, parts: int) -> None:
    words = Dice(SEED).signed(8 * parts, 24)
    wanted = [Dice.wrap(word >> (8 * i), 8) for word in words for i in range(parts)]
    run_module(tmp_path, "qssm_unpack", {"N": parts}, {"s": (8 * parts, words)}, {"m": (8, wanted)})


@pytest.mark.parametrize("clocks", [4, 6, 25])
def test_bytes_over_a_line(tmp_path: Path, clocks: int) -> None:
    x = Dice(SEED).signed(8, 20)
    run_module(tmp_path, "uart_loop", {"CLOCKS": clocks}, {"s": (8, x)}, {"m": (8, x)})
