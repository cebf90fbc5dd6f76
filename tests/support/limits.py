"""Graphs and samples for what lies beyond a limit: samples beyond the input format, sequences beyond the step limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Constant, Requant, Scale
from qssmc.passes.prove import prove

INT = Table.integer
FORMATS = [(12, True), (12, False), (1, True), (3, False), (7, True), (20, True), (25, False), (8, True), (16, False)]


def echo(width: int, signed: bool) -> Graph:
    """Three times each of two samples at every step, and the last sample at the end: a state of the sample itself."""
    b = Builder("echo", "integer")
    u = b.input("u", Type((2,), width, signed), "input")
    b.output("y", b.add(Scale(factor=INT([3, -3])), "tripled", u), "step")
    kept = b.state("kept", Type((2,), 64))
    low, high = Type((2,), width, signed).bounds
    b.updates[kept] = b.add(Requant(multiplier=INT(1), shift=INT(0), low=INT(low), high=INT(high)), "kept_n", u)
    b.output("latest", b.add(Scale(factor=INT(1)), "same", kept), "last")
    return prove(b.graph())


def beyond(low: int, high: int, width: int, signed: bool, seed: int = 0) -> Any:
    """(5, 6, 2) samples of a container low..high: its extremes, the edges of the format and beside them, and others."""
    least, most = Type((1,), width, signed).bounds
    edges = [low, high, least, most, least - 1, most + 1, 0, low + 1, high - 1]
    within = [edge for edge in edges if low <= edge <= high]
    samples = np.random.default_rng(seed).integers(low, high, (5, 6, 2), dtype=np.int64, endpoint=True)
    samples[0], samples[1] = low, high
    flat = samples[2:4].reshape(-1)
    flat[: 2 * len(within)] = [*within, *reversed(within)]
    return samples


def pooled(count: int = 8, total: int = 63) -> Graph:
    """2 * sum of four-bit samples, each in -8..7, + 5 * count of steps; sums clamped to +-total, steps to count."""
    b = Builder("pooled", "integer")
    u = b.input("u", Type((1,), 4), "input")
    clamp: dict[str, Any] = {"multiplier": INT(1), "shift": INT(0)}
    sums = b.state("sums", Type((1,), 64), "pool")
    added = b.add(Add(), "added", sums, u, origin="pool")
    b.updates[sums] = b.add(Requant(**clamp, low=INT(-total), high=INT(total)), "sums_n", added, origin="pool")
    steps = b.state("steps", Type((1,), 64), "pool")
    one = b.add(Constant(value=INT([1])), "one", origin="pool")
    more = b.add(Add(), "more", steps, one, origin="pool")
    b.updates[steps] = b.add(Requant(**clamp, low=INT(0), high=INT(count)), "steps_n", more, origin="pool")
    doubled = b.add(Scale(factor=INT(2)), "doubled", sums)
    five = b.add(Scale(factor=INT(5)), "five", steps)
    b.output("mean", b.add(Add(), "mean", doubled, five), "last", mean=True)
    return prove(b.graph())


def long_sequences(length: int) -> Any:
    """(4, length, 1) samples of pooled: the lowest, the highest, both in turn after a while, and random ones."""
    samples = np.random.default_rng(1).integers(-8, 7, (4, length, 1), dtype=np.int64, endpoint=True)
    samples[0], samples[1] = -8, 7
    samples[2, : length // 2], samples[2, length // 2 :] = 7, -8
    return samples


def answer(samples: Any, count: int = 8, total: int = 63) -> list[int]:
    """What pooled answers after the last of samples (n, length, 1), by Python's own integers."""
    found = []
    for sequence in samples.tolist():
        sums = steps = 0
        for (sample,) in sequence:
            sums = max(-total, min(total, sums + sample))
            steps = min(count, steps + 1)
        found.append(2 * sums + 5 * steps)
    return found
