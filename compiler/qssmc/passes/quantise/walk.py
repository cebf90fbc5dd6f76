"""The walk of the quantise pass: every table onto a grid, and a cast wherever a value must become narrow again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.real_states import real_states
from qssmc.data.sequences import InputFormat
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import (
    Activation,
    Add,
    Advance,
    Cast,
    Constant,
    Diag,
    Inject,
    Input,
    LayerNorm,
    Matvec,
    Mul,
    Offset,
    Op,
    Readout,
    RMSNorm,
    Scale,
    Slice,
    State,
    Take,
)
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import Type
from qssmc.ir.verify import verify
from qssmc.passes.quantise.grids import IntegerWindow, power_of_two_scale, round_to
from qssmc.passes.quantise.options import QuantiseOptions
from qssmc.passes.quantise.qssm import Qssm
from qssmc.passes.quantise.scheme import Real, Scheme, exact_table, group_max
from qssmc.passes.quantise.survey import (
    finest_unit,
    heads_of_states,
    in_time_order,
    is_counter,
    moved_ranges,
    steps_to_centre,
)
from qssmc.passes.quantise.trained import TrainedGrids
from qssmc.passes.quantise.zhao import Zhao

_SCHEMES: dict[str, type[Scheme]] = {"qssm": Qssm, "zhao": Zhao}
_COUNTER_BITS = 16  # of the bias that a step counter multiplies
PHASE_STEP, PHASE_BITS = 40503, 16  # 2^16 divided by the golden ratio: odd, so that every threshold has its turn
_NORM_BITS = 12  # a normalised value brings its own fraction; gamma need not be finer than 2^-16 of the result


@dataclass(frozen=True)
class Quantise:
    """The calibrated discrete graph with every table rounded onto a grid and casts between the ops.

    The result still computes with real numbers, each of them on its grid: it is the design, seen by a float model.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %r : f64[1] = activation %u kind=relu
    ... output y : step = %r
    ... range %u : real[7,1]
    ...   -1.0 1.0 -1.0 1.0 -1.0 1.0 0.5
    ... range %r : real[7,1]
    ...   0.0 1.0 0.0 1.0 0.0 1.0 0.5''')
    >>> print(print_graph(Quantise(QuantiseOptions(activation_bits=3), InputFormat(8, 7, True))(before)), end="")
    graph t : quantised
    %u : f64[1] = input
    %u_q : f64[1] = cast %u scale=0.5 low=-3 high=4
    %r : f64[1] = activation %u_q kind=relu
    %r_q : f64[1] = cast %r scale=0.25 low=0 high=7
    output y : step = %r_q
    """

    options: QuantiseOptions
    input_format: InputFormat

    def __call__(self, graph: Graph) -> Graph:
        return _Walk(graph, _SCHEMES[self.options.scheme](self.options), self.options, self.input_format).graph()


class _Walk(TrainedGrids):
    """Builds the quantised graph op by op.

    narrow: the cast of an op's exact ("wide") value, made when an operand must have few bits.
    """

    def __init__(self, graph: Graph, scheme: Scheme, options: QuantiseOptions, input_format: InputFormat) -> None:
        super().__init__(graph, scheme, options)
        self.input_format = input_format
        self.heads = heads_of_states(graph)
        self.real_states = real_states(graph)
        self.transitions = {found.transition: found for found in self.real_states.values()}
        self.phase: tuple[str, ...] = ()  # the dither of all states, made for the first of them
        self.counters: dict[str, str] = {}
        self.held: dict[str, str] = {}  # what plain states become
        self.moved: dict[str, tuple[str, Real]] = {}  # the cast of an input less its centre, and the centre

    def graph(self) -> Graph:
        """The quantised graph."""
        for op in in_time_order(self.source):
            if type(op) not in _STEPS:
                raise UnsupportedModelError(f"%{op.name} ({op.mnemonic}, from {op.origin}) has no quantised form")
            self.names[op.name] = _STEPS[type(op)](self, op)
        updates = {state: self.narrow.get(new, self.names[new]) for state, new in self.source.updates.items()}
        self.b.updates = updates | self.held | self.counters
        self.b.outputs = [replace(output, value=self.names[output.value]) for output in self.source.outputs]
        built = self.b.graph()
        kept = {name: table for name, table in self.source.kept.items() if name in built.by_name}
        return verify(replace(built, kept=kept)).without_dead_ops()

    # --- operands ---------------------------------------------------------------------------------------------------

    def operand(self, old: str, shared: bool = False) -> str:
        """The value of an op as a narrow operand. The first use decides whether all channels share a scale.

        A later use that needs a shared one makes a second cast.
        """
        value, op = self.names[old], self.source[old]
        if isinstance(self.b.ops[value], State):
            return value
        found = value if isinstance(self.b.ops[value], Cast) else self.narrow.get(old)
        if found is not None and not (shared and np.ptp(self.scale(found)) > 0.0):
            return found
        if isinstance(op, Cast):
            raise UnsupportedModelError(
                f"%{old} (from {op.origin}) is quantised with one scale a channel, but what reads it adds up or "
                "compares its channels or is one table for all of them; quantise it with one scale a tensor"
            )
        if isinstance(op, Take) and not shared:
            return value
        if isinstance(op, Slice) and not shared and self.is_narrow(op.inputs[0]):
            return value
        window = self.window(old, shared)
        if found is not None:
            return self.cast(f"{old}_shared_q", value, window, op.origin)
        self.narrow[old] = self.cast(f"{old}_q", value, window, op.origin)
        return self.narrow[old]

    def is_narrow(self, old: str) -> bool:
        """Whether the value of an op is a cast."""
        return self.names[old] == self.narrow.get(old) or isinstance(self.b.ops[self.names[old]], Cast)

    # --- one step an op ----------------------------------------------------------------------------------------------

    def input(self, op: Input) -> str:
        """The sensor's samples, on the sensor's grid; moved towards 0 by whole steps where that saves a bit."""
        self.b.append(op)
        unit = self.scales[op.name] = self.input_format.units(op.type.shape[0])
        if self.feeds_matrices(op):
            ranges = self.source.ranges[op.name].data
            centre = unit * steps_to_centre(ranges, unit)
            if centre.any():
                name = self.b.fresh(f"{op.name}_moved")
                self.add(Offset(value=exact_table(-centre, unit)), name, op.name, origin=op.origin)
                window = self.sensor_window(op, moved_ranges(ranges, centre))
                self.moved[op.name] = (self.cast(f"{name}_q", name, window, op.origin), centre)
        return op.name

    def state(self, op: State) -> str:
        """A recurrence, complex or real, lies on the scheme's grid; a running sum takes the grid of what it sums, a
        plain state that of the value that it becomes.
        """
        self.b.append(op)
        update = self.source[self.source.updates[op.name]]
        if isinstance(update, Cast):
            self.scales[op.name] = np.broadcast_to(update.scale.data, op.type.shape)
        elif op.type.complex or op.name in self.real_states:
            window = self.state_window(self.source.updates[op.name], self.heads.get(op.name))
            self.scales[op.name] = np.broadcast_to(window.scale, op.type.shape)
        elif op.name in self.source[self.source.updates[op.name]].inputs:
            self.scales[op.name] = None
        else:
            self.scales[op.name] = self.scale(self.hold(op))
        return op.name

    def hold(self, op: State) -> str:
        """The cast that a plain state becomes: that of the value as an operand, or one of its own.

        A table holds its cast, so that a state which becomes an activation has one more, on the same grid; a state
        that becomes what another one was takes the grid of that.
        """
        new = self.source.updates[op.name]
        if new not in self.names:
            raise UnsupportedModelError(f"%{op.name} (from {op.origin}) must become a value that is made before it")
        if new in self.held:
            made = self.b.ops[self.held[new]]
            assert isinstance(made, Cast)
            window = IntegerWindow(made.scale.data, made.low.data, made.high.data)
            self.held[op.name] = self.cast(f"{op.name}_q", new, window, op.origin)
            return self.held[op.name]
        value = self.operand(new)
        made = self.b.ops[value]
        if not isinstance(made, Cast):
            value = self.cast(f"{op.name}_q", value, self.window(new, False), op.origin)
        elif isinstance(self.source[new], Activation):
            window = IntegerWindow(made.scale.data, made.low.data, made.high.data)
            value = self.cast(f"{op.name}_q", value, window, op.origin)
        self.held[op.name] = value
        return value

    def constant(self, op: Constant) -> str:
        """A count of steps: an integer already."""
        self.b.append(op)
        self.note(op.name)
        return op.name

    def matvec(self, op: Matvec) -> str:
        """Weights of few bits; the bias on the accumulator's grid."""
        if op.weight.grid is not None:
            return self.given_matvec(op)
        x, bias = self.operand(op.inputs[0]), op.bias.data
        if op.inputs[0] in self.moved:
            x, centre = self.moved[op.inputs[0]]
            bias = bias + op.weight.data @ centre
        if is_counter(self.source, op.inputs[0]):
            step = power_of_two_scale(op.weight.data, _COUNTER_BITS, (0, 1), finest_unit(self.source, op).max())
            weight = Table.real(round_to(op.weight.data, step, _COUNTER_BITS), Grid.of(step, _COUNTER_BITS))
        else:
            weight = self.scheme.matrix(
                op.weight.data,
                self.scale(x),
                finest_unit(self.source, op),
                self.bits(f"{op.name}.weight", self.options.weight_bits),
            )
        assert weight.grid is not None
        rows = (np.broadcast_to(weight.grid.scale, weight.data.shape) * self.scale(x))[:, 0]
        return self.add(Matvec(weight=weight, bias=exact_table(bias, rows)), op.name, x, origin=op.origin)

    def diag(self, op: Diag) -> str:
        """The state transition."""
        if op.lambda_bar.grid is not None:
            return self.given(Diag(lambda_bar=op.lambda_bar), op.name, self.names[op.inputs[0]])
        heads = self.heads[op.inputs[0]]
        bits = self.bits(f"{op.name}.lambda_bar", self.options.a_bits)
        state_bits = self.bits(self.source.updates[op.inputs[0]], self.options.state_bits)
        before = set(self.b.ops)
        value = self.scheme.transition(self.b, op, self.names[op.inputs[0]], heads, bits, state_bits)
        self.note_since(before)
        return self.state_term(op, value, heads)

    def decay(self, op: Scale, state: str) -> str:
        """The transition of a real state."""
        bits = self.bits(f"{op.name}.factor", self.options.a_bits)
        state_bits = self.bits(self.source.updates[state], self.options.state_bits)
        before = set(self.b.ops)
        value = self.scheme.decay(self.b, op, self.names[state], bits, state_bits)
        self.note_since(before)
        return self.state_term(op, value)

    def note_since(self, before: set[str]) -> None:
        """Work out the scales of what a scheme has added."""
        for name in self.b.ops:
            if name not in before:
                self.note(name)

    def inject(self, op: Inject) -> str:
        """The input of the states."""
        if op.b_bar.grid is not None:
            u = self.exact_operand(op.inputs[0], shared=op.heads is None)
            return self.given(Inject(b_bar=op.b_bar, heads=op.heads), op.name, u)
        u, bits = self.operand(op.inputs[0]), self.weight_bits(f"{op.name}.b_bar")
        if op.heads is not None:
            heads = op.heads.data
            least = finest_unit(self.source, op) / self.scale(u)[heads]
            b_bar = self.scheme.per_state(op.b_bar.data, heads, least, bits)
        else:
            # All terms of one state's sum must share a scale, so the inputs' scales go into the columns.
            heads, columns = np.zeros(op.type.shape[0], np.int64), self.scale(u)[None, :, None]
            weighted = self.scheme.per_state(op.b_bar.data * columns, heads, finest_unit(self.source, op), bits)
            b_bar = _unweighted(weighted, columns)
        return self.state_term(op, self.add(Inject(b_bar=b_bar, heads=op.heads), op.name, u, origin=op.origin), heads)

    def state_term(self, op: Op, value: str, heads: NDArray[np.int64] | None = None) -> str:
        """lambda_bar x or b_bar u, rounded if the scheme does so."""
        if not self.scheme.rounds_state_terms:
            return value
        return self.cast(f"{op.name}_q", value, self.state_window(op.name, heads), op.origin)

    def readout(self, op: Readout) -> str:
        """The output of the states, from the rounded state or from the sum behind it."""
        old = op.inputs[0]
        value = self.names[old] if self.scheme.reads_sum else self.narrow.get(old, self.names[old])
        if op.c.grid is not None:
            return self.given(Readout(c=op.c, heads=op.heads, channels=op.channels), op.name, value)
        unit, bits = self.unit_of_heads(op, value), self.weight_bits(f"{op.name}.c")
        least = finest_unit(self.source, op) / unit
        if op.heads is None:
            c = self.scheme.per_head(op.c.data, np.zeros(op.type.shape[0], np.int64), least, bits)
        else:
            # The terms of a head's sum must share a scale, so a state with fewer bits has a coarser c.
            weight = (self.scale(value) / unit[op.heads.data])[:, None]
            c = _unweighted(self.scheme.per_head(op.c.data * weight, op.heads.data, least, bits), weight)
        return self.add(Readout(c=c, heads=op.heads, channels=op.channels), op.name, value, origin=op.origin)

    def unit_of_heads(self, op: Readout, value: str) -> Real:
        """The coarsest scale of the states that each channel sums; 1 for a channel without states."""
        unit, scale = np.ones(op.channels), self.scale(value)
        if op.heads is not None:
            unit[op.heads.data] = group_max(scale, op.heads.data)
        elif len(scale):
            unit[:] = scale[0]
        return unit

    def scale_op(self, op: Scale) -> str:
        """One factor a channel."""
        if op.factor.grid is not None:
            return self.given(Scale(factor=op.factor), op.name, self.exact_operand(op.inputs[0]))
        if op.name in self.transitions:
            return self.decay(op, self.transitions[op.name].state)
        factor = np.broadcast_to(op.factor.data, op.type.shape)
        x = self.operand(op.inputs[0])
        least = finest_unit(self.source, op) / self.scale(x)
        table = self.scheme.vector(factor, least, self.weight_bits(f"{op.name}.factor"))
        return self.add(Scale(factor=table), op.name, x, origin=op.origin)

    def offset(self, op: Offset) -> str:
        """A bias on the grid of what it is added to."""
        x = self.names[op.inputs[0]]
        if self.scales[x] is None:
            x = self.operand(op.inputs[0])
        return self.add(Offset(value=exact_table(op.value.data, self.scale(x))), op.name, x, origin=op.origin)

    def add_op(self, op: Add) -> str:
        """An exact sum; what becomes a state is rounded at once."""
        becomes = (name for name, update in self.source.updates.items() if update == op.name)
        recurrent = (*self.heads, *self.real_states)
        state = next((name for name in becomes if name in recurrent or name in op.inputs), None)
        if state is not None and state not in recurrent:
            return self.running_sum(op, state)
        terms = [term for name in op.inputs for term in self.terms(name, real=state in self.real_states)]
        value = self.add(Add(), op.name, *terms, origin=op.origin)
        if state is not None:
            window = self.state_window(op.name, self.heads.get(state))
            self.narrow[op.name] = self.cast(f"{op.name}_q", value, window, op.origin, *self.dither())
        return value

    def dither(self) -> tuple[str, ...]:
        """The phase that the rounding of the states reads: a counter that every step moves by the golden ratio."""
        if not (self.options.dither and self.scheme.can_dither):
            return ()
        if not self.phase:
            phase = self.b.state(self.b.fresh("phase"), Type((1,)), "dither")
            self.scales[phase] = np.full(1, 2.0**-PHASE_BITS)
            name = self.b.fresh(f"{phase}_n")
            self.counters[phase] = self.add(Advance(step=PHASE_STEP, bits=PHASE_BITS), name, phase, origin="dither")
            self.phase = (phase,)
        return self.phase

    def terms(self, old: str, *, real: bool = False) -> tuple[str, ...]:
        """The value of an op as a term of a sum; the increment form x + D x is two, so that one sum holds all terms.

        real: what drives a real state. It is exact where nothing else reads it; else the sum takes what others read.
        """
        if old in self.transitions:
            made = self.b.ops[self.names[old]]
            return made.inputs if isinstance(made, Add) else (made.name,)
        if real and (len(self.source.users[old]) > 1 or self.scales[self.names[old]] is None):
            return (self.operand(old),)
        value = self.narrow.get(old, self.names[old])
        if real:
            return (self.state_term(self.source[old], value),)
        made = self.b.ops[value]
        return made.inputs if isinstance(made, Add) and isinstance(self.source[old], Diag) else (value,)

    def running_sum(self, op: Add, state: str) -> str:
        """sum <- clamp(sum + x), wide enough for max_steps samples."""
        others = [name for name in op.inputs if name != state]
        if len(others) != 1 or len(op.inputs) != 2:
            raise UnsupportedModelError(f"%{state} (from {op.origin}) must become itself plus one value")
        term = self.names[others[0]] if isinstance(self.source[others[0]], Constant) else self.operand(others[0])
        self.scales[state] = scale = self.scale(term)
        value = self.add(Add(), op.name, state, term, origin=op.origin)
        made = self.b.ops[term]
        if isinstance(made, Cast):
            reach = int(max(np.abs(made.low.data).max(), np.abs(made.high.data).max()))
            high = (1 << (reach * self.options.max_steps).bit_length()) - 1
            low = -high
        else:
            low, high = 0, self.options.max_steps
        window = IntegerWindow(scale, np.int64(low), np.int64(high))  # type: ignore[arg-type]
        self.narrow[op.name] = self.cast(f"{op.name}_q", value, window, op.origin)
        return value

    def mul(self, op: Mul) -> str:
        """An exact product of two narrow values."""
        return self.add(Mul(), op.name, *(self.operand(name) for name in op.inputs), origin=op.origin)

    def norm(self, op: LayerNorm | RMSNorm) -> str:
        """Channels are compared with each other, so they share a scale; gamma and beta get the weights' bits."""
        x = self.operand(op.inputs[0], shared=True)
        least = finest_unit(self.source, op) * 2.0**_NORM_BITS
        gamma = op.gamma
        if gamma.grid is None:
            gamma = self.scheme.vector(op.gamma.data, least, self.weight_bits(f"{op.name}.gamma"))
        return self.add(replace(op, gamma=gamma), op.name, x, origin=op.origin)

    def slice(self, op: Slice) -> str:
        """A view."""
        return self.add(Slice(start=op.start, stop=op.stop), op.name, self.names[op.inputs[0]], origin=op.origin)

    def take(self, op: Take) -> str:
        """A choice from the narrow operand."""
        return self.add(Take(indices=op.indices), op.name, self.operand(op.inputs[0]), origin=op.origin)


def _unweighted(table: Table, weight: Real) -> Table:
    """Undo the column weights that a table was rounded with."""
    assert table.grid is not None
    return Table.real(table.data / weight, Grid.of(table.grid.scale / weight, table.grid.width))


_STEPS: dict[type[Op], Callable[[_Walk, Any], str]] = {
    Input: _Walk.input,
    State: _Walk.state,
    Constant: _Walk.constant,
    Matvec: _Walk.matvec,
    Diag: _Walk.diag,
    Inject: _Walk.inject,
    Readout: _Walk.readout,
    Scale: _Walk.scale_op,
    Offset: _Walk.offset,
    Add: _Walk.add_op,
    Cast: _Walk.cast_op,
    Mul: _Walk.mul,
    Activation: _Walk.activation,
    LayerNorm: _Walk.norm,
    RMSNorm: _Walk.norm,
    Slice: _Walk.slice,
    Take: _Walk.take,
}
