"""Build: puts a layer of oscillators, with its array and converters, in the place of a quantised state-space layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration, only
from qssmc.analysis.ssm_layers import SsmLayer, ssm_layers
from qssmc.crossbar.names import KERNEL
from qssmc.errors import UnsupportedModelError
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Advance, Concat, Diag, Inject, Readout, Requant, Scale, ShiftLeft, Slice, Take, Xbar
from qssmc.ir.table import Table
from qssmc.ir.types import Type
from qssmc.ir.verify import verify
from qssmc.passes.oscillate.converters import Converters
from qssmc.passes.oscillate.oscillators import Oscillators, Real
from qssmc.passes.oscillate.plan import Ints, OscillatorPlan, fitted, plan_layer
from qssmc.passes.oscillate.readout import Normals
from qssmc.passes.prove import prove
from qssmc.passes.rewrite import Rebuilder

# Parts of 2^16: the golden ratio, as the state's dither elsewhere, and sqrt(2) - 1 for converters whose errors must not
# follow those of the registers.
_PHASE_BITS, _PHASE_STEP, _SECOND_STEP = 16, 40503, 27146
_RIDGE = 1e-4


@dataclass(frozen=True)
class Oscillate:
    """Every state-space layer of a proven integer graph in oscillator form on an array; the rest stays as it is.

    discrete: the real graph that it came from, pruned but not rounded; integers: calibration sequences, reals: the
    same as the model takes them. The array computes dv = u - kappa p and y from x of the step before and u of this
    one (the look-ahead form, no delay): one product a step. Raises UnsupportedModelError without such a layer.
    """

    discrete: Graph
    integers: Calibration
    reals: Calibration
    converters: Converters

    def __call__(self, graph: Graph) -> Graph:
        layers = ssm_layers(self.discrete)
        if not layers:
            raise UnsupportedModelError("the model has no diagonal state-space layer of one input a head")
        for layer in layers:
            graph = self._layer(graph, layer)
        return prove(graph)

    def _layer(self, graph: Graph, layer: SsmLayer) -> Graph:
        inject = self.discrete[layer.drive]
        assert isinstance(inject, Inject)
        assert inject.heads is not None
        source = graph[_drive_of(graph, layer)]
        seen = self.reals.collect(self.discrete, (inject.inputs[0],))[inject.inputs[0]]
        heads = inject.heads.data
        width = source.type.width or 1
        u_lsb = _spread(graph.scales[source.name], seen.shape[2])
        chosen = plan_layer(self._oscillators(layer), heads, seen, u_lsb, width, self.converters)
        built = _Layer(graph, layer, source.name, heads, chosen, self.converters)
        blank = built.graph(np.zeros((seen.shape[2], built.rows)), np.ones(seen.shape[2]))
        weights, peak = self._fit(blank, built, layer)
        return built.graph(weights, peak)

    def _oscillators(self, layer: SsmLayer) -> Oscillators:
        transition, inject, readout = (self.discrete[name] for name in (layer.transition, layer.drive, layer.readout))
        assert isinstance(transition, Diag)
        assert isinstance(inject, Inject)
        assert isinstance(readout, Readout)
        return Oscillators.of(transition.lambda_bar.as_complex(), readout.c.as_complex() * inject.b_bar.as_complex())

    def _fit(self, graph: Graph, built: _Layer, layer: SsmLayer) -> tuple[Real, Real]:
        """y columns by least squares against the real layer, and the largest |y| of each in calibration."""
        normals = Normals(built.rows_of)
        codes = only(graph, (built.name("codes"),))
        largest: list[Real] = []
        for part in self.integers.slices(graph):
            wanted = self.reals.part(part).collect(self.discrete, (layer.result,))[layer.result]
            largest.append(np.quantile(np.abs(wanted), self.converters.share, axis=(0, 1)))

            def see(t: int, values: Mapping[str, NDArray[Any]], wanted: Real = wanted) -> None:
                normals.see(values[built.name("codes")], wanted[:, t])

            self.integers.run(codes, self.integers.samples[part], see)
        return normals.solve(built.rows, _RIDGE), np.mean(largest, axis=0)


class _Layer:
    """The ops of one layer. Rows: u of every head, then p and v of every state; columns: dv, then y."""

    def __init__(
        self, graph: Graph, layer: SsmLayer, source: str, heads: Ints, chosen: OscillatorPlan, converters: Converters
    ) -> None:
        self.old, self.layer, self.source = graph, layer, source
        self.heads, self.plan, self.converters = heads, chosen, converters
        self.channels, self.states = len(chosen.u_code), len(heads)
        self.rows = self.channels + 2 * self.states
        self.stem = layer.state.rsplit("_", 1)[0]
        own = [np.flatnonzero(heads == head) for head in range(self.channels)]
        self.rows_of = [
            np.concatenate([[head], self.channels + index, self.channels + self.states + index]).astype(np.int64)
            for head, index in enumerate(own)
        ]

    def name(self, part: str) -> str:
        """The name of one of the layer's ops."""
        return f"{self.stem}_{part}"

    def graph(self, weights: Real, peak: Real) -> Graph:
        """The whole graph. weights: y for a code of 1 on each row, (heads, rows), real; peak: largest |y|, (heads,)."""
        old, b = self.old, Rebuilder(self.old, self.old.stage)
        names: dict[str, str] = {}
        inside = self._inside()
        for op in old.ops:
            if op.name == self.layer.result:
                names[op.name] = self._add(b, names[self.source], weights, peak, op.origin)
            elif op.name not in inside:
                names[op.name] = b.append(replace(op, inputs=tuple(names[name] for name in op.inputs)))
        b.updates |= {names[state]: names[value] for state, value in old.updates.items() if state in names}
        b.outputs = [replace(output, value=names[output.value]) for output in old.outputs]
        built = b.graph()
        scales, kept = (
            {name: table for name, table in notes.items() if name in built.by_name} for notes in (old.scales, old.kept)
        )
        return verify(replace(built, scales=scales, kept=kept)).without_dead_ops()

    def _inside(self) -> set[str]:
        """The old state, and what depends on it before the result."""
        dag = self.old.dag()
        below = nx.descendants(dag, self.layer.state) | {self.layer.state}
        return below - (nx.descendants(dag, self.layer.result) | {self.layer.result})

    def _add(self, b: Builder, u: str, weights: Real, peak: Real, origin: str) -> str:
        """Registers, drivers, array, converters and the digital part. Returns y in the units of the old y."""
        chosen, bits = self.plan, self.converters
        phase = self._phase(b, "phase", _PHASE_STEP)
        second = self._phase(b, "array_phase", _SECOND_STEP)
        register = Type((self.states,), bits.register_bits)
        p, v = (b.state(self.name(part), register, origin) for part in ("p", "v"))
        narrow = bits.register_bits - bits.dac_bits
        least = np.full(self.states, narrow)
        drivers = ((u, chosen.u_shift, None), (p, least, phase), (v, least, second))
        lines = [
            _requant(b, self.name(f"{part}_dac"), value, shift, bits.drive, origin, moving)
            for part, (value, shift, moving) in zip(("u", "p", "v"), drivers, strict=True)
        ]
        codes = b.add(Concat(), self.name("codes"), *lines, origin=origin)
        cells, unit, y_step = self._cells(weights, peak)
        dv_z, y_z = self._products(b, codes, cells, origin)
        code = _convert(b, self.name("dx_adc"), dv_z, chosen.step, bits.reading, origin, second)
        y_code = _convert(b, self.name("y_adc"), y_z, y_step, bits.reading, origin, phase)
        dv = _scale(b, self.name("dv"), code, chosen.scale, origin)
        vn = b.add(Add(), self.name("vn"), _scale(b, self.name("v_leak"), v, chosen.leak, origin), dv, origin=origin)
        most = (1 << (bits.register_bits - 1)) - 1
        vn_q = _requant(b, self.name("vn_q"), vn, chosen.shift, most, origin, phase)
        ahead = b.add(
            ShiftLeft(amount=Table.integer(chosen.shift + self._lift)), self.name("v_ahead"), vn_q, origin=origin
        )
        leaked = b.add(
            ShiftLeft(amount=Table.integer(chosen.ahead + self._lift)),
            self.name("p_aligned"),
            _scale(b, self.name("p_leak"), p, chosen.leak, origin),
            origin=origin,
        )
        pn = b.add(Add(), self.name("pn"), leaked, ahead, origin=origin)
        b.updates[p] = _requant(b, self.name("pn_q"), pn, chosen.shift + chosen.ahead + self._lift, most, origin, phase)
        b.updates[v] = vn_q
        y_lsb = _spread(self.old.scales[self.layer.result], self.channels)
        factor = np.rint(np.ldexp(unit / y_lsb, y_step)).astype(np.int64)
        return _scale(b, self.layer.result, y_code, np.maximum(factor, 1), origin)

    @property
    def _lift(self) -> Ints:
        """What keeps a shift to the left where v is coarser than p."""
        return np.maximum(0, -self.plan.ahead)

    def _products(self, b: Builder, codes: str, cells: Ints, origin: str) -> tuple[str, str]:
        """One product a head: rows u, p, v of its own, columns dv, then y. Returns dv of all states, y of all heads."""
        parts: dict[str, list[str]] = {"dx": [], "y": []}
        for head, rows in enumerate(self.rows_of):
            own = np.flatnonzero(self.heads == head)
            columns = np.append(own, self.states + head)
            driven = b.add(Take(indices=Table.integer(rows)), self.name(f"rows_{head}"), codes, origin=origin)
            weight = Table.integer(cells[np.ix_(columns, rows)])
            z = b.add(Xbar(weight=weight), f"{self.stem}{KERNEL}{head}", driven, origin=origin)
            if len(own):
                part = b.add(Slice(start=0, stop=len(own)), self.name(f"dx_z_{head}"), z, origin=origin)
                parts["dx"].append(part)
            part = b.add(Slice(start=len(own), stop=len(own) + 1), self.name(f"y_z_{head}"), z, origin=origin)
            parts["y"].append(part)
        dv = b.add(Concat(), self.name("dx_z"), *parts["dx"], origin=origin)
        order = np.argsort(np.argsort(self.heads, kind="stable"))
        if (order != np.arange(self.states)).any():
            dv = b.add(Take(indices=Table.integer(order)), self.name("dx_z_sorted"), dv, origin=origin)
        return dv, b.add(Concat(), self.name("y_z"), *parts["y"], origin=origin)

    def _cells(self, weights: Real, peak: Real) -> tuple[Ints, Real, Ints]:
        """The levels (columns, rows), what one level of each y column is worth, and log2 of its converter's step."""
        chosen, states, channels = self.plan, self.states, self.channels
        cells = np.zeros((states + channels, self.rows), np.int64)
        index = np.arange(states)
        cells[index, self.heads] = chosen.w_u
        cells[index, channels + index] = chosen.w_p
        largest = np.abs(weights).max(axis=1)
        unit = np.where(largest > 0, largest, 1.0) / self.converters.level
        full, step = fitted(peak / unit, self.converters)
        unit = unit / full
        cells[states:] = np.rint(weights / unit[:, None]).astype(np.int64)
        return cells, unit, step

    @staticmethod
    def _phase(b: Builder, name: str, step: int) -> str:
        """A dither's phase by name: one that is there, else a new one."""
        if name not in b.ops:
            b.state(name, Type((1,), _PHASE_BITS, signed=False), "dither")
            b.updates[name] = b.add(Advance(step=step, bits=_PHASE_BITS), f"{name}_n", name, origin="dither")
        return name


def _requant(b: Builder, name: str, value: str, shift: Ints, most: int, origin: str, phase: str | None = None) -> str:
    low, high, bits = Table.integer(-most), Table.integer(most), _PHASE_BITS if phase else 0
    op = Requant(multiplier=Table.integer(1), shift=Table.integer(shift), low=low, high=high, phase_bits=bits)
    return b.add(op, name, *((value, phase) if phase else (value,)), origin=origin)


def _convert(b: Builder, name: str, value: str, step: Ints, reading: int, origin: str, phase: str | None = None) -> str:
    """A column converter; with a phase its threshold moves from step to step, so that no slow current goes unseen."""
    return _requant(b, name, value, step, reading, origin, phase)


def _scale(b: Builder, name: str, value: str, factor: Ints, origin: str) -> str:
    return b.add(Scale(factor=Table.integer(factor)), name, value, origin=origin)


def _drive_of(graph: Graph, layer: SsmLayer) -> str:
    """The integer value that drives the layer."""
    inject = graph.by_name.get(layer.drive)
    if not isinstance(inject, Inject):
        raise UnsupportedModelError(f"%{layer.drive} is not in the integer graph as one input a head")
    return inject.inputs[0]


def _spread(table: Table, count: int) -> Real:
    return np.asarray(np.broadcast_to(table.data, (count,)), np.float64)
