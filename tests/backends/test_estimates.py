"""The estimates of HLS and Verilog: one model, which follows lanes and widths, loops, cells and schedules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from qssmc.backends import hls, verilog
from qssmc.backends.cost_model import XILINX, Use, need
from qssmc.backends.hls import HlsOptions
from qssmc.backends.verilog import VerilogOptions
from support.graphs import random_s4d

STATES = [8] * 16


def of_hls(lanes: int, **graph: Any) -> dict[str, Any]:
    return dict(json.loads(hls.emit(random_s4d(STATES, **graph), HlsOptions(lanes=lanes))[hls.ESTIMATE]))


def of_verilog(lanes: int, **graph: Any) -> dict[str, Any]:
    return dict(json.loads(verilog.emit(random_s4d(STATES, **graph), VerilogOptions(lanes))[verilog.ESTIMATE]))


TARGETS = pytest.mark.parametrize("facts", [of_hls, of_verilog])


@TARGETS
def test_more_lanes_take_fewer_clocks_and_more_multipliers(facts: Callable[..., dict[str, Any]]) -> None:
    found = [facts(lanes) for lanes in (1, 2, 4)]
    for few, many in pairwise(found):
        assert many["interval_cycles"] < few["interval_cycles"]
        assert many["dsp"] > few["dsp"]
    assert found[0]["interval_cycles"] > 2 * found[2]["interval_cycles"]


@TARGETS
def test_wider_states_take_more_multipliers_and_memory(facts: Callable[..., dict[str, Any]]) -> None:
    narrow, wide = facts(2, state_bits=8), facts(2, state_bits=30)
    assert wide["dsp"] > narrow["dsp"]
    assert (wide["bram18"], wide["luts"]) > (narrow["bram18"], narrow["luts"])


def test_clocks_of_the_recurrence_are_those_of_its_loops() -> None:
    files = hls.emit(random_s4d(STATES), HlsOptions(lanes=4))
    (source,) = (text for name, text in files.items() if name.endswith("/random.cpp"))
    function = re.search(r"static void run_l0_ssm\(.*?\n}\n", source, re.DOTALL)
    assert function
    loops = re.findall(r"for \(int (?:i|row) = 0; (?:i|row) < (\d+);", function[0])
    assert loops.count("32") == 1  # 128 states, 4 at once
    found = json.loads(files[hls.ESTIMATE])
    (cycles,) = (part["cycles"] for part in found["parts"] if part["name"] == "l0_ssm")
    assert cycles == sum(int(trips) + 5 for trips in loops)
    assert found["interval_cycles"] >= cycles
    assert found["latency_cycles"] >= found["interval_cycles"]


@TARGETS
def test_states_are_kept_in_memories(facts: Callable[..., dict[str, Any]]) -> None:
    """Re and im of 128 states, of 30 bits instead of 8: a word of both is wider than a block."""
    assert facts(1, state_bits=30)["bram18"] > facts(1, state_bits=8)["bram18"]


def test_clocks_and_multipliers_of_a_core_are_those_of_its_design() -> None:
    files = verilog.emit(random_s4d(STATES), VerilogOptions(2))
    expected = json.loads(files["verilog/design.json"])["expected"]
    found = json.loads(files[verilog.ESTIMATE])
    assert found["interval_cycles"] == expected["interval"]
    assert found["latency_cycles"] == max(expected["latency"].values())
    assert 0 < found["dsp"] <= expected["multipliers"]  # a narrow product is of LUTs


def test_products_of_adders_take_no_blocks() -> None:
    graph = random_s4d(STATES, multiplier=True)
    many, few = (json.loads(verilog.emit(graph, VerilogOptions(2, n))[verilog.ESTIMATE]) for n in (None, 16))
    assert few["dsp"] < many["dsp"]
    assert few["luts"] > many["luts"]


def test_both_targets_say_the_same_facts() -> None:
    theirs, ours = of_hls(2), of_verilog(2)
    assert set(theirs) - set(ours) == {"part", "closing_cycles", "clock_period_ns", "interval_us", "samples_per_second"}
    assert set(ours) < set(theirs)
    for name in ("dsp", "bram18", "luts"):
        for found in (ours, theirs):
            assert found[name] == sum(part[name] for part in found["parts"])


def test_what_fits_a_block_takes_one() -> None:
    assert need(Use(products=((27, 18, 1), (18, 27, 1)))).dsp == 2
    assert need(Use(products=((28, 18, 1), (27, 19, 1)))).dsp == 4
    assert need(Use(products=((53, 35, 1),))).dsp == 4  # of 26 and 17 bits beside the sign
    assert need(Use(products=((54, 35, 1), (53, 36, 1)))).dsp == 12
    assert need(Use(products=((4, 27, 3),))) == need(Use(soft=((4, 27, 3),))) == need(Use(gates=324))
    words, width = XILINX.ram
    assert need(Use(memories=((words, width, 2),))).bram18 == 2
    assert need(Use(memories=((words + 1, width, 1), (words, width + 1, 1)))).bram18 == 4
    assert need(Use(memories=((64, 160, 1), (65, 15, 1)))) == need(Use(gates=160 + 2 * 15))
    assert need(Use(memories=((65, 16, 1),))).bram18 == 1
