"""Lower: from an integer graph to a circuit of library cells, op by op, layers as a whole where they fit the engine."""

from __future__ import annotations

import numpy as np

from qssmc.analysis.bounds import bounds
from qssmc.backends.support import refusals
from qssmc.backends.verilog.arrays import Arrays
from qssmc.backends.verilog.circuit import (
    Cell,
    Circuit,
    Net,
    OutputPort,
    Parameter,
    TracedValue,
    signed_width,
    width_of,
)
from qssmc.backends.verilog.engine import DEPTH, engine
from qssmc.backends.verilog.issue_table import issue_table
from qssmc.backends.verilog.lut_multipliers import use_lut_multipliers
from qssmc.backends.verilog.make import Maker
from qssmc.backends.verilog.op_cells import RULES, Nets, OpCells
from qssmc.backends.verilog.products import Products
from qssmc.backends.verilog.recurrence import Layer, absorbed, layers_of
from qssmc.backends.verilog.timing import Frame
from qssmc.crossbar.map import CrossbarMap
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import (
    Add,
    Constant,
    Input,
    Matvec,
    Op,
    Slice,
    State,
    Take,
    Xbar,
)
from qssmc.ir.text import op_line


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
        use_lut_multipliers(circuit, lanes, multipliers)
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
        return max(DEPTH, *(issue_table(layer.heads, layer.channels, lanes).count for layer in layers))
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
        self.ops = OpCells(self.make, self.bounds, self._name)
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
            TracedValue(name, nets, last)
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
        self.circuit.ports.append(OutputPort(name, cell, width, net.extent, last))

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
            self.values[op.name, last] = RULES[type(op)](self.ops, op, suffix, last, *operands)

    def _operand(self, name: str, last: bool) -> Nets:
        """What an operand became. A constant is made anew for every reader, so that none waits for another."""
        op = self.graph[name]
        if isinstance(op, Constant):
            return self.ops.constant(op, "_end" if last else "", last)
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


def supports(op: Op) -> str | None:
    """None, or why an integer op cannot become cells of the library."""
    if 0 in op.type.shape:
        return "has no elements"
    return None if isinstance(op, (Input, State, Constant)) or type(op) in RULES else "has no cell in the library"
