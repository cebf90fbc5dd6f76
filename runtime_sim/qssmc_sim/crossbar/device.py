"""Device: what a memristive cell, its wires and its age do to a weight; presets name where their numbers are from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError

Compensation = Literal["none", "global", "column"]


@dataclass(frozen=True)
class Drift:
    """G(t) = G(t0) * (t / t0)^-nu; nu is drawn a cell: mean and deviation are slope * ln(G / g_max) + offset, clamped.

    mean and deviation: (slope, offset, low, high); t0: seconds from programming to the first read.
    """

    mean: tuple[float, float, float, float]
    deviation: tuple[float, float, float, float]
    t0: float


@dataclass(frozen=True)
class Device:
    """A device model. A weight is a pair of cells, G+ and G-; a column's largest weight spans the whole window.

    g_min, g_max: conductance window in uS. programming: standard deviation of a programmed weight relative to its
    column's largest weight (each cell of the pair gets 1/sqrt(2) of it). polynomial: instead or besides, the standard
    deviation of one cell over g_max as a polynomial in G / g_max, lowest power first. read: standard deviation of a
    weight's contribution at each read, relative to the column's largest weight. idle: whether cells of weight zero
    count as programmed cells, with every error of those; else they are unformed or cut off by their selector and hold
    exactly nothing. drift: with it, cells are read `age` seconds after the first read; compensation scales the columns
    back by the mean decay of all cells, or of a column's own. one_over_f: (a, b, most) of a read noise that stays for
    a whole run, min(a / (G / g_max)^b, most) * sqrt(ln((t + t_read) / (2 t_read))) * G with t_read = 250 ns.
    stuck_on, stuck_off: probability that a cell sits at g_max, g_min. wire: ohm of a wire between two cells: each cell
    is in series with its own path along row and column; the currents of other cells in the same wires are not counted.
    """

    name: str = "ideal"
    source: str = "no error at all"
    g_min: float = 1.0
    g_max: float = 100.0
    programming: float = 0.0
    polynomial: tuple[float, ...] = ()
    read: float = 0.0
    idle: bool = False
    drift: Drift | None = None
    age: float = 0.0
    compensation: Compensation = "column"
    one_over_f: tuple[float, float, float] | None = None
    stuck_on: float = 0.0
    stuck_off: float = 0.0
    wire: float = 0.0

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be a number of at least 0, not {getattr(self, name)!r}"
            for name in ("g_min", "programming", "read", "age", "stuck_on", "stuck_off", "wire")
            if not (isinstance(getattr(self, name), (int, float)) and 0 <= getattr(self, name) < math.inf)
        ]
        if not faults and not self.g_min < self.g_max < math.inf:
            faults.append(f"g_max must be above g_min ({self.g_min:g} uS), not {self.g_max:g}")
        if not faults and self.stuck_on + self.stuck_off > 1:
            faults.append(f"stuck_on and stuck_off are probabilities, but add up to {self.stuck_on + self.stuck_off:g}")
        if self.compensation not in get_args(Compensation):
            faults.append(f"compensation must be {', '.join(get_args(Compensation))}, not {self.compensation!r}")
        if self.age and self.drift is None:
            faults.append("age needs a device that drifts (--device pcm)")
        if faults:
            raise UsageError("device: " + "; ".join(faults))

    @property
    def span(self) -> float:
        """g_max - g_min, in uS."""
        return self.g_max - self.g_min

    def cell_deviation(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation of programmed cells in uS, for their targets."""
        relative = conductance / self.g_max
        powers = sum((c * relative**i for i, c in enumerate(self.polynomial)), np.zeros_like(relative))
        return np.hypot(np.maximum(powers, 0.0) * self.g_max, self.programming * self.span / math.sqrt(2.0))

    def with_(self, **changes: object) -> Device:
        """The device with other numbers. Raises UsageError for one that there is not."""
        known = {field.name for field in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise UsageError(f"a device has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return replace(self, **changes)  # type: ignore[arg-type]


# Multiples of the conductance window of the published fits: see the classes named in `source`.
PRESETS: Mapping[str, Device] = {
    "ideal": Device(),
    "gaussian": Device("gaussian", "Gaussian errors relative to the column's range, as arXiv 2507.06079 states them"),
    "pcm": Device(
        name="pcm",
        source="aihwkit PCMLikeNoiseModel with its defaults, after Nandakumar et al., ICECS 2019",
        g_min=0.0,
        g_max=25.0,
        polynomial=(0.26348 / 25.0, 1.9650 / 25.0, -1.1731 / 25.0),
        drift=Drift((-0.0155, 0.0244, 0.049, 0.1), (-0.0125, -0.0059, 0.008, 0.045), 20.0),
        one_over_f=(0.0088, 0.65, 0.2),
    ),
    "taox": Device(
        name="taox",
        source="aihwkit ReRamWan2022NoiseModel one second after programming (HfOx/TaOx, Wan et al., Nature 2022), "
        "with the 1 % read noise that it recommends",
        g_min=1.0,
        g_max=40.0,
        polynomial=(0.348 / 40.0, 16.030 / 40.0, -43.853 / 40.0, 45.393 / 40.0, -16.815 / 40.0),
        read=0.01,
    ),
}


def preset(name: str) -> Device:
    """A preset by name. Raises UsageError naming those there are."""
    if name not in PRESETS:
        raise UsageError(f"device must be one of {', '.join(PRESETS)}, not {name!r}")
    return PRESETS[name]
