"""qssm_array, its controllers and what shares it: two reads of one array, each row drive, each rounding, each clamp."""

from __future__ import annotations

from pathlib import Path

import pytest

from dice import Dice, pack, rounded
from module_bench import SEED, hexes, run_module

LINES, COLUMNS, TOP = 5, 6, 7
DAC, CODE, SHIFT, PHASE = 5, 6, 3, 4  # bits
WIDE = 16
READS = 25

Wire = tuple[int, int, int]  # line, row, drive
Adc = tuple[int, int, int, int, int, int]  # plus, minus, dithered, shift, low, high

# Rows driven as they are and inverted, then rows whose signs have lines of their own.
WIRES: tuple[list[Wire], list[Wire]] = ([(0, 0, 0), (3, 1, 1), (1, 2, 0)], [(1, 0, 2), (2, 0, 3), (4, 1, 2), (0, 1, 3)])
ADCS: tuple[list[Adc], list[Adc]] = (
    [(0, 5, 1, 3, -9, 11), (1, 2, 0, 2, -32, 31), (5, 3, 1, 4, -32, 31)],
    [(4, 3, 0, 0, -32, 31), (2, 5, 0, 5, -3, 2)],
)


def driven(code: int, drive: int) -> int:
    return (code, -code, max(code, 0), max(-code, 0))[drive]


def converted(levels: list[list[int]], wires: list[Wire], adc: Adc, codes: list[int], phase: int) -> int:
    plus, minus, dithered, shift, low, high = adc
    z = sum(driven(codes[row], drive) * (levels[line][plus] - levels[line][minus]) for line, row, drive in wires)
    return rounded(z, shift, low, high, phase if dithered else None, PHASE)


@pytest.mark.parametrize("settle", [1, 5])
def test_two_reads(tmp_path: Path, settle: int) -> None:
    dice = Dice(SEED)
    levels = [dice.between(0, TOP, COLUMNS) for _ in range(LINES)]
    for line in levels:
        line[5] = 0
    rows = [1 + max(row for _, row, _ in wires) for wires in WIRES]
    codes = [[dice.signed(DAC, count) for _ in range(READS)] for count in rows]
    phases = dice.between(0, (1 << PHASE) - 1, READS)
    wanted = [
        [
            converted(levels, wires, adc, own, phase)
            for own, phase in zip(all_codes, phases, strict=True)
            for adc in adcs
        ]
        for wires, adcs, all_codes in zip(WIRES, ADCS, codes, strict=True)
    ]
    parameters = {
        "LINES": LINES, "COLUMNS": COLUMNS, "DW": DAC, "ROWS_A": rows[0], "ROWS_B": rows[1], "OUT_A": len(ADCS[0]),
        "OUT_B": len(ADCS[1]), "WIRES": max(map(len, WIRES)), "CW": CODE, "SW": SHIFT, "ZW": WIDE, "PW": PHASE,
        "SETTLE": settle, "LEVELS": "levels.mem", "DRIVES": "drives.mem", "ADCS": "adcs.mem",
    }  # fmt: skip
    entries = max(map(len, WIRES))
    drives = [pack([(line, 3), (row, 2), (drive, 2), (1, 1)]) for line, row, drive in WIRES[0]]
    drives += [0] * (entries - len(drives))
    drives += [pack([(line, 3), (row, 2), (drive, 2), (1, 1)]) for line, row, drive in WIRES[1]]
    adcs = [
        pack([(plus, 3), (minus, 3), (dithered, 1), (shift, SHIFT), (low, CODE), (high, CODE)])
        for plus, minus, dithered, shift, low, high in (*ADCS[0], *ADCS[1])
    ]
    files = {
        "levels.mem": hexes([level for line in levels for level in line], 3),
        "drives.mem": hexes(drives, 8),
        "adcs.mem": hexes([*adcs, 0], 7 + SHIFT + 2 * CODE),
    }
    flat = [[code for own in all_codes for code in own] for all_codes in codes]
    inputs = {"a": (DAC, flat[0]), "p": (PHASE, phases), "b": (DAC, flat[1])}
    outputs = {"m": (CODE, wanted[0]), "n": (CODE, wanted[1])}
    run_module(tmp_path, "two_reads", parameters, inputs, outputs, files=files)
