"""What a synthesis report says: counts, what is too much, the critical path, rates."""

from __future__ import annotations

import json

from qssmc.synth import BOARDS
from qssmc.synth.report import counts, rates, text, timing, too_much, utilisation

LOG = """Info: Device utilisation:
Info:            ICESTORM_LC:  6001/ 5280   113%
Info:           ICESTORM_RAM:    21/   30    70%
Info:                  SB_IO:     5/   96     5%
Info:           ICESTORM_DSP:    12/    8   150%
"""
UP5K = BOARDS["icebreaker"].device


def hop(kind: str, delay: float, cell: str) -> dict[str, object]:
    return {"type": kind, "delay": delay, "from": {"cell": cell}, "to": {"cell": cell}}


def test_cells_by_kind() -> None:
    cells = {"SB_LUT4": 7, "SB_DFF": 2, "SB_DFFESR": 3, "SB_RAM40_4K": 2, "SB_MAC16": 1, "SB_CARRY": 9}
    assert counts(cells, UP5K) == {"lut": 7, "ff": 5, "ram_blocks": 2, "ram_block_bits": 8192, "dsp": 1}


def test_an_adder_of_two_bits_takes_two_luts() -> None:
    cells = {"LUT4": 7, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 5, "MULT18X18D": 4, "PFUMX": 9}
    found = counts(cells, BOARDS["ulx3s"].device)
    assert found == {"lut": 21, "ff": 5, "ram_blocks": 0, "ram_block_bits": 0, "dsp": 4}


def test_a_board_that_is_too_small() -> None:
    used = utilisation(LOG, UP5K)
    assert used["pins"] == {"used": 5, "available": 96}
    assert too_much(used) == ["6,001 logic cells of 5,280 (721 too many)", "12 multipliers of 8 (4 too many)"]


def test_the_critical_path_is_one_between_registers() -> None:
    placed = {
        "fmax": {"clk": {"achieved": 31.272}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge clk", "path": [hop("logic", 90, "pin")]},
            {"from": "posedge clk", "to": "posedge clk", "path": [hop("clk-to-q", 1.5, "a"), hop("routing", 2, "n"),
                                                                  hop("logic", 1.25, "b")]},
        ],
    }  # fmt: skip
    path = {"from": "a", "to": "b", "ns": 4.75, "ns_in_wires": 2, "cells": 1}
    assert timing(placed) == {"fmax_mhz": 31.27, "critical_path": path}


def test_rates() -> None:
    assert rates(12, 96, 784) == {"clock_mhz": 12, "steps_per_second": 125000, "sequences_per_second": 159.4}


def test_the_text_names_what_was_expected_and_found() -> None:
    report = {
        "design": "m", "board": None, "device": "Xilinx 7 series", "tools": {"yosys": "Yosys 0.23"},
        "expected": {"multipliers": 8, "memory_bits": 16250, "interval": 96},
        "found": {"dsp": 7, "ram_block_bits": 86016, "ram_blocks": 21, "lut": 3300, "ff": 2200}, "verdict": "counted",
    }  # fmt: skip
    shown = text(json.loads(json.dumps(report)))
    assert "multipliers                          8           7" in shown
    assert shown.endswith("counted\n")
