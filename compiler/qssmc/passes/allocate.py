"""Allocate: bits for states and poles by noise gain, in closed form (reverse water-filling)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.real_states import RealState, real_states
from qssmc.analysis.sensitivity import downstream_gain
from qssmc.analysis.spectrum import spectrum_of
from qssmc.analysis.ssm_layers import SsmLayer, heads_of, ssm_layers
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Diag, Inject, Readout, Scale
from qssmc.ir.table import Table
from qssmc.passes.methods import Granularity

Real = NDArray[np.float64]
Integers = NDArray[np.int64]
STATE_BITS = (2, 16)
POLE_BITS = (3, 12)


@dataclass(frozen=True)
class Allocate:
    """Notes bits for every state, complex or real, and pole of a calibrated graph: a mean, more where noise costs more.

    A state's LSB q adds |c|^2 q^2 / (12 (1 - |lambda_bar|^2)) to the energy of its head's output; an error of its
    pole adds |c b|^2 |delta|^2 times the input's energy through 1 / |1 - lambda_bar z|^4. Both are weighted with the
    head's downstream gain. Granularity "layer" gives all the mean, "head" all of a head the same, "state" each its own;
    "mixed" gives states their own and the poles of a head the same, which saves the poles' field of widths.

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %x : cf64[2] = state
    ... %ax : cf64[2] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : cf64[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %xn : cf64[2] = add %ax %bu
    ... %y : f64[1] = readout %xn c=@y.c heads=@bu.heads channels=1
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : real[2,2]
    ...   0.95 0.05 0.3 0.0
    ... table @bu.b_bar : real[2,2]
    ...   0.3 0.0 0.7 0.0
    ... table @bu.heads : int[2]
    ...   0 0
    ... table @y.c : real[2,2]
    ...   1.0 0.0 0.01 0.0''')
    >>> from qssmc_sim import run
    >>> data = Calibration(np.random.default_rng(0).normal(size=(8, 64, 1)), run)
    >>> {name: bits.data.tolist() for name, bits in Allocate(8, 8, "state", data)(before).bits.items()}
    {'xn': [12, 4], 'ax.lambda_bar': [11, 5]}
    """

    state_bits: float
    a_bits: float
    granularity: Granularity
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        bits = dict(graph.bits)
        for layer in ssm_layers(graph):
            state, pole = self.sensitivities(graph, layer)
            of_states, of_poles = self.shared(state, pole, heads_of(graph, layer))
            bits[layer.total] = Table.integer(of_states)
            bits[f"{layer.transition}.lambda_bar"] = Table.integer(of_poles)
        for group in _by_layer(graph):
            costs = [self.real_sensitivities(graph, real) for real in group]
            state, pole = (np.concatenate(parts) for parts in zip(*costs, strict=True))
            # The states of a channel share its bits where heads do: element h of every vector is channel h's.
            heads = np.concatenate([np.arange(len(cost)) for cost, _ in costs])
            ends = np.cumsum([len(cost) for cost, _ in costs])[:-1]
            parts = (np.split(part, ends) for part in self.shared(state, pole, heads))
            for real, own, poles in zip(group, *parts, strict=True):
                bits[real.total], bits[f"{real.transition}.factor"] = Table.integer(own), Table.integer(poles)
        return replace(graph, bits=bits)

    def real_sensitivities(self, graph: Graph, real: RealState) -> tuple[Real, Real]:
        """The same of each element of a real state, whose range is what it reaches on calibration."""
        transition = graph[real.transition]
        assert isinstance(transition, Scale)
        pole = np.array(np.broadcast_to(transition.factor.data, transition.type.shape))
        ranges = graph.ranges[real.total].data if real.total in graph.ranges else np.ones((2, *pole.shape))
        gain = downstream_gain(graph, real.total, self.calibration)
        through = np.zeros(pole.shape)
        for term in real.terms:
            spectrum = spectrum_of(graph, term, self.calibration)
            answer = np.abs(spectrum.response(pole.astype(np.complex128))) ** 4
            through = through + (answer * spectrum.energy.T).sum(axis=1)
        state = gain * np.abs(ranges).max(axis=0) ** 2 / (1.0 - pole**2)
        return state, gain * (pole - 1.0) ** 2 * through

    def shared(self, state: Real, pole: Real, heads: Integers) -> tuple[Integers, Integers]:
        """The bits of each state and of each pole of a layer, from what they cost and the head of each."""
        one, each = np.zeros_like(heads), np.arange(len(heads))
        by = {"layer": (one, one), "head": (heads, heads), "mixed": (each, heads), "state": (each, each)}
        of_states, of_poles = by[self.granularity]
        return spread(state, of_states, self.state_bits, STATE_BITS), spread(pole, of_poles, self.a_bits, POLE_BITS)

    def sensitivities(self, graph: Graph, layer: SsmLayer) -> tuple[Real, Real]:
        """What a squared LSB costs: of each state (range 1) and of each pole (range |lambda_bar - 1|)."""
        transition, drive, readout = graph[layer.transition], graph[layer.drive], graph[layer.readout]
        assert isinstance(transition, Diag)
        assert isinstance(drive, Inject)
        assert isinstance(readout, Readout)
        heads = heads_of(graph, layer)
        gain = downstream_gain(graph, layer.result, self.calibration)[heads]
        pole, c = transition.lambda_bar.as_complex(), np.abs(readout.c.as_complex())
        b = np.abs(drive.b_bar.as_complex())
        spectrum = spectrum_of(graph, drive.inputs[0], self.calibration)
        # A real input holds each frequency with its negative; a complex pole answers to one of the two.
        response = np.abs(spectrum.response(pole)) ** 4 + np.abs(spectrum.response(np.conj(pole))) ** 4
        through = (response / 2.0 * spectrum.energy.T[heads]).sum(axis=1)
        reach = np.maximum(np.abs((pole - 1.0).real), np.abs((pole - 1.0).imag))
        state = gain * c**2 / (1.0 - np.abs(pole) ** 2)
        return state, gain * (c * b * reach) ** 2 * through


def _by_layer(graph: Graph) -> list[list[RealState]]:
    """The real states of each layer, which share a mean."""
    found: dict[str, list[RealState]] = {}
    for real in real_states(graph).values():
        found.setdefault(graph[real.state].origin, []).append(real)
    return list(found.values())


def spread(cost: Real, groups: Integers, mean: float, limits: tuple[int, int]) -> Integers:
    """Whole bits a state, the same within a group, with at most the mean and the lowest total cost.

    A mean above the upper limit raises it.
    """
    if not limits[0] <= mean:
        raise UsageError(f"mean bits must be at least {limits[0]}, not {mean:g}")
    limits = (limits[0], max(limits[1], int(np.ceil(mean))))
    size = np.bincount(groups)
    total: Real = np.bincount(groups, cost).astype(np.float64)
    present = size > 0
    found = np.zeros(len(size), np.int64)
    found[present] = water_fill(total[present], size[present], mean, limits)
    return found[groups]


def water_fill(cost: Real, size: Integers, mean: float, limits: tuple[int, int]) -> Integers:
    """Bits of groups that minimise sum(cost 4^-bits) with sum(size bits) at most mean sum(size), bit by bit.

    Each bit goes where it takes most cost away for what it takes of the budget; ties go to the first.
    """
    bits = np.full(len(cost), limits[0], np.int64)
    left = int(np.floor(mean * size.sum() + 1e-9)) - limits[0] * int(size.sum())
    benefit = 0.75 * cost / 4.0 ** limits[0] / size
    while True:
        open_ = (bits < limits[1]) & (size <= left)
        if not open_.any():
            return bits
        at = int(np.argmax(np.where(open_, benefit, -1.0)))
        bits[at] += 1
        benefit[at] /= 4.0
        left -= int(size[at])
