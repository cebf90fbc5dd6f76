"""The walk of the align pass: what each quantised op becomes in integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qssmc.analysis.fixed_point import MULTIPLIER_BITS, lut_entries, reciprocal_frac
from qssmc.analysis.input_zero import centred_name
from qssmc.analysis.scales import grid_scale, is_power_of_two, result_scale
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
    Lut,
    Matvec,
    Mul,
    Normalize,
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
from qssmc.ir.types import WIDEST, Type
from qssmc.ir.verify import IRError, verify
from qssmc.passes.align.draft import IntegerDraft, Scales

_LONGEST_TABLE = 1 << 12


@dataclass(frozen=True)
class Align:
    """Quantised graph to integer graph, value for value on the same grids; cast becomes requant, activations tables.

    Where all scales are powers of two the integers equal the quantised graph exactly. The notes `scales` of the
    result say what one unit of each value means. Widths are left at 64 bits for the range proof to set.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : quantised
    ... %u : f64[1] = input
    ... %u_q : f64[1] = cast %u scale=0.5 low=-3 high=4
    ... %r : f64[1] = activation %u_q kind=relu
    ... %r_q : f64[1] = cast %r scale=0.25 low=0 high=7
    ... output y : step = %r_q''')
    >>> print("\\n".join(print_graph(Align(InputFormat(8, 7, True))(before)).splitlines()[:7]))
    graph t : integer
    %u : i8[1] = input
    %u_q : i64[1] = requant %u multiplier=1 shift=6 low=-3 high=4
    %r_q : i64[1] = lut %u_q entries=@r_q.entries first=-3
    output y : step = %r_q
    table @r_q.entries : int[8] grid width[]=3 scale[]=1.0
      0 0 0 0 2 4 6 7
    """

    input_format: InputFormat

    def __call__(self, graph: Graph) -> Graph:
        return _Walk(graph, self.input_format).graph()


class _Walk(IntegerDraft):
    """names: the integer value that stands for each quantised op."""

    def __init__(self, graph: Graph, input_format: InputFormat) -> None:
        super().__init__(graph)
        self.source, self.format = graph, input_format
        self.names: dict[str, str] = {}

    def graph(self) -> Graph:
        """The integer graph."""
        for op in self.source.ops:
            if type(op) not in _STEPS:
                raise UnsupportedModelError(f"%{op.name} ({op.mnemonic}, from {op.origin}) has no integer form")
            self.names[op.name] = _STEPS[type(op)](self, op)
        self.b.updates = {state: self.names[value] for state, value in self.source.updates.items()}
        self.b.outputs = [replace(o, value=self.common(self.names[o.value])) for o in self.source.outputs]
        self.b.scales = {name: Table.real(scale) for name, scale in self.scales.items()}
        built = self.b.graph()
        kept = {name: table for name, table in self.source.kept.items() if name in built.by_name}
        return verify(replace(built, kept=kept)).without_dead_ops()

    def exact(self, op: Op) -> str:
        """An op that stays what it was: integer tables on their grids, and the grid that follows."""
        tables = {name: _integers(table) if table.is_real else table for name, table in op.tables().items()}
        operands = [self.names[name] for name in op.inputs]
        scale = result_scale(op, tuple(self.scales[name] for name in operands))
        assert scale is not None
        return self.put(op.with_tables(tables), op.name, *operands, scale=scale, origin=op.origin)

    # --- sources -----------------------------------------------------------------------------------------------------

    def input(self, op: Input) -> str:
        """The sensor's integers, and how far they are from those that stand for 0."""
        channels = op.type.shape[0]
        unit, zeros = self.format.units(channels), self.format.zero_points(channels)
        self.scales[op.name] = unit
        samples = self.b.input(op.name, Type(op.type.shape, self.format.width, self.format.signed), op.origin)
        if not zeros.any():
            return samples
        value = Table.integer(-zeros, Grid.of(1.0, int(np.abs(zeros).max()).bit_length() + 1))
        name = self.b.fresh(centred_name(op.name))
        return self.put(Offset(value=value), name, samples, scale=unit, origin=op.origin)

    def state(self, op: State) -> str:
        """A state lies on the grid of the cast that it becomes; a phase counts in whole steps."""
        update = self.source[self.source.updates[op.name]]
        if not isinstance(update, (Cast, Advance)):
            raise IRError(f"state %{op.name} does not end in a cast but in {update.mnemonic}")
        scale = update.scale.data if isinstance(update, Cast) else 2.0**-update.bits
        self.scales[op.name] = np.broadcast_to(scale, op.type.shape)
        return self.b.state(op.name, replace(op.type, width=WIDEST), op.origin)

    def constant(self, op: Constant) -> str:
        """Already integers."""
        value = Table.integer(np.rint(op.value.data).astype(np.int64))
        return self.put(Constant(value=value), op.name, scale=np.ones(1), origin=op.origin)

    # --- sums --------------------------------------------------------------------------------------------------------

    def add(self, op: Add) -> str:
        """Terms are brought to the finest scale among them by shifts; unrelated real scales need multipliers."""
        terms = [self.names[name] for name in op.inputs]
        scales = np.stack([self.scales[name] for name in terms])
        if is_power_of_two(scales / scales[0]):
            target = scales.min(axis=0)
            aligned = [self.shifted(term, target, op.origin) for term in terms]
        else:
            target = self.sum_unit(op, scales)
            aligned = [self.multiplied(term, target, op.origin) for term in terms]
        return self.put(Add(), op.name, *aligned, scale=target, origin=op.origin)

    def sum_unit(self, op: Add, scales: Scales) -> Scales:
        """The unit of a sum of unrelated scales: 2^-15 of the coarsest term's, or of the cast's that reads the sum."""
        users = self.source.users[op.name]
        casts = [np.broadcast_to(user.scale.data, op.type.shape) for user in users if isinstance(user, Cast)]
        coarsest = scales.max(axis=0)
        if casts and len(casts) == len(users):
            coarsest = np.maximum(coarsest, np.min(casts, axis=0))
        return np.asarray(coarsest * 2.0**-MULTIPLIER_BITS)

    def common(self, value: str) -> str:
        """An output with one unit for all its elements, so that they can be compared."""
        scale, origin = self.scales[value], self.b.ops[value].origin
        if np.ptp(scale) == 0.0:
            return value
        if is_power_of_two(scale / scale.flat[0]):
            return self.shifted(value, np.full(scale.shape, scale.min()), origin)
        return self.multiplied(value, np.full(scale.shape, scale.max() * 2.0**-MULTIPLIER_BITS), origin)

    # --- rounding ----------------------------------------------------------------------------------------------------

    def cast(self, op: Cast) -> str:
        """A requant, or the table of the activation in front of it."""
        source = self.source[op.inputs[0]]
        value, *phase = (self.names[name] for name in op.inputs)
        bits = self.phase_bits(op.inputs[1]) if phase else 0
        if isinstance(source, Activation):
            if phase:
                raise IRError(f"%{op.name}: the table of an activation cannot be dithered")
            return self.table(op, source)
        target = np.broadcast_to(op.scale.data, op.type.shape)
        if op.even is not None:
            even = np.broadcast_to(op.even.data, op.type.shape)
            is_state = op.name in self.source.updates.values()
            return self.requant_to_even(op.name, value, target, op.low, op.high, even, op.origin, is_state=is_state)
        return self.requant(op.name, value, target, op.low, op.high, op.origin, *phase, phase_bits=bits)

    def phase_bits(self, name: str) -> int:
        """The width of a phase: what its counter counts modulo."""
        counter = self.source[self.source.updates.get(name, name)]
        if not isinstance(counter, Advance):
            raise IRError(f"%{name}: the phase of a cast must be a counter, not {counter.mnemonic}")
        return counter.bits

    def table(self, op: Cast, activation: Activation) -> str:
        """entries[q - low] = the cast of f(scale q), exact to the last bit, for every q that the operand can be."""
        x = self.source[activation.inputs[0]]
        if not isinstance(x, Cast):
            raise IRError(f"%{activation.name}: the operand of an activation must be a cast, not {x.mnemonic}")
        scales, lows, highs = (np.unique(table.data) for table in (x.scale, x.low, x.high))
        if len(scales) != 1 or len(lows) != 1 or len(highs) != 1:
            raise IRError(f"%{activation.name}: the channels of an activation must share one grid")
        low, high = int(lows[0]), int(highs[0])
        if high - low >= _LONGEST_TABLE:
            raise UnsupportedModelError(
                f"the table of {activation.origin} would have {high - low + 1} entries; use at most 12 activation bits"
            )
        least, most = int(op.low.data), int(op.high.data)
        unit, even = float(op.scale.data), op.even is not None and bool(op.even.data.all())
        found = lut_entries(activation.kind, range(low, high + 1), scales[0], unit, least, most, even=even)
        entries = Table.integer(found, Grid.of(1.0, max(1, (most - least).bit_length())))
        return self.put(
            Lut(entries=entries, first=Table.integer(low)),
            op.name,
            self.names[x.name],
            scale=op.scale.data,
            origin=activation.origin,
        )

    def activation(self, op: Activation) -> str:
        """Nothing by itself: the cast behind it makes the table."""
        return self.names[op.inputs[0]]

    def norm(self, op: LayerNorm | RMSNorm) -> str:
        """(n x - s) / sqrt(v) by the integer reciprocal, then gamma; beta where the norm has one."""
        x, operand, count = self.names[op.inputs[0]], self.source[op.inputs[0]], op.type.shape[0]
        if not isinstance(operand, Cast) or np.ptp(self.scales[x]) > 0.0:
            raise IRError(f"%{op.name}: the operand of {op.mnemonic} must be a cast with one scale")
        centred, low, high = isinstance(op, LayerNorm), int(operand.low.data.min()), int(operand.high.data.max())
        eps = round(op.eps * count**2 / float(self.scales[x][0]) ** 2)
        # About 0, the root of the mean of squares reaches the largest number; about the mean, half of the levels.
        frac = reciprocal_frac(count, high - low + 1 if centred else 2 * max(-low, high))
        core = Normalize(eps=eps, frac=frac, centred=int(centred))
        name, unit = self.b.fresh(f"{op.name}_norm"), np.ldexp(np.ones(1), -frac)
        norm = self.put(core, name, x, scale=unit, origin=op.origin)
        name, unit = self.b.fresh(f"{op.name}_scaled") if centred else op.name, grid_scale(op.gamma, op) * unit
        scaled = self.put(Scale(factor=_integers(op.gamma)), name, norm, scale=unit, origin=op.origin)
        if not isinstance(op, LayerNorm):
            return scaled
        beta = np.rint(op.beta.data / unit).astype(np.int64)
        value = Table.integer(beta, Grid.of(1.0, int(np.abs(beta).max(initial=0)).bit_length() + 1))
        return self.put(Offset(value=value), op.name, scaled, scale=unit, origin=op.origin)


def _integers(table: Table) -> Table:
    """The integers of a gridded table; the grid keeps their stored width."""
    if table.grid is None:
        raise IRError("a table of the quantised graph has no grid")
    return Table.integer(table.on_grid(), Grid.of(1.0, table.grid.width))


_STEPS: dict[type[Op], Callable[[_Walk, Any], str]] = {
    Input: _Walk.input,
    State: _Walk.state,
    Constant: _Walk.constant,
    Matvec: _Walk.exact,
    Diag: _Walk.exact,
    Inject: _Walk.exact,
    Readout: _Walk.exact,
    Scale: _Walk.exact,
    Offset: _Walk.exact,
    Add: _Walk.add,
    Mul: _Walk.exact,
    Slice: _Walk.exact,
    Take: _Walk.exact,
    Advance: _Walk.exact,
    Activation: _Walk.activation,
    LayerNorm: _Walk.norm,
    RMSNorm: _Walk.norm,
    Cast: _Walk.cast,
}
