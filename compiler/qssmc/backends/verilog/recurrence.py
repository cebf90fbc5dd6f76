"""Recurrence: the SSM layers whose state update and readout the SSM engine does as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.integer_layers import each
from qssmc.analysis.ssm_layers import SsmLayer, Term, heads_of, ssm_layers
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Readout, Requant, ShiftLeft, State
from qssmc.ir.table import Table

Ints = NDArray[np.int64]
_NONE = Table.integer(0)
MOST_POLE = 25  # bits of a pole with its shift
MOST_SHIFT = 40  # beyond it the shifters would be absurd; such a layer is built from single ops


@dataclass(frozen=True)
class Layer:
    """A diagonal layer: x <- requant(x 2^keep + A x + (B u) 2^raise), y = readout of the new x."""

    state: State
    total: Add
    requant: Requant
    readout: Readout
    inner: frozenset[str]  # ops that the engine does, the readout included
    u: str
    phase: str | None
    heads: Ints
    a: Ints
    b: Ints
    c: Ints
    keep: Ints | None
    kept: str  # the op that shifts x, or none
    raised: Ints
    shift: Ints
    low: Ints
    high: Ints
    channels: int

    @property
    def kept_after(self) -> bool:
        """Whether x is added where the sum has been shifted back, which is the same where both shifts are equal."""
        return self.keep is not None and bool((self.keep == self.shift).all())


def layers_of(graph: Graph) -> list[Layer]:
    """Every layer that fits the engine, in order."""
    found = (_fitting(graph, layer) for layer in ssm_layers(graph))
    return [layer for layer in found if layer is not None]


def _fitting(graph: Graph, ops: SsmLayer) -> Layer | None:
    """A layer as the engine does it; None where its sums, shifts or clamps are others than the engine has."""
    state, total, requant, readout = graph[ops.state], graph[ops.total], graph[ops.update], graph[ops.readout]
    diag, inject = graph[ops.transition], graph[ops.drive]
    if not isinstance(requant, Requant) or (requant.multiplier.data != 1).any() or readout.inputs != (requant.name,):
        return None
    assert isinstance(state, State)
    assert isinstance(total, Add)
    assert isinstance(readout, Readout)
    assert isinstance(diag, Diag)
    assert isinstance(inject, Inject)
    count = state.type.shape[0]
    shifts = {term.op: amount for term in ops.terms if (amount := _shift(graph, term)) is not None}
    if not count or len(shifts) < len(ops.terms) or (ops.kept and not ops.term(ops.kept).through):
        return None
    # A shift of A x makes the poles' numbers longer; they stay short enough for a multiplier, or the layer is no layer.
    a = diag.lambda_bar.data << each(shifts[diag.name], count)[:, None]
    if np.abs(a).max(initial=0) >= 1 << (MOST_POLE - 1):
        return None
    layer = Layer(
        state,
        total,
        requant,
        readout,
        (ops.inside - {state.name}) | {readout.name},
        inject.inputs[0],
        requant.inputs[1] if len(requant.inputs) > 1 else None,
        heads_of(graph, ops),
        a,
        inject.b_bar.data,
        readout.c.data,
        each(shifts[ops.kept], count) if ops.kept else None,
        ops.term(ops.kept).through[0] if ops.kept else "",
        each(shifts[inject.name], count),
        each(requant.shift, count),
        each(requant.low, count),
        each(requant.high, count),
        readout.channels,
    )
    return layer if _fits(graph, layer) else None


def _shift(graph: Graph, term: Term) -> Table | None:
    """How far a term is shifted to the left before it is added; None where it is brought to the sum otherwise."""
    if not term.through:
        return _NONE
    op = graph[term.through[0]]
    return op.amount if len(term.through) == 1 and isinstance(op, ShiftLeft) else None


def _fits(graph: Graph, layer: Layer) -> bool:
    """As many channels at both ends, and shifts and clamps that the engine has."""
    channels = graph[layer.u].type.shape[0] == layer.channels
    shifts = [layer.raised, layer.shift, *([] if layer.keep is None else [layer.keep])]
    small = all(int(amounts.max()) <= MOST_SHIFT for amounts in shifts)
    return channels and small and clamp_form(layer) is not None


def clamp_form(layer: Layer) -> tuple[bool, Ints] | None:
    """How the engine saturates: (False, bits) where all states share their ends, (True, bits of each) else."""
    count = len(layer.low)
    if len(set(zip(layer.low.tolist(), layer.high.tolist(), strict=True))) == 1:
        return False, np.zeros(count, np.int64)
    bits = np.array([int(high).bit_length() + 1 for high in layer.high], np.int64)
    symmetric = (layer.high == (1 << (bits - 1)) - 1) & (layer.low == -layer.high) & (bits >= 2)
    return (True, bits) if symmetric.all() else None


def absorbed(layers: list[Layer]) -> dict[str, Layer]:
    """Which layer each op belongs to."""
    return {name: layer for layer in layers for name in (*layer.inner, layer.state.name)}
