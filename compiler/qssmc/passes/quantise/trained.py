"""TrainedGrids: the part of the quantise walk that keeps what a model was trained with: quantisers, tables on grids."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.scales import is_power_of_two
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Activation, Add, Cast, Input, Matvec, Op
from qssmc.ir.table import Table
from qssmc.ir.types import UNTYPED
from qssmc.ir.verify import IRError
from qssmc.passes.quantise.grids import IntegerWindow
from qssmc.passes.quantise.options import QuantiseOptions
from qssmc.passes.quantise.scheme import Scheme, exact_table
from qssmc.passes.quantise.windows import Windows


class TrainedGrids(Windows):
    """names: the value that stands for an op; narrow: its cast, where it has one. curves: activations before they are
    rounded; rectified: relus that the casts behind them make, by their lower clamps. between: where a bias lies between
    two levels of its sum and is rounded down; sums: those that have a term with such a bias.
    """

    def __init__(self, graph: Graph, scheme: Scheme, options: QuantiseOptions) -> None:
        super().__init__(graph, scheme, options)
        self.names: dict[str, str] = {}
        self.narrow: dict[str, str] = {}
        self.curves: dict[str, str] = {}
        self.between: dict[str, NDArray[np.bool_]] = {}
        self.sums: set[str] = set()
        self.rectified: set[str] = set()

    @abstractmethod
    def operand(self, old: str, shared: bool = False) -> str:
        """The value of an op with few bits, all channels on one scale if that is asked for."""

    def cast_op(self, op: Cast) -> str:
        """A quantiser of the model, on what it rounded in training."""
        (old,) = op.inputs
        value, low = self.curves.get(old, self.names[old]), op.low
        if old in self.rectified:
            low = Table.integer(np.maximum(low.data, 0))
        scales = len(np.unique(op.scale.data)) == len(np.unique(op.low.data)) == len(np.unique(op.high.data)) == 1
        if isinstance(self.b.ops[value], Activation) and not scales:
            raise UnsupportedModelError(
                f"%{op.name} (from {op.origin}) quantises a nonlinearity, one table for all channels, with one scale a "
                "channel; quantise it with one scale a tensor"
            )
        even = None if op.even is None else self.ties(op, value)
        made = replace(op, low=low, even=even, name="", type=UNTYPED, inputs=(), origin="")
        return self.add(made, op.name, value, origin=op.origin)

    def ties(self, op: Cast, value: str) -> Table | None:
        """Which elements have ties: none whose bias lies between two levels of the sum, which has floor(bias) then."""
        made = self.b.ops[value]
        between = [self.between[name] for name in (value, *made.inputs) if name in self.between]
        if op.even is None or len(between) != 1 or not (value in self.between or isinstance(made, Add)):
            return op.even
        even = np.broadcast_to(op.even.data, op.type.shape) * ~between[0]
        return Table.integer(even[0]) if (even == even[0]).all() else Table.integer(even)

    def exact_operand(self, old: str, *, shared: bool = False) -> str:
        """An operand of what the model was trained with: the samples as they are, anything else narrow."""
        plain = isinstance(self.source[old], Input) and not (shared and np.ptp(self.scale(self.names[old])) > 0.0)
        return self.names[old] if plain else self.operand(old, shared=shared)

    def given(self, op: Op, name: str, *inputs: str) -> str:
        """An op with tables that the model was trained with."""
        try:
            return self.add(op, name, *inputs, origin=self.source[name].origin)
        except IRError as error:
            raise UnsupportedModelError(
                f"%{name} ({op.mnemonic}, from {self.source[name].origin}) sums terms of different scales; quantise "
                "its weights with one scale a tensor, a head or an output channel (axis 0), and what it reads with one "
                "a tensor"
            ) from error

    def given_matvec(self, op: Matvec) -> str:
        """Weights as they are. The bias is rounded down where a cast alone reads the sum, so that no result changes."""
        x = self.exact_operand(op.inputs[0], shared=True)
        assert op.weight.grid is not None
        scale = np.broadcast_to(op.weight.grid.scale, op.weight.shape) * self.scale(x)
        rows, bias = scale[:, 0], op.bias.data
        reader = self.cast_behind(op)
        if reader is not None and is_power_of_two(reader.scale.data / rows):
            bias = np.floor(bias / rows) * rows
            self.between[op.name] = bias != op.bias.data
        return self.given(Matvec(weight=op.weight, bias=exact_table(bias, rows)), op.name, x)

    def cast_behind(self, op: Op) -> Cast | None:
        """The quantiser of the model that alone reads a value: straight, through a relu, or through one sum.

        A sum has one such term, on whose grid the others are taken to lie.
        """
        total = ""
        while len(users := self.source.users[op.name]) == 1 and not isinstance(users[0], Cast):
            (op,) = users
            if isinstance(op, Add) and not total and op.name not in self.sums:
                total = op.name
            elif not isinstance(op, Activation) or op.kind != "relu":
                return None
        if len(users) != 1 or not isinstance(users[0], Cast):
            return None
        self.sums |= {total}
        return users[0]

    def activation(self, op: Activation) -> str:
        """A table from a narrow value to a narrow value: one table for all channels, so one scale on both sides."""
        users = self.source.users[op.name]
        leaves = op.name in self.source.updates.values() or any(o.value == op.name for o in self.source.outputs)
        cast_alone = bool(users) and all(isinstance(user, Cast) for user in users) and not leaves
        if cast_alone and op.kind == "relu":
            self.rectified.add(op.name)
            return self.names[op.inputs[0]]
        x = self.operand(op.inputs[0], shared=True)
        value = self.add(Activation(kind=op.kind), op.name, x, origin=op.origin)
        self.curves[op.name] = value
        if cast_alone:
            return value
        made, window = self.source[op.inputs[0]], self.window(op.name, True)
        if op.kind == "relu" and isinstance(made, Cast):  # on the grid of what it clamps nothing is rounded
            low, high = np.maximum(made.low.data, 0), np.maximum(made.high.data, 0)
            window = IntegerWindow(made.scale.data, low, high)
        self.narrow[op.name] = self.cast(f"{op.name}_q", value, window, op.origin)
        return self.narrow[op.name]
