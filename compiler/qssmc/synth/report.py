"""Report: what synthesis and placement found, as data, beside what the compiler expected, and as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from qssmc.synth.boards import Fpga

_USED = re.compile(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)


def counts(cells: Mapping[str, int], device: Fpga) -> dict[str, int]:
    """LUTs, flip-flops, RAM blocks with their bits, and multipliers, from yosys' cells by type."""

    def of(prefixes: tuple[str, ...]) -> int:
        return sum(count for cell, count in cells.items() if cell.startswith(prefixes))

    return {
        "lut": sum(of((prefix,)) * luts for prefix, luts in device.lut.items()),
        "ff": of(device.ff),
        "ram_blocks": sum(cells.get(cell, 0) for cell in device.ram),
        "ram_block_bits": sum(cells.get(cell, 0) * bits for cell, bits in device.ram.items()),
        "dsp": of(device.dsp),
    }


def utilisation(log: str, device: Fpga) -> dict[str, dict[str, int]]:
    """Used and available of each resource, from nextpnr's log, which has them before anything is placed."""
    found = {bel: (int(used), int(there)) for bel, used, there in _USED.findall(log)}
    return {
        resource.name: {"used": found[resource.bel][0], "available": found[resource.bel][1]}
        for resource in device.resources
        if resource.bel in found
    }


def too_much(used: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Every resource that the device has too little of, and by how much."""
    return [
        f"{use['used']:,} {name} of {use['available']:,} ({use['used'] - use['available']:,} too many)"
        for name, use in used.items()
        if use["used"] > use["available"]
    ]


def timing(placed: Mapping[str, Any]) -> dict[str, Any]:
    """Fmax in MHz, and the critical path between registers, from nextpnr's report."""
    clocks = [float(clock["achieved"]) for clock in placed["fmax"].values()]
    if not clocks:
        return {}
    inner = [path for path in placed["critical_paths"] if path["from"] == path["to"] and path["path"]]
    path = max(inner, key=lambda path: sum(hop["delay"] for hop in path["path"]), default=None)
    found: dict[str, Any] = {"fmax_mhz": round(min(clocks), 2)}
    if path is not None:
        hops = path["path"]
        found["critical_path"] = {
            "from": hops[0]["from"]["cell"],
            "to": hops[-1]["to"]["cell"],
            "ns": round(sum(hop["delay"] for hop in hops), 2),
            "ns_in_wires": round(sum(hop["delay"] for hop in hops if hop["type"] == "routing"), 2),
            "cells": sum(hop["type"] == "logic" for hop in hops),
        }
    return found


def rates(mhz: float, interval: int, length: int) -> dict[str, float]:
    """Steps and whole sequences a second at a clock; samples follow each other at the interval."""
    steps = mhz * 1e6 / interval
    return {"clock_mhz": mhz, "steps_per_second": math.floor(steps), "sequences_per_second": round(steps / length, 1)}


def text(report: Mapping[str, Any]) -> str:
    """The report for a person."""
    expected, found = report["expected"], report["found"]
    lines = [f"{report['design']} on {report['device']}" + (f" ({report['board']})" if report.get("board") else "")]
    lines += [f"  {name:<12} {version}" for name, version in report["tools"].items()]
    lines += [
        "",
        f"{'':<26}{'expected':>12}{'found':>12}",
        _row("multipliers", expected["multipliers"], found["dsp"]),
        _row("memory bits", expected["memory_bits"], found["ram_block_bits"]),
        _row("RAM blocks", "", found["ram_blocks"]),
        _row("LUTs", "", found["lut"]),
        _row("flip-flops", "", found["ff"]),
        _row("clocks a step", expected["interval"], ""),
        "  found memory bits are those of whole blocks; qssmc verify counts the clocks",
        "",
    ]
    for name, use in report.get("utilisation", {}).items():
        lines.append(f"{name:<14}{use['used']:>8,} of {use['available']:>8,}")
    if "fmax_mhz" in report:
        path = report.get("critical_path")
        lines += ["", f"Fmax {report['fmax_mhz']:g} MHz, clock {report['clock_mhz']:g} MHz"]
        for title, key in (("at Fmax", "at_fmax"), ("at the clock", "at_clock")):
            rate = report[key]
            lines.append(
                f"{title}: {rate['steps_per_second']:,.0f} steps, {rate['sequences_per_second']:,} sequences a second"
            )
        if path:
            lines += [f"critical path: {path['ns']} ns, {path['ns_in_wires']} of them in wires, {path['cells']} cells",
                      f"  from {path['from']}", f"  to   {path['to']}"]  # fmt: skip
    lines += [report["verdict"]]
    return "\n".join(lines) + "\n"


def _row(what: str, expected: Any, found: Any) -> str:
    return f"{what:<26}{_number(expected):>12}{_number(found):>12}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def to_json(report: Mapping[str, Any]) -> str:
    """Stable JSON text."""
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"
