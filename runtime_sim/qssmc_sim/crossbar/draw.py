"""Draw: one device, its arrays programmed and, where asked for, read back and corrected for what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Xbar
from qssmc.ir.table import Table
from qssmc_sim.crossbar.array import ArrayProduct, Held, hold
from qssmc_sim.crossbar.cells import Places, program
from qssmc_sim.crossbar.device import Device
from qssmc_sim.crossbar.kernel import Kernel, base, kernels_of
from qssmc_sim.crossbar.machine import ArrayMachine
from qssmc_sim.crossbar.readout import ReadoutCorrection

Real = NDArray[np.float64]
Correction = Literal["none", "scale", "refit", "draws"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)
_DRAWS = 4  # devices that "draws" learns from; none of them is one that is measured
_ELSEWHERE = 1 << 32  # in the seeds of those
_FAR = 4.0  # a column further off than this factor is taken for broken and left alone
_SCALE_BITS = 10


@dataclass(frozen=True)
class Drawn:
    """held: of each product by the name of its xbar op; tables: factors that only this device has."""

    held: Mapping[str, Held]
    tables: Mapping[str, Table] = field(default_factory=dict)

    def machine(self, graph: Graph, rng: np.random.Generator) -> ArrayMachine:
        """What runs the graph with this device; rng draws the noise of the reads."""
        products = {op.name: ArrayProduct(self.held[base(op.name)], rng) for op in graph.ops if isinstance(op, Xbar)}
        return ArrayMachine(graph, products, self.tables)


@dataclass(frozen=True)
class Setup:
    """What all draws share.

    correction: "none", every device gets the compiled numbers; "scale", the digital scale of each state column follows
    its own cell as read back; "refit", that, and then y columns fitted to the device's own states and programmed last,
    cell by cell; "draws", y columns fitted to the states of several other devices of the kind, no device read back.
    All but "none" need the oscillator form. calibration: integer sequences, for the last two. places: of the cells of
    each product, for the resistance of wires; by default each product has an array of its own. lanes: of a signed
    weight, 2 or 4; what is read back and corrected has 2.
    """

    graph: Graph
    device: Device
    correction: Correction = "none"
    calibration: NDArray[np.int64] | None = None
    places: Mapping[str, Places] = field(default_factory=dict)
    lanes: int = 2

    def __post_init__(self) -> None:
        if self.correction not in CORRECTIONS:
            raise UsageError(f"correction must be one of {', '.join(CORRECTIONS)}, not {self.correction!r}")
        if self.correction in ("refit", "draws") and self.calibration is None:
            raise UsageError(f"correction {self.correction} needs calibration sequences")
        if self.correction != "none" and self.lanes == 4:
            raise UsageError(f"correction {self.correction} needs two lanes (compile with --encoding two-lane)")
        if self.correction != "none" and any(kernel.dv is None for kernel in kernels_of(self.graph)):
            raise UsageError(f"correction {self.correction} needs the oscillator form (compile with --form oscillator)")

    @property
    def layers(self) -> list[list[Kernel]]:
        """The kernels of each layer."""
        return [list(own) for _, own in groupby(kernels_of(self.graph), key=lambda kernel: kernel.stem)]

    def hold(self, kernel: Kernel, target: Real, rng: np.random.Generator) -> Held:
        """Program one product."""
        return hold(target, self.device, rng, self.places.get(kernel.name), lanes=self.lanes)


Readouts = Mapping[str, Real]  # the targets of y columns, (rows,), by xbar op


def draw(setup: Setup, seed: Sequence[int], readouts: Readouts | None = None) -> Drawn:
    """Program one device. seed: the same one gives the same device; readouts: of learn_readouts, for "draws"."""
    rng = np.random.Generator(np.random.SFC64(list(seed)))
    drawn = Drawn({k.name: setup.hold(k, k.weight.astype(np.float64), rng) for k in kernels_of(setup.graph)})
    if setup.correction in ("scale", "refit"):
        drawn = replace(drawn, tables=_scales(kernels_of(setup.graph), drawn.held))
    for layer in setup.layers:
        if setup.correction == "refit":
            drawn = _refitted(setup, drawn, layer, rng)
        elif setup.correction == "draws":
            assert readouts is not None, "draws needs learn_readouts"
            drawn = replace(drawn, held={**drawn.held, **_reprogrammed(setup, drawn, layer, readouts, rng)})
    return drawn


def learn_readouts(setup: Setup, seed: int) -> Readouts:
    """y columns that serve all devices of the kind best: one least-squares problem over the states of several."""
    assert setup.calibration is not None
    others = [draw(replace(setup, correction="none"), (seed, _ELSEWHERE, index)) for index in range(_DRAWS)]
    rng = np.random.Generator(np.random.SFC64([seed, _ELSEWHERE]))
    found = {}
    for layer in setup.layers:
        readout = ReadoutCorrection(setup.graph, layer)
        for device in others:
            readout.compare(device.machine(setup.graph, rng), setup.calibration)
        for kernel in layer:
            rows = kernel.weight.shape[1]
            found[kernel.name] = readout.solve(kernel.name, np.ones(rows, bool), np.zeros(rows))
    return found


def _refitted(setup: Setup, drawn: Drawn, layer: Sequence[Kernel], rng: np.random.Generator) -> Drawn:
    """The device with the y columns of a layer fitted to its own states and written cell by cell."""
    assert setup.calibration is not None
    readout = ReadoutCorrection(setup.graph, layer)
    readout.compare(drawn.machine(setup.graph, rng), setup.calibration)
    held = dict(drawn.held)
    for kernel in layer:
        target, column = readout.written(kernel, lambda cells: program(cells[None], setup.device, rng)[0])
        held[kernel.name] = _with_column(setup, held[kernel.name], target, column)
    return replace(drawn, held=held)


def _reprogrammed(
    setup: Setup, drawn: Drawn, layer: Sequence[Kernel], readouts: Readouts, rng: np.random.Generator
) -> dict[str, Held]:
    """Products with other y columns, rounded to the levels that a column has and programmed at once."""
    found = {}
    for kernel in layer:
        target = readouts[kernel.name]
        level = (float(np.abs(target).max()) or 1.0) / float(np.abs(kernel.weight).max())
        target = np.rint(target / level) * level
        column = program(target[None], setup.device, rng)[0]
        found[kernel.name] = _with_column(setup, drawn.held[kernel.name], target, column)
    return found


def _with_column(setup: Setup, held: Held, target: Real, column: Real) -> Held:
    """A product with another y column, its last."""
    weights = np.vstack([held.weights[:-1], column])
    if held.noise is None:
        return Held(weights, None)
    seen = np.ones(target.shape, bool) if setup.device.idle else target != 0
    noise = setup.device.read * float(np.abs(target).max(initial=0.0)) * seen
    return Held(weights, np.vstack([held.noise[:-1], noise]))


def _scales(kernels: Sequence[Kernel], held: Mapping[str, Held]) -> dict[str, Table]:
    """Of each state column, its scale times what its own register's cell should be over what it is."""
    factors: dict[str, NDArray[np.int64]] = {}
    for kernel in kernels:
        assert kernel.dv is not None
        factor = factors.setdefault(kernel.dv.name, kernel.dv.factor.data.copy())
        for column, state in enumerate(kernel.own):
            wanted, found = (
                float(kernel.weight[column, 1 + column]),
                float(held[kernel.name].weights[column, 1 + column]),
            )
            if found and 1.0 / _FAR <= wanted / found <= _FAR:
                factor[state] = _rounded(float(factor[state]) * wanted / found)
    return {name: Table.integer(factor) for name, factor in factors.items()}


def _rounded(value: float) -> int:
    """The nearest integer of so many significant bits, at least 1."""
    exponent = max(0, int(np.floor(np.log2(max(value, 1.0)))) + 1 - _SCALE_BITS)
    return max(1, round(value / (1 << exponent)) << exponent)
