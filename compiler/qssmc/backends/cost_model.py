"""Resources: what products, memories and sums take on a device; one model for every target that becomes hardware.

A target says what it is made of (Use), a device what its blocks hold (Fabric). Good to a factor of two, and to an order
of magnitude for LUTs: what a tool found is the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Fabric:
    """A device. dsp: bits of the factors of a signed product that a block takes; small: bits of a factor whose product
    is made of LUTs; ram: words and bits of a block at its widest; lut: words of one bit that a LUT holds, and a memory
    of no more words, or of no more bits than least, is made of LUTs."""

    name: str
    dsp: tuple[int, int]
    small: int
    ram: tuple[int, int]
    least: int
    lut: int


XILINX = Fabric("Xilinx", (27, 18), 4, (512, 36), 1024, 64)


@dataclass(frozen=True)
class Use:
    """What a piece of a design is made of: (bits, bits, count) of products and of those that shall be of LUTs,
    (words, width, count) of memories, and the bits of all sums, choices and stages of shifters."""

    products: tuple[tuple[int, int, int], ...] = ()
    soft: tuple[tuple[int, int, int], ...] = ()
    memories: tuple[tuple[int, int, int], ...] = ()
    gates: int = 0

    def __add__(self, other: Use) -> Use:
        return Use(
            self.products + other.products,
            self.soft + other.soft,
            self.memories + other.memories,
            self.gates + other.gates,
        )


@dataclass(frozen=True)
class Need:
    """DSP blocks, RAM blocks of 18 kbit, and LUTs as an order of magnitude."""

    dsp: int
    bram18: int
    luts: int


@dataclass(frozen=True)
class CostPart:
    """What one piece of a design takes: clocks that it is busy with a sample, and its blocks and LUTs."""

    name: str
    cycles: int
    dsp: int
    bram18: int
    luts: int


@dataclass(frozen=True)
class Throughput:
    """Clocks between samples, and from a sample's first number to the last that comes of it, the closing's included."""

    interval: int
    latency: int


def need(use: Use, fabric: Fabric = XILINX) -> Need:
    """What a use takes.

    >>> need(Use(products=((8, 18, 2), (3, 9, 1)), memories=((2048, 18, 1), (16, 8, 1)), gates=10))
    Need(dsp=2, bram18=4, luts=45)
    """
    dsp, luts = 0, use.gates + sum(a * b * count for a, b, count in use.soft)
    for a, b, count in use.products:
        if min(a, b) <= fabric.small:
            luts += a * b * count
        else:
            dsp += count * _blocks(max(a, b), fabric.dsp[0]) * _blocks(min(a, b), fabric.dsp[1])
    ram = 0
    for words, width, count in use.memories:
        if words <= fabric.lut or words * width <= fabric.least:
            luts += count * -(-words // fabric.lut) * width
        else:
            ram += count * -(-width // fabric.ram[1]) * -(-words // fabric.ram[0])
    return Need(dsp, ram, luts)


def _blocks(bits: int, most: int) -> int:
    """Pieces that a signed factor is cut into; all but one are unsigned."""
    return -(-(bits - 1) // (most - 1))


def part(name: str, cycles: int, use: Use) -> CostPart:
    """One line of a report."""
    return CostPart(name, cycles, **asdict(need(use)))


def report(
    pace: Throughput, parts: Iterable[CostPart], lanes: int, clock_period: float | None = None
) -> dict[str, Any]:
    """The estimate of a whole design, the same facts for every target. clock_period: in ns, where it is known."""
    listed = list(parts)
    clocks = {"interval_cycles": pace.interval, "latency_cycles": pace.latency}
    timed = {} if clock_period is None else _timed(pace, clock_period)
    sums = {name: sum(getattr(one, name) for one in listed) for name in ("dsp", "bram18", "luts")}
    return {"lanes": lanes, **clocks, **timed, **sums, "parts": [asdict(one) for one in listed]}


def _timed(pace: Throughput, clock_period: float) -> dict[str, Any]:
    return {
        "clock_period_ns": clock_period,
        "interval_us": round(pace.interval * clock_period / 1000, 3),
        "samples_per_second": round(1e9 / (pace.interval * clock_period)),
    }
