"""The estimate of clocks and resources: follows lanes and widths, and counts what the emitted loops say."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from graphs import random_s4d
from qssmc.backends.hls import ESTIMATE, HlsOptions, emit

STATES = [8] * 16


def facts(lanes: int, **graph: Any) -> dict[str, Any]:
    return dict(json.loads(emit(random_s4d(STATES, **graph), HlsOptions(lanes=lanes))[ESTIMATE]))


def test_more_lanes_take_fewer_clocks_and_more_multipliers() -> None:
    found = [facts(lanes) for lanes in (1, 2, 4, 8)]
    for few, many in pairwise(found):
        assert many["interval_cycles"] < few["interval_cycles"]
        assert many["dsp"] > few["dsp"]
    assert found[0]["interval_cycles"] > 2 * found[3]["interval_cycles"]


def test_wider_states_take_more_multipliers_and_memory() -> None:
    narrow, wide = facts(2, state_bits=8), facts(2, state_bits=30)
    assert wide["dsp"] > narrow["dsp"]
    assert (wide["bram18"], wide["luts"]) > (narrow["bram18"], narrow["luts"])


def test_clocks_of_the_recurrence_are_those_of_its_loops() -> None:
    files = emit(random_s4d(STATES), HlsOptions(lanes=4))
    (source,) = (text for name, text in files.items() if name.endswith("/random.cpp"))
    function = re.search(r"static void run_l0_ssm\(.*?\n}\n", source, re.DOTALL)
    assert function
    loops = re.findall(r"for \(int (?:i|row) = 0; (?:i|row) < (\d+);", function[0])
    assert loops.count("32") == 1  # 128 states, 4 at once
    found = json.loads(files[ESTIMATE])
    (cycles,) = (part["cycles"] for part in found["processes"] if part["process"] == "l0_ssm")
    assert cycles == sum(int(trips) + 5 for trips in loops)
    assert found["interval_cycles"] >= cycles
    assert found["latency_cycles"] >= found["interval_cycles"]
