"""Draw: one device, its arrays programmed and, where asked for, read back and corrected for what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Xbar
from qssmc.ir.table import Table
from qssmc_sim.crossbar.array import ArrayProduct, Block, Held, blocks_of, hold
from qssmc_sim.crossbar.device import Device
from qssmc_sim.crossbar.layer import Layer, base, layers_of
from qssmc_sim.crossbar.machine import ArrayMachine
from qssmc_sim.crossbar.readout import Readout

Correction = Literal["none", "scale", "refit", "draws"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)
_DRAWS = 4  # devices that "draws" learns from; none of them is one that is measured
_FAR = 4.0  # a column further off than this factor is taken for broken and left alone
_SCALE_BITS = 10


@dataclass(frozen=True)
class Drawn:
    """held: the blocks of each array layer by the name of its xbar op; tables: factors that only this device has."""

    held: Mapping[str, tuple[Held, ...]]
    tables: Mapping[str, Table]

    def machine(self, graph: Graph, rng: np.random.Generator) -> ArrayMachine:
        """What runs the graph with this device; rng draws the noise of the reads."""
        products = {
            op.name: ArrayProduct(self.held[base(op.name)], op.type.shape[0], rng)
            for op in graph.ops
            if isinstance(op, Xbar)
        }
        return ArrayMachine(graph, products, self.tables)


@dataclass(frozen=True)
class Setup:
    """What all draws share. blocks: of each array layer, by default the independent blocks of its matrix.

    correction: "none", every device gets the compiled numbers; "scale", the digital scale of each state column follows
    its cells as read back (oscillator form); "refit", that, and then y columns fitted to the device's own states and
    programmed last; "draws", y columns fitted to the states of several other devices of the kind, no device read back.
    """

    graph: Graph
    device: Device
    correction: Correction = "none"
    calibration: NDArray[np.int64] | None = None
    blocks: Mapping[str, Sequence[Block]] | None = None

    def __post_init__(self) -> None:
        if self.correction not in CORRECTIONS:
            raise UsageError(f"correction must be one of {', '.join(CORRECTIONS)}, not {self.correction!r}")
        if self.correction in ("refit", "draws") and self.calibration is None:
            raise UsageError(f"correction {self.correction} needs calibration sequences")

    def layers(self) -> tuple[Layer, ...]:
        """The array layers of the graph."""
        return layers_of(self.graph)

    def blocks_of(self, layer: Layer) -> Sequence[Block]:
        """The blocks of a layer."""
        return (self.blocks or {}).get(layer.array.name) or blocks_of(layer.weight)


def draw(setup: Setup, seed: Sequence[int], learn: Callable[[], Mapping[str, Any]] | None = None) -> Drawn:
    """Program one device. seed: the same one gives the same device.

    learn: gives the y columns that "draws" has found, (y columns, rows) by xbar op, once for all devices.
    """
    rng = np.random.Generator(np.random.SFC64(list(seed)))
    layers = setup.layers()
    held = {
        layer.array.name: hold(layer.weight, setup.blocks_of(layer), setup.device, rng) for layer in layers
    }
    drawn = Drawn(held, {})
    if setup.correction in ("scale", "refit"):
        drawn = replace(drawn, tables={dv: table for layer in layers for dv, table in _scales(layer, drawn)})
    if setup.correction == "refit":
        for layer in layers:
            drawn = with_readout(setup, drawn, layer, _fitted(setup, layer, [drawn], rng), rng)
    if setup.correction == "draws":
        assert learn is not None
        for layer in layers:
            drawn = with_readout(setup, drawn, layer, learn()[layer.array.name], rng)
    return drawn


def learn_readouts(setup: Setup, seed: int) -> Mapping[str, Any]:
    """y columns that serve any device of the kind best: one least-squares problem over the states of several."""
    others = [draw(replace(setup, correction="none"), (seed, 1 << 32, index)) for index in range(_DRAWS)]
    rng = np.random.default_rng((seed, 1 << 33))
    return {layer.array.name: _fitted(setup, layer, others, rng) for layer in setup.layers()}


def _fitted(setup: Setup, layer: Layer, devices: Sequence[Drawn], rng: np.random.Generator) -> NDArray[np.float64]:
    """The y columns, real, with which the codes of these devices give what the ideal array gives."""
    assert setup.calibration is not None
    readout = Readout.of(layer, setup.blocks_of(layer))
    for device in devices:
        readout.compare(setup.graph, device.machine(setup.graph, rng), setup.calibration)
    return readout.solve()


def with_readout(
    setup: Setup, drawn: Drawn, layer: Layer, weights: NDArray[np.float64], rng: np.random.Generator
) -> Drawn:
    """The device with other y columns, rounded to the levels that a column has and programmed anew."""
    level = int(np.abs(layer.weight).max())
    target = layer.weight.astype(np.float64)
    largest = np.abs(weights).max(axis=1, keepdims=True)
    unit = np.where(largest > 0, largest, 1.0) / level
    target[layer.states :] = np.rint(weights / unit) * unit
    fresh = hold(target, setup.blocks_of(layer), setup.device, rng)
    merged = tuple(_merge(old, new, layer.states) for old, new in zip(drawn.held[layer.array.name], fresh, strict=True))
    return replace(drawn, held={**drawn.held, layer.array.name: merged})


def _merge(old: Held, new: Held, states: int) -> Held:
    """State columns of one programming, y columns of the other."""
    is_y = (old.block.columns >= states)[:, None]
    noise = None
    if old.noise is not None and new.noise is not None:
        noise = np.where(is_y, new.noise, old.noise)
    return Held(old.block, np.where(is_y, new.weights, old.weights), noise)


def _scales(layer: Layer, drawn: Drawn) -> list[tuple[str, Table]]:
    """The scale of each state column times what its register's own cell should be over what it is."""
    if layer.dv is None:
        raise UsageError("correction scale and refit need the oscillator form (qssmc compile --form oscillator)")
    factor = layer.dv.factor.data.copy()
    for part in drawn.held[layer.array.name]:
        for at, column in enumerate(part.block.columns):
            if column < layer.states:
                row = int(layer.own[column])
                (place,) = np.flatnonzero(part.block.rows == row)
                ratio = float(layer.weight[column, row]) / (float(part.weights[at, place]) or 1e-9)
                if 1.0 / _FAR <= ratio <= _FAR:
                    factor[column] = _rounded(float(factor[column]) * ratio)
    return [(layer.dv.name, Table.integer(factor))]


def _rounded(value: float) -> int:
    """The nearest integer of so many significant bits, at least 1."""
    exponent = max(0, int(np.floor(np.log2(max(value, 1.0)))) + 1 - _SCALE_BITS)
    return max(1, round(value / (1 << exponent)) << exponent)
