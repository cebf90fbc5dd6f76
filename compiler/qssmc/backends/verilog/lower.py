"""Lower: from an integer graph to a circuit of library cells, op by op, layers as a whole where they fit the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Bound, bounds
from qssmc.backends.support import refusals
from qssmc.backends.verilog.arrays import Arrays
from qssmc.backends.verilog.circuit import Cell, Circuit, Net, Parameter, Port, Value, signed_width, width_of
from qssmc.backends.verilog.engine import DEPTH, engine
from qssmc.backends.verilog.issue_table import beats_of
from qssmc.backends.verilog.lut_multipliers import soften
from qssmc.backends.verilog.make import Ints, Maker
from qssmc.backends.verilog.products import Products, indices_of
from qssmc.backends.verilog.recurrence import Layer, absorbed, layers_of
from qssmc.backends.verilog.timing import Frame
from qssmc.crossbar.map import CrossbarMap
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import (
    Add,
    Advance,
    Concat,
    Constant,
    Diag,
    Inject,
    Input,
    Lut,
    Matvec,
    Mul,
    Normalize,
    Offset,
    Op,
    Pair,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    State,
    Take,
    Unpair,
    Xbar,
)
from qssmc.ir.text import op_line

Nets = tuple[Net, ...]  # of a value: one, or re and im


def lower(
    graph: Graph,
    lanes: int,
    multipliers: int | None = None,
    crossbar: CrossbarMap | None = None,
    *,
    argmax: bool = False,
    clocks: int | None = None,
) -> Circuit:
    """The circuit of an integer graph, without queues; multipliers: how many the device has, if they are few; argmax:
    outputs are the index of their largest element; clocks: that a sample may take, where not what its layers take.

    The reads of a crossbar map become controllers of arrays. Raises UnsupportedModelError with every reason, UsageError
    where the lanes need more multipliers.
    """
    _check(graph)
    circuit = _Lowering(graph, lanes, crossbar, clocks or clocks_of_layers(graph, lanes), argmax=argmax).run()
    if multipliers is not None:
        soften(circuit, lanes, multipliers)
    return circuit


def _check(graph: Graph) -> None:
    faults = refusals(graph.ops, supports)
    if len(graph.inputs) != 1:
        faults.append(f"the core has one input stream, but the graph has {len(graph.inputs)} inputs")
    if faults:
        raise UnsupportedModelError("Verilog: " + "; ".join(faults))


def clocks_of_layers(graph: Graph, lanes: int) -> int:
    """What a sample may take: the longest layer at this many lanes; without layers, the largest product."""
    layers = layers_of(graph)
    if layers:
        return max(DEPTH, *(beats_of(layer.heads, layer.channels, lanes).count for layer in layers))
    largest = [op.weight.data.size for op in graph.step_ops if isinstance(op, (Matvec, Xbar))]
    return max([1, *(-(-size // lanes) for size in largest)])


class _Lowering:
    """Holds what each value became, once for the steps and once for the end of a sequence."""

    def __init__(self, graph: Graph, lanes: int, crossbar: CrossbarMap | None, clocks: int, *, argmax: bool) -> None:
        self.graph, self.lanes, self.argmax = graph, lanes, argmax
        self.bounds = bounds(graph)
        self.layers = layers_of(graph)
        self.inside = absorbed(self.layers)
        (entrance,) = graph.inputs
        outputs = [f"m_{output.name}" for output in graph.outputs] + [f"out_{output.name}" for output in graph.outputs]
        self.names = {"s", "m", "token", *outputs}
        self.sample = Net(self._name(entrance.name), width_of(entrance.type), entrance.type.shape[0])
        self.token = Net("token", 1, 1)
        self.circuit = Circuit(graph.name, self.sample)
        self.make = Maker(self.circuit, clocks)
        self.arrays = Arrays(graph, self.bounds, crossbar)
        self.products = Products(graph, self.make, self._operand, self._name)
        self.values: dict[tuple[str, bool], Nets] = {}
        self.states: dict[str, list[Cell]] = {}

    def run(self) -> Circuit:
        """All cells, then the new values of states, then the outputs."""
        self._source()
        ends = {op.name for op in self.graph.last_ops if isinstance(op, State)}
        read = ends | {op.name for op in self.graph.step_ops}
        for state in self.graph.states:
            if state.name in read and state.name not in self.inside:
                self._state(state, state.name in ends)
        for op in self.graph.step_ops:
            self._op(op, False)
        for op in self.graph.last_ops:
            self._op(op, True)
        for name, cells in self.states.items():
            new = self.values[self.graph.updates[name], False]
            for cell, net in zip(cells, new, strict=True):
                cell.inputs["s"] = (net, int(self._number(cell, "W")))
        for output in self.graph.outputs:
            self._output(output.name, output.value, output.when == "last")
        self.circuit.blocks += self.arrays.blocks()
        self.circuit.values += [
            Value(name, nets, last)
            for (name, last), nets in self.values.items()
            if not isinstance(self.graph[name], (Input, State)) and self.sample not in nets
        ]
        return self.circuit

    @staticmethod
    def _number(cell: Cell, name: str) -> int:
        value = cell.parameters[name]
        assert isinstance(value, int)
        return value

    def _source(self) -> None:
        parameters: dict[str, Parameter] = {"W": self.sample.width, "N": self.sample.extent}
        self.make.about = op_line(self.graph.inputs[0])
        outputs = {"m": self.sample, "t": self.token}
        self.make.cell("qssm_source", "source", parameters, {}, outputs, Frame(self.sample.extent))

    def _output(self, name: str, value: str, last: bool) -> None:
        nets = self._operand(value, last)
        self.make.about = f"output {name} = %{value}"
        net = nets[0] if len(nets) == 1 else self.make.concat(self._name(f"{value}_parts"), *nets)
        width = width_of(self.graph[value].type)
        if self.argmax:
            net = self.make.argmax(self._name(f"{name}_largest"), net)
            width = net.width
        out = Net(f"out_{name}", width, net.extent, last)
        parameters: dict[str, Parameter] = {"W": width, "N": net.extent, "AT_END": int(last)}
        inputs = {"s": (net, width)} | ({} if last else {"t": (self.token, 1)})
        cell = self.make.cell("qssm_frame", f"frame_{name}", parameters, inputs, {"m": out}, Frame(net.extent))
        self.circuit.ports.append(Port(name, cell, width, net.extent, last))

    def _name(self, stem: str) -> str:
        while stem in self.names:
            stem += "_"
        self.names.add(stem)
        return stem

    def _op(self, op: Op, last: bool) -> None:
        """Lower one op."""
        if isinstance(op, (State, Constant)) or op.name in self.arrays.inside:
            return
        self.make.about = op_line(op)
        layer = None if last else self.inside.get(op.name)
        if layer is not None:
            if op is layer.readout:
                self.values[op.name, False] = (self._layer(layer),)
            return
        if isinstance(op, Input):
            self.values[op.name, last] = (self.sample,)
        elif op.name in self.products.summed:
            if isinstance(op, Add):
                self.values[op.name, last] = (self.products.sum(op, "_end" if last else "", last),)
        elif op.name in self.arrays.converters:
            self._convert(op, last)
        elif op.name in self.products.parted and not last:
            return  # each piece of it is a product of its own
        elif isinstance(op, (Take, Slice)) and op.inputs[0] in self.products.parted and not last:
            self.values[op.name, last] = (self.products.piece(op),)
        else:
            suffix = "_end" if last else ""
            operands = [self._operand(name, last) for name in op.inputs]
            self.values[op.name, last] = _LOWER[type(op)](self, op, suffix, last, *operands)

    def _operand(self, name: str, last: bool) -> Nets:
        """What an operand became. A constant is made anew for every reader, so that none waits for another."""
        op = self.graph[name]
        if isinstance(op, Constant):
            return self.constant(op, "_end" if last else "", last)
        return self.values[name, last]

    def _state(self, op: State, has_last: bool) -> None:
        """In the closing phase, a state is its value as the last sample left it."""
        self.make.about = op_line(op)
        width, (extent,) = width_of(op.type), op.type.shape
        parts = ("_re", "_im") if op.type.complex else ("",)
        made = [self.make.state(self._name(op.name + part), width, extent, self.token, has_last) for part in parts]
        self.states[op.name] = [cell for cell, _, _ in made]
        self.values[op.name, False] = tuple(old for _, old, _ in made)
        self.values[op.name, True] = tuple(end for _, _, end in made)

    def _convert(self, op: Op, last: bool) -> None:
        """The first converter of a read makes its controller; what each gives are its columns of all."""
        product = self.arrays.converters[op.name]
        if product.control is None:
            phase = None if product.phase is None else self._operand(product.phase, last)[0]
            rows = self._operand(product.op.inputs[0], last)[0]
            self.arrays.control(self.make, self._name(product.op.name), product, rows, phase)
            self.make.about = op_line(op)
        assert product.control is not None
        columns = next(converter.columns for converter in product.converters if converter.op is op)
        codes = product.control.outputs["m"]
        self.values[op.name, last] = (self.make.take(self._name(op.name), codes, columns),)

    # --- layers ------------------------------------------------------------------------------------------------------

    def _layer(self, layer: Layer) -> Net:
        """The SSM engine, which does all ops of a layer."""
        (u,) = self.values[layer.u, False]
        y = Net(self._name(layer.readout.name), width_of(layer.readout.type), layer.channels)
        made = engine(layer, self.lanes, u.width, y.width, width_of(layer.state.type), self._sum_width(layer))
        inputs = {"s": (u, u.width), "t": (self.token, 1)}
        if layer.phase is not None:
            inputs["p"] = (self.values[layer.phase, False][0], layer.requant.phase_bits)
        lines = [op_line(self.graph[op.name]) for op in self.graph.ops if self.inside.get(op.name) is layer]
        self.make.about = "\n".join(lines)
        self.make.cell(
            "qssm_ssm", y.name, made.parameters, inputs, {"m": y}, made.timing,
            multipliers=made.multipliers, work=made.work, ram=made.ram, saturates=True,
        )  # fmt: skip
        return y

    def _sum_width(self, layer: Layer) -> int:
        """Bits of A x + (B u) 2^raise + d, and of x 2^keep where that is added before the shift back."""
        if not layer.kept_after:
            return self.bounds[layer.requant.name].inner_width
        terms = [self.bounds[name].value for name in layer.total.inputs if name != layer.kept]
        low = sum(term.low for term in terms)
        high = sum(term.high for term in terms) + (1 << layer.shift)[:, None]
        return signed_width(int(np.min(low)), int(np.max(high)))

    # --- single ops --------------------------------------------------------------------------------------------------

    def _parts(self, op: Op, suffix: str) -> list[str]:
        parts = ("_re", "_im") if op.type.complex else ("",)
        return [self._name(f"{op.name}{suffix}{part}") for part in parts]

    def constant(self, op: Constant, suffix: str, last: bool) -> Nets:
        return (self.make.constant(self._name(op.name + suffix), op.value.data, width_of(op.type), last),)

    def matvec(self, op: Matvec | Xbar, suffix: str, last: bool, x: Nets) -> Nets:
        bias = op.bias.data if isinstance(op, Matvec) else np.zeros(op.type.shape[0], np.int64)
        return (self.make.dot(self._name(op.name + suffix), x[0], op.weight.data, bias, width_of(op.type)),)

    def diag(self, op: Diag, suffix: str, last: bool, x: Nets) -> Nets:
        a, width = op.lambda_bar.data, width_of(op.type)
        sums = []
        for part, (own, other) in zip(("_re", "_im"), ((0, 1), (1, 0)), strict=True):
            one, two = (
                self.make.scale(self._name(f"{op.name}{suffix}{part}{k}"), x[lane], a[:, k], width)
                for k, lane in ((0, own), (1, other))
            )
            sums.append(self.make.add(self._name(f"{op.name}{suffix}{part}"), one, two, width, subtract=part == "_re"))
        return tuple(sums)

    def inject(self, op: Inject, suffix: str, last: bool, u: Nets) -> Nets:
        b, width = op.b_bar.data, width_of(op.type)
        names = self._parts(op, suffix)
        if op.heads is None:
            zero = np.zeros(op.type.shape[0], np.int64)
            return tuple(self.make.dot(name, u[0], b[..., k], zero, width) for k, name in enumerate(names))
        spread = self.make.take(self._name(f"{op.name}{suffix}_u"), u[0], op.heads.data)
        return tuple(self.make.scale(name, spread, b[:, k], width) for k, name in enumerate(names))

    def readout(self, op: Readout, suffix: str, last: bool, x: Nets) -> Nets:
        c, width, name = op.c.data, width_of(op.type), op.name + suffix
        if op.heads is None:
            zero = np.zeros(op.channels, np.int64)
            re, im = (self.make.dot(self._name(f"{name}_{k}"), x[k], c[..., k], zero, width) for k in (0, 1))
            return (self.make.add(self._name(name), re, im, width, subtract=True),)
        order = np.argsort(op.heads.data, kind="stable")
        re, im = (
            self.make.scale(
                self._name(f"{name}_{k}"), self.make.take(self._name(f"{name}_{k}_x"), x[k], order), c[order, k], width
            )
            for k in (0, 1)
        )
        terms = self.make.add(self._name(f"{name}_terms"), re, im, width, subtract=True)
        counts = np.bincount(op.heads.data, minlength=op.channels)
        return (self.make.segment(self._name(name), terms, counts, width),)

    def scale(self, op: Scale, suffix: str, last: bool, x: Nets) -> Nets:
        factors = _each(op.factor.data, op)
        width = width_of(op.type)
        return tuple(self.make.scale(n, net, factors, width) for n, net in zip(self._parts(op, suffix), x, strict=True))

    def offset(self, op: Offset, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.offset(self._name(op.name + suffix), x[0], op.value.data, width_of(op.type)),)

    def add(self, op: Add, suffix: str, last: bool, *terms: Nets) -> Nets:
        width, sums = width_of(op.type), []
        for k, name in enumerate(self._parts(op, suffix)):
            total = terms[0][k]
            for i, term in enumerate(terms[1:], 2):
                step = name if i == len(terms) else self._name(f"{name}_{i}")
                total = self.make.add(step, total, term[k], width)
            sums.append(total)
        return tuple(sums)

    def mul(self, op: Mul, suffix: str, last: bool, a: Nets, b: Nets) -> Nets:
        return (self.make.product(self._name(op.name + suffix), a[0], b[0], width_of(op.type)),)

    def shift_left(self, op: ShiftLeft, suffix: str, last: bool, x: Nets) -> Nets:
        amounts, width = _each(op.amount.data, op), width_of(op.type)
        names = self._parts(op, suffix)
        if not amounts.any():
            return x
        return tuple(self.make.shift(name, net, amounts, width) for name, net in zip(names, x, strict=True))

    def take(self, op: Take | Slice, suffix: str, last: bool, x: Nets) -> Nets:
        chosen = indices_of(op)
        names = self._parts(op, suffix)
        return tuple(self.make.take(name, net, chosen) for name, net in zip(names, x, strict=True))

    def concat(self, op: Concat, suffix: str, last: bool, *parts: Nets) -> Nets:
        whole = []
        for k, name in enumerate(self._parts(op, suffix)):
            net = parts[0][k]
            for i, part in enumerate(parts[1:], 2):
                net = self.make.concat(name if i == len(parts) else self._name(f"{name}_{i}"), net, part[k])
            whole.append(net)
        return tuple(whole)

    def unpair(self, op: Unpair, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.concat(self._name(op.name + suffix), x[0], x[1]),)

    def pair(self, op: Pair, suffix: str, last: bool, x: Nets) -> Nets:
        half = op.type.shape[0]
        names = self._parts(op, suffix)
        return tuple(self.make.take(name, x[0], np.arange(k * half, (k + 1) * half)) for k, name in enumerate(names))

    def requant(self, op: Requant, suffix: str, last: bool, x: Nets, phase: Nets | None = None) -> Nets:
        multiplier, shift, low, high = (_each(t.data, op) for t in (op.multiplier, op.shift, op.low, op.high))
        names = self._parts(op, suffix)
        if phase is None and self._is_identity(op, multiplier, shift, low, high):
            return x
        floor, ceiling = op.type.bounds
        rows = (shift, np.maximum(low, floor), np.minimum(high, ceiling))
        inner = self.bounds[op.name].inner_width
        found = []
        for name, net in zip(names, x, strict=True):
            source = net
            if (multiplier != 1).any():
                source = self.make.scale(self._name(f"{name}_scaled"), net, multiplier, inner)
            by = None if phase is None else (phase[0], op.phase_bits)
            found.append(self.make.requant(name, source, rows, width_of(op.type), inner, by))
        return tuple(found)

    def _is_identity(self, op: Requant, multiplier: Ints, shift: Ints, low: Ints, high: Ints) -> bool:
        """Whether nothing is rounded and, by proof, nothing clamped."""
        proven: Bound = self.bounds[op.inputs[0]]
        axis = (slice(None), None) if op.type.complex else slice(None)
        inside = (proven.value.low >= low[axis]).all() and (proven.value.high <= high[axis]).all()
        return bool((multiplier == 1).all() and (shift == 0).all() and inside)

    def lut(self, op: Lut, suffix: str, last: bool, x: Nets) -> Nets:
        first = _each(op.first.data, op)
        return (self.make.lut(self._name(op.name + suffix), x[0], op.entries.data, first, width_of(op.type)),)

    def normalize(self, op: Normalize, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.norm(self._name(op.name + suffix), x[0], op.eps, op.frac, width_of(op.type)),)

    def advance(self, op: Advance, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.advance(self._name(op.name + suffix), x[0], op.step, op.bits),)


def _each(data: NDArray[Any], op: Op) -> Ints:
    return np.array(np.broadcast_to(data, op.type.shape), np.int64)


_LOWER: dict[type[Op], Callable[..., Nets]] = {
    Matvec: _Lowering.matvec,
    Xbar: _Lowering.matvec,
    Diag: _Lowering.diag,
    Inject: _Lowering.inject,
    Readout: _Lowering.readout,
    Scale: _Lowering.scale,
    Offset: _Lowering.offset,
    Add: _Lowering.add,
    Mul: _Lowering.mul,
    ShiftLeft: _Lowering.shift_left,
    Take: _Lowering.take,
    Slice: _Lowering.take,
    Concat: _Lowering.concat,
    Unpair: _Lowering.unpair,
    Pair: _Lowering.pair,
    Requant: _Lowering.requant,
    Lut: _Lowering.lut,
    Normalize: _Lowering.normalize,
    Advance: _Lowering.advance,
}


def supports(op: Op) -> str | None:
    """None, or why an integer op cannot become cells of the library."""
    if 0 in op.type.shape:
        return "has no elements"
    return None if isinstance(op, (Input, State, Constant)) or type(op) in _LOWER else "has no cell in the library"
