"""Crossbar points: the designs that docs/results/crossbar.md measures, and every error that they are measured under."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qssmc_sim.crossbar import Device, preset

DAY = 86_400.0
GAUSSIAN = preset("gaussian")
CORRECTED = ("none", "scale", "refit")
SIGMAS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
HEADLINE = (0.01, 0.03)  # programming errors that something is asked of


@dataclass(frozen=True)
class Case:
    """A model in oscillator form with so many states a head.

    activation_bits: of digital values between ops; converters of arrays have their own. Test sequences and devices:
    headline, of the points that something is asked of; side, of other programming and read errors; rest, of all others.
    """

    name: str
    model: str
    data: str
    states: float
    adc: int
    activation_bits: int
    headline: tuple[int, int]
    side: tuple[int, int]
    rest: tuple[int, int]


CASES = (
    Case("S4D-16, 8 states", "s4d16_mnist.pt", "mnist", 8.0, 6, 8, (1000, 10), (250, 4), (250, 2)),
    Case("zero or one, 8 states", "s4d3_zero_one.pt", "zero-one", 8.0, 8, 12, (60, 10), (60, 4), (60, 3)),
)


@dataclass(frozen=True)
class Point:
    """One measurement: a value of a sweep, the device with it, what is corrected, and the bits of the ADCs."""

    sweep: str
    value: float
    device: Device
    correction: str
    adc: int
    count: int
    trials: int

    @property
    def key(self) -> str:
        """What the point is kept under."""
        return f"{self.sweep}_{self.value:g}_{self.correction}_{self.adc}_{self.count}_{self.trials}".replace(" ", "_")


def points(case: Case) -> list[Point]:
    """Every measurement of a case, those that something is asked of first within each sweep."""
    return [*_programming(case), *_others(case)]


def _programming(case: Case) -> Iterator[Point]:
    for correction in CORRECTED:
        for sigma in SIGMAS:
            count, trials = case.headline if sigma in HEADLINE and correction != "scale" else case.side
            device = GAUSSIAN.with_(programming=sigma)
            # Without any error all devices are one.
            yield Point("programming", sigma, device, correction, case.adc, count, trials if sigma else 1)


def _others(case: Case) -> Iterator[Point]:
    one = Point("", 0.0, GAUSSIAN.with_(programming=0.01), "refit", case.adc, *case.side)
    for read in (0.003, 0.01, 0.03):
        yield replace(one, sweep="read", value=read, device=one.device.with_(read=read))
    one = replace(one, count=case.rest[0], trials=case.rest[1])
    for bits in (3, 4, 5, 6, 7, 8):
        yield replace(one, sweep="adc", value=bits, adc=bits)
    for age in (0.0, 3600.0, DAY):
        for how in ("none", "column") if age else ("column",):
            device = preset("pcm").with_(age=age, compensation=how)
            yield replace(one, sweep=f"pcm drift, compensation {how}", value=age, device=device)
    for share in (0.005, 0.01, 0.02):
        for which in ("stuck_on", "stuck_off"):
            yield replace(one, sweep=which, value=share, device=one.device.with_(**{which: share}))
    yield replace(one, sweep="taox", device=preset("taox"))
    yield replace(one, sweep="wire", value=2.0, device=one.device.with_(wire=2.0))
    yield replace(one, sweep="idle", value=0.01, device=one.device.with_(idle=True))
