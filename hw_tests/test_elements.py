"""Modules that work on one element at a time: offset, shift, add, lut, select, concat and others."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice
from module_bench import SEED, hexes, run_module


def test_offset(tmp_path: Path) -> None:
    dice = Dice(SEED)
    x, values = dice.signed(6, 30), dice.signed(9, 3)
    wanted = [v + values[i % 3] for i, v in enumerate(x)]
    parameters = {"XW": 6, "VW": 9, "OW": 10, "N": 3, "FIXED": 0, "FILE": "values.mem"}
    files = {"values.mem": hexes(values, 9)}
    run_module(tmp_path, "qssm_offset", parameters, {"s": (6, x)}, {"m": (10, wanted)}, files=files)


def test_shift(tmp_path: Path) -> None:
    dice = Dice(SEED)
    x, amounts = dice.signed(6, 40), [0, 7, 3, 1]
    wanted = [v << amounts[i % 4] for i, v in enumerate(x)]
    parameters = {"XW": 6, "SW": 3, "OW": 13, "N": 4, "FIXED": 0, "FILE": "amounts.mem"}
    files = {"amounts.mem": hexes(amounts, 3)}
    run_module(tmp_path, "qssm_shift", parameters, {"s": (6, x)}, {"m": (13, wanted)}, files=files)


@pytest.mark.parametrize("subtract", [0, 1])
@pytest.mark.parametrize("out", [6, 9, 12])
def test_add(tmp_path: Path, subtract: int, out: int) -> None:
    dice = Dice(SEED)
    a, b = dice.signed(8, 40), dice.signed(5, 40)
    wanted = [dice.wrap(x - y if subtract else x + y, out) for x, y in zip(a, b, strict=True)]
    parameters = {"AW": 8, "BW": 5, "OW": out, "SUBTRACT": subtract}
    run_module(tmp_path, "qssm_add", parameters, {"a": (8, a), "b": (5, b)}, {"m": (out, wanted)})


@pytest.mark.parametrize("split", [0, 1])
def test_lut(tmp_path: Path, split: int) -> None:
    dice = Dice(SEED)
    entries, first = [dice.signed(7, 13) for _ in range(3)], [-6, -3, -9]
    x = [dice.random.randint(-3, 3) for _ in range(45)]
    table = [entries[i % 3 if split else 0][v - first[i % 3]] for i, v in enumerate(x)]
    rows = [word for row in entries for word in row + [0] * 3] if split else entries[0]
    parameters = {"XW": 5, "OW": 7, "N": 3, "TW": 4, "T": 13, "SPLIT": split, "FIXED": 0}
    files = {"first.mem": hexes(first, 5), "rows.mem": hexes(rows, 7)}
    run_module(
        tmp_path, "qssm_lut", {**parameters, "FIRSTS": "first.mem", "FILE": "rows.mem"}, {"s": (5, x)},
        {"m": (7, table)}, files=files,
    )  # fmt: skip


def test_advance(tmp_path: Path) -> None:
    x = Dice(SEED).between(0, 65535, 40)
    parameters = {"W": 17, "BITS": 16, "STEP": "16'd40503"}
    run_module(tmp_path, "qssm_advance", parameters, {"s": (17, x)}, {"m": (17, [(v + 40503) % 65536 for v in x])})


@pytest.mark.parametrize("mask", ["10110", "00001", "11111"])
def test_select(tmp_path: Path, mask: str) -> None:
    x = Dice(SEED).signed(6, 40)
    kept = [v for i, v in enumerate(x) if mask[4 - i % 5] == "1"]
    parameters = {"W": 6, "N": 5, "MASK": f"5'b{mask}"}
    run_module(tmp_path, "qssm_select", parameters, {"s": (6, x)}, {"m": (6, kept)})


@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 2), (1, 4)])
def test_concat(tmp_path: Path, first: int, second: int) -> None:
    dice = Dice(SEED)
    a, b = dice.signed(5, 8 * first), dice.signed(7, 8 * second)
    rounds = [a[i * first : (i + 1) * first] + b[i * second : (i + 1) * second] for i in range(8)]
    parameters = {"AW": 5, "BW": 7, "OW": 7, "NA": first, "NB": second}
    wanted = [v for part in rounds for v in part]
    run_module(tmp_path, "qssm_concat", parameters, {"a": (5, a), "b": (7, b)}, {"m": (7, wanted)})


def test_const(tmp_path: Path) -> None:
    values = Dice(SEED).signed(9, 3)
    parameters = {"W": 9, "N": 3, "FIXED": 0, "FILE": "values.mem"}
    files = {"values.mem": hexes(values, 9)}
    run_module(tmp_path, "qssm_const", parameters, {}, {"m": (9, values * 6)}, files=files)


@pytest.mark.parametrize("counts", [[2, 0, 3, 1], [0, 0, 4], [3]])
def test_segment(tmp_path: Path, counts: list[int]) -> None:
    x = Dice(SEED).signed(8, sum(counts) * 8)
    wanted, at = [], 0
    for _ in range(8):
        for count in counts:
            wanted.append(sum(x[at : at + count]))
            at += count
    parameters = {"XW": 8, "OW": 11, "N": len(counts), "CW": 3, "FIXED": 0, "FILE": "counts.mem"}
    files = {"counts.mem": hexes(counts, 3)}
    run_module(tmp_path, "qssm_segment", parameters, {"s": (8, x)}, {"m": (11, wanted)}, files=files)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_argmax(tmp_path: Path, count: int) -> None:
    x = Dice(SEED).signed(3, 12 * count)  # of three bits, so that many are equal
    rounds = [x[i : i + count] for i in range(0, len(x), count)]
    wanted = [max(range(count), key=lambda i, part=part: (part[i], -i)) for part in rounds]
    run_module(tmp_path, "qssm_argmax", {"W": 3, "N": count, "OW": 4}, {"s": (3, x)}, {"m": (4, wanted)})


@pytest.mark.parametrize(("extent", "indices"), [(4, [3, 0, 0, 2, 1]), (1, [0, 0, 0]), (6, [5])])
def test_gather(tmp_path: Path, extent: int, indices: list[int]) -> None:
    x = Dice(SEED).signed(8, extent * 9)
    wanted = [x[k * extent + i] for k in range(9) for i in indices]
    bits = max(1, (extent - 1).bit_length())
    parameters = {"W": 8, "IN": extent, "OUT": len(indices), "FILE": "indices.mem"}
    files = {"indices.mem": hexes(indices, bits)}
    run_module(tmp_path, "qssm_gather", parameters, {"s": (8, x)}, {"m": (8, wanted)}, files=files)
