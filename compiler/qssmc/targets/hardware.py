"""Hardware: what targets that become hardware tell of an emitted design, from the estimate that they wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qssmc.targets.backend import Facts

_SIZES = ("lanes", "interval_cycles", "latency_cycles", "dsp", "bram18", "luts")


def hardware_facts(target: str, estimate: bytes) -> Facts:
    """Lanes, clocks and resources. target: for the sentence; estimate: the JSON of qssmc.backends.cost_model.report."""
    found: dict[str, Any] = json.loads(estimate)
    return Facts({name: found[name] for name in _SIZES}, _sentence(target, found))


def _sentence(target: str, found: Mapping[str, Any]) -> str:
    at = f" for {found['part']}" if "part" in found else ""
    at += f" at {found['clock_period_ns']:g} ns" if "clock_period_ns" in found else ""
    every = f"{found['interval_cycles']:,} clocks"
    every += f" ({found['interval_us']:g} us)" if "interval_us" in found else ""
    return (
        f"{target} estimate{at}, {found['lanes']} lane(s): a sample every {every}, latency "
        f"{found['latency_cycles']:,} clocks, {found['dsp']} DSP, {found['bram18']} BRAM18, about {found['luts']:,} LUT"
    )
