"""Fuse: every SSM kernel of an integer graph becomes one crossbar operation a head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qssmc.analysis.bounds import Bound, bounds
from qssmc.analysis.integer_layers import IntegerLayer, Integers, each, integer_layers, shift_of
from qssmc.crossbar.names import KERNEL
from qssmc.crossbar.options import Form
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Concat, Matvec, Offset, Op, Pair, Requant, Slice, Take, Unpair, Xbar
from qssmc.ir.table import Table
from qssmc.ir.types import WIDEST
from qssmc.ir.verify import verify
from qssmc.passes.fuse.forms import RULES, FormRule, head_matrix
from qssmc.passes.fuse.retime import retime
from qssmc.passes.rewrite import Rebuilder


@dataclass(frozen=True)
class Fuse:
    """Proven integer graph to one in which each head's state update, readout and feedthrough are one xbar op.

    form says what its columns are (see qssmc.passes.fuse.forms); dense: the other matrices become xbar ops too, their
    biases staying digital. A late form delays what follows y, and flushes the sequence's answer (see retime).

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : integer
    ... %u : i4[1] = input
    ... %x : ci8[1] = state
    ... %ax : ci16[1] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : ci8[1] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %sum : ci17[1] = add %ax %bu
    ... %xn : ci8[1] = requant %sum multiplier=1 shift=4 low=-99 high=99
    ... %y : i17[1] = readout %xn c=@y.c heads=@bu.heads channels=1
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : int[1,2]
    ...   15 3
    ... table @bu.b_bar : int[1,2]
    ...   2 0
    ... table @bu.heads : int[1]
    ...   0
    ... table @y.c : int[1,2]
    ...   5 -6''')
    >>> after = Fuse("incremental-lookahead")(before)
    >>> [after["x_kernel_h0"].weight.data[:, row].tolist() for row in range(3)]
    [[2, 0, 1], [-1, 3, 6], [-3, -1, 5]]
    """

    form: Form = "incremental"
    dense: bool = False

    def __call__(self, graph: Graph) -> Graph:
        walk = _Walk(graph, integer_layers(graph), RULES[self.form], self.dense)
        return retime(*walk.built())


class _Walk:
    """names: the value that stands for each op; late: values that come one step late."""

    def __init__(self, graph: Graph, layers: tuple[IntegerLayer, ...], rule: FormRule, dense: bool) -> None:
        self.source, self.rule, self.dense = graph, rule, dense
        self.b = Rebuilder(graph, "integer")
        self.proven = bounds(graph)
        self.names: dict[str, str] = {}
        self.late: set[str] = set()
        self.updating = {layer.ops.update: layer for layer in layers}
        self.answering = {layer.ops.result: layer for layer in layers}
        self.answers: dict[str, list[str]] = {}

    def built(self) -> tuple[Graph, frozenset[str]]:
        """The fused graph before its late values are timed, and these."""
        for op in self.source.ops:
            self.names[op.name] = self.stand_in(op)
        self.b.updates |= {self.names[state]: self.names[value] for state, value in self.source.updates.items()}
        self.b.outputs = [replace(o, value=self.names[o.value]) for o in self.source.outputs]
        graph = self.b.graph()
        scales = {name: table for name, table in self.source.scales.items() if name in graph.by_name}
        kept = {name: table for name, table in self.source.kept.items() if name in graph.by_name}
        return verify(replace(graph, scales=scales, kept=kept)).without_dead_ops(), frozenset(self.late)

    def stand_in(self, op: Op) -> str:
        """What takes the place of an op."""
        if op.name in self.updating:
            assert isinstance(op, Requant)
            return self.update(self.updating[op.name], op)
        if op.name in self.answering:
            return self.answer(self.answering[op.name], op)
        inputs = tuple(self.names[name] for name in op.inputs)
        if self.dense and isinstance(op, Matvec):
            product = self.b.add(Xbar(weight=op.weight), self.b.fresh(f"{op.name}_product"), *inputs, origin=op.origin)
            return self.b.add(Offset(value=op.bias), op.name, product, origin=op.origin)
        return self.b.append(replace(op, inputs=inputs))

    def update(self, layer: IntegerLayer, op: Requant) -> str:
        """All heads of a layer: their operations, and the new state."""
        count = len(layer.heads)
        exact = not self.rule.increment and self.rule.late  # needs no shift, so a multiplier beside it does no harm
        shift = np.zeros(count, np.int64) if exact else shift_of(op, count)
        drive = self.names[layer.u]
        rows = [drive, self.b.add(Unpair(), self.fresh(layer, "lanes"), layer.ops.state, origin=op.origin)]
        if self.rule.late:
            rows.append(self.last_drive(layer, drive, op.origin))
        parts = [
            self.head(layer, head, rows, head_matrix(layer, head, shift, self.rule), op.origin)
            for head in range(len(layer.d))
        ]
        self.answers[layer.ops.result] = [part[1] for part in parts]
        lanes = self.b.add(
            Concat(), self.fresh(layer, "by_head"), *(part[0] for part in parts if part[0]), origin=op.origin
        )
        order = np.concatenate([layer.states_of(head) for head in range(len(layer.d))])
        total = self.paired(layer, lanes, order, op.origin)
        phase = tuple(self.names[name] for name in op.inputs[1:])
        if not self.rule.increment:
            return self.b.append(replace(op, inputs=(total, *phase)))
        return self.added(layer, op, total, phase, shift)

    def head(self, layer: IntegerLayer, head: int, rows: list[str], matrix: Integers, origin: str) -> tuple[str, str]:
        """The operation of one head: its state columns ("" for a head without states) and its y."""
        at, mine, states = f"h{head}", layer.states_of(head), len(layer.heads)
        chosen = [np.array([head]), np.concatenate([mine, mine + states]), np.array([head])]
        taken = [
            self.b.add(Take(indices=Table.integer(indices)), self.fresh(layer, f"{part}_{at}"), value, origin=origin)
            for part, value, indices in zip(("u", "x", "u_last"), rows, chosen, strict=False)
            if len(indices)
        ]
        operand = self.b.add(Concat(), self.fresh(layer, f"rows_{at}"), *taken, origin=origin)
        name = self.b.fresh(f"{layer.stem}{KERNEL}{head}")
        product = self.b.add(Xbar(weight=Table.integer(matrix)), name, operand, origin=origin)
        y = self.b.add(
            Slice(start=2 * len(mine), stop=2 * len(mine) + 1), self.fresh(layer, f"y_{at}"), product, origin=origin
        )
        if not len(mine):
            return "", y
        x = self.b.add(Slice(start=0, stop=2 * len(mine)), self.fresh(layer, f"dx_{at}"), product, origin=origin)
        return x, y

    def paired(self, layer: IntegerLayer, lanes: str, order: Integers, origin: str) -> str:
        """The columns of all heads, each re then im, as complex states in the layer's order."""
        at = np.zeros((2, len(order)), np.int64)
        start = 0
        for head in range(len(layer.d)):
            mine = layer.states_of(head)
            for lane in (0, 1):
                at[lane, mine] = start + np.arange(len(mine))
                start += len(mine)
        indices = Table.integer(at.ravel())
        taken = self.b.add(Take(indices=indices), self.fresh(layer, "columns"), lanes, origin=origin)
        return self.b.add(Pair(), self.fresh(layer, "total"), taken, origin=origin)

    def added(self, layer: IntegerLayer, op: Requant, total: str, phase: tuple[str, ...], shift: Integers) -> str:
        """The register: its state plus the rounded increment, saturated.

        floor((x 2^s + z + d) / 2^s) is x + floor((z + d) / 2^s), so nothing changes; the increment is clamped where
        the register would saturate anyway.
        """
        low, high = each(op.low, len(shift)), each(op.high, len(shift))
        reach = Table.integer(np.maximum(high, 0) - np.minimum(low, 0))
        step = replace(op, low=Table.integer(-reach.data), high=reach, inputs=(total, *phase))
        step = replace(step, name=self.b.fresh(f"{layer.stem}_dx"))
        moved = self.b.add(Add(), self.fresh(layer, "moved"), layer.ops.state, self.b.append(step), origin=op.origin)
        return self.b.add(
            Requant(multiplier=Table.integer(1), shift=Table.integer(0), low=op.low, high=op.high),
            op.name,
            moved,
            origin=op.origin,
        )

    def last_drive(self, layer: IntegerLayer, drive: str, origin: str) -> str:
        """A register that keeps u for the step after."""
        type_ = self.b.type(drive)
        state = self.b.state(self.fresh(layer, "u_last"), replace(type_, width=WIDEST, signed=True), origin)
        bound = self.proven[layer.u]
        self.b.updates[state] = hold(self.b, self.fresh(layer, "u_kept"), drive, bound, origin)
        return state

    def answer(self, layer: IntegerLayer, op: Op) -> str:
        """y of all heads, in channel order; a late one stands for what y was a step ago."""
        if layer.ops.result not in self.answers:
            raise UnsupportedModelError(f"%{op.name} (from {op.origin}) is read before its state is updated")
        value = self.b.add(Concat(), op.name, *self.answers[layer.ops.result], origin=op.origin)
        if self.rule.late:
            self.late.add(value)
        return value

    def fresh(self, layer: IntegerLayer, what: str) -> str:
        """A name of a part of a layer."""
        return self.b.fresh(f"{layer.stem}_{what}")


def hold(b: Rebuilder, name: str, value: str, bound: Bound, origin: str) -> str:
    """The value as a register takes it: clamped to what is proven of it, which changes nothing."""
    low, high = bound.value.span
    one, none = Table.integer(1), Table.integer(0)
    return b.add(
        Requant(multiplier=one, shift=none, low=Table.integer(min(low, 0)), high=Table.integer(max(high, 0))),
        name,
        value,
        origin=origin,
    )
