"""qssm_fifo, qssm_skid and qssm_state: what goes in comes out, in order, and a state is zero when a sequence starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice
from module_bench import SEED, run_module


@pytest.mark.parametrize("depth", [1, 2, 5, 16])
def test_fifo(tmp_path: Path, depth: int) -> None:
    x = Dice(SEED).signed(9, 80)
    run_module(tmp_path, "qssm_fifo", {"W": 9, "DEPTH": depth}, {"s": (9, x)}, {"m": (9, x)})


def test_skid(tmp_path: Path) -> None:
    x = Dice(SEED).signed(9, 80)
    run_module(tmp_path, "qssm_skid", {"W": 9}, {"s": (9, x)}, {"m": (9, x)})


@pytest.mark.parametrize("extent", [1, 3, 4])
def test_state(tmp_path: Path, extent: int) -> None:
    dice = Dice(SEED)
    last = [0, 0, 1, 1, 0, 1, 0, 0]
    new = [dice.signed(8, extent) for _ in last]
    old, ends = [], []
    for step, values in enumerate(new):
        fresh = step == 0 or last[step - 1]
        old += [0] * extent if fresh else new[step - 1]
        ends += values if last[step] else []
    inputs = {"t": (1, last), "s": (8, [v for values in new for v in values])}
    run_module(tmp_path, "qssm_state", {"W": 8, "N": extent}, inputs, {"m": (8, old), "l": (8, ends)})
