"""Drives every stream of a module from a plan and compares what comes out; runs inside the simulator.

PLAN names a JSON file: inputs and outputs by port prefix, each with a width and a list of numbers; "" is a port whose
signals have no prefix of their own. Each test is the same traffic with other pauses.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

PLAN = json.loads(Path(os.environ["PLAN"]).read_text())
SEED = int(os.environ.get("SEED", "1"))
LIMIT_NS = 40_000_000


async def replay(dut: Any, idle: float, stall: float, seed: int, longest: int = 1) -> None:
    """The whole plan once, after a reset; idle and stall are how often there is no input and no room for output.

    longest: clocks that a pause of the input may last.
    """
    dice = random.Random(seed)
    dut._log.info("seed %d, idle %.1f, stall %.1f", seed, idle, stall)
    clock = cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    inputs, outputs = PLAN["inputs"], PLAN["outputs"]
    sent, got = dict.fromkeys(inputs, 0), {port: [] for port in outputs}
    held: dict[str, int] = {}
    pin = {name: getattr(dut, name) for port in (*inputs, *outputs) for name in _names(port)}
    await _reset(dut, [pin[f"{port}_valid"] for port in inputs] + [pin[f"{port}_ready"] for port in outputs])
    offered = dict.fromkeys(inputs, False)
    rest = dict.fromkeys(inputs, 0)
    quiet = 0
    while quiet < PLAN["patience"] and any(len(got[port]) < len(outputs[port]["values"]) for port in outputs):
        for port, stream in inputs.items():
            rest[port] = max(rest[port] - 1, dice.randint(0, longest) if dice.random() < idle else 0)
            if not offered[port] and not rest[port] and sent[port] < len(stream["values"]):
                offered[port] = True
                pin[f"{port}_data"].value = stream["values"][sent[port]] & ((1 << stream["width"]) - 1)
            pin[f"{port}_valid"].value = int(offered[port])
        for port in outputs:
            pin[f"{port}_ready"].value = int(dice.random() >= stall)
        # Valid must not look at ready, nor ready at what comes next: the core moves on the rising edge.
        await Timer(1, "ns")
        quiet += 1
        for port in inputs:
            if offered[port] and pin[f"{port}_ready"].value == 1:
                offered[port] = False
                sent[port] += 1
                quiet = 0
        for port, stream in outputs.items():
            if pin[f"{port}_valid"].value != 1:
                assert port not in held, f"{port}: valid fell before the number was taken"
                continue
            value = int(pin[f"{port}_data"].value)
            assert held.get(port, value) == value, f"{port}: number {len(got[port])} changed before it was taken"
            held[port] = value
            if pin[f"{port}_ready"].value == 1:
                del held[port]
                got[port].append(_signed(value, stream["width"]))
                quiet = 0
        await FallingEdge(dut.clk)
    clock.cancel()
    for port, stream in outputs.items():
        assert got[port] == stream["values"], _difference(port, got[port], stream["values"])


async def _reset(dut: Any, low: list[Any]) -> None:
    for signal in low:
        signal.value = 0
    dut.rst.value = 1
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


def _names(port: str) -> list[str]:
    return [f"{port}_{part}" for part in ("data", "valid", "ready")]


def _signed(value: int, width: int) -> int:
    return value - (1 << width) if PLAN["signed"] and value >> (width - 1) else value


def _difference(port: str, got: list[int], wanted: list[int]) -> str:
    at = next((i for i, pair in enumerate(zip(got, wanted, strict=False)) if pair[0] != pair[1]), len(got))
    found = got[at] if at < len(got) else "nothing"
    return f"{port}: number {at} of {len(wanted)} is {found}, not {wanted[at] if at < len(wanted) else 'to come'}"


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def at_full_speed(dut: Any) -> None:
    await replay(dut, 0.0, 0.0, SEED)


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def with_idle_clocks(dut: Any) -> None:
    await replay(dut, 0.5, 0.0, SEED + 1)


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def with_back_pressure(dut: Any) -> None:
    await replay(dut, 0.0, 0.7, SEED + 2)


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def with_both(dut: Any) -> None:
    await replay(dut, 0.1, 0.4, SEED + 3, longest=30)
