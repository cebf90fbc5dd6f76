"""Recurrence: finds the state update and readout that the SSM engine does as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Diag, Inject, Op, Readout, Requant, ShiftLeft, State

Ints = NDArray[np.int64]
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
    found = (_match(graph, op) for op in graph.ops if isinstance(op, Readout))
    return [layer for layer in found if layer is not None]


def _match(graph: Graph, readout: Readout) -> Layer | None:
    requant = graph[readout.inputs[0]]
    if readout.heads is None or not isinstance(requant, Requant) or (requant.multiplier.data != 1).any():
        return None
    states = [op for op in graph.states if graph.updates[op.name] == requant.name]
    total = graph[requant.inputs[0]]
    if len(states) != 1 or not isinstance(total, Add) or not requant.type.shape[0]:
        return None
    (state,) = states
    terms = _terms(graph, total, state)
    if terms is None or terms.inject.heads is None:
        return None
    diag, keep, inject, raised = terms.diag, terms.keep, terms.inject, terms.raised
    count = state.type.shape[0]
    inner = {requant.name, total.name, diag.name, inject.name, readout.name}
    inner |= {op.name for op in (terms.spread, keep, raised) if op is not None}
    # A shift of A x makes the poles' numbers longer; they stay short enough for a multiplier, or the layer is no layer.
    spread = np.zeros(count, np.int64) if terms.spread is None else _each(terms.spread.amount.data, count)
    a = diag.lambda_bar.data << spread[:, None]
    if np.abs(a).max(initial=0) >= 1 << (MOST_POLE - 1):
        return None
    layer = Layer(
        state,
        total,
        requant,
        readout,
        frozenset(inner),
        inject.inputs[0],
        requant.inputs[1] if len(requant.inputs) > 1 else None,
        readout.heads.data,
        a,
        inject.b_bar.data,
        readout.c.data,
        None if keep is None else _each(keep.amount.data, count),
        "" if keep is None else keep.name,
        np.zeros(count, np.int64) if raised is None else _each(raised.amount.data, count),
        _each(requant.shift.data, count),
        _each(requant.low.data, count),
        _each(requant.high.data, count),
        readout.channels,
    )
    return layer if _fits(graph, layer, inject) else None


@dataclass(frozen=True)
class _Terms:
    """The terms of the sum by role, and the ops that shift them: x by keep, A x by spread, B u by raised."""

    diag: Diag
    spread: ShiftLeft | None
    keep: ShiftLeft | None
    inject: Inject
    raised: ShiftLeft | None


def _terms(graph: Graph, total: Add, state: State) -> _Terms | None:
    """None where a term has no role, or a role two terms."""
    found: dict[str, tuple[Op, ShiftLeft | None]] = {}
    for name in total.inputs:
        op = graph[name]
        shift = op if isinstance(op, ShiftLeft) else None
        inner = graph[op.inputs[0]] if shift is not None else op
        role = (
            "diag" if isinstance(inner, Diag) and inner.inputs == (state.name,)
            else "keep" if inner is state and shift is not None
            else "inject" if isinstance(inner, Inject)
            else ""
        )  # fmt: skip
        if not role or role in found:
            return None
        found[role] = (inner, shift)
    diag, spread = found.get("diag", (None, None))
    inject, raised = found.get("inject", (None, None))
    if not isinstance(diag, Diag) or not isinstance(inject, Inject):
        return None
    return _Terms(diag, spread, found["keep"][1] if "keep" in found else None, inject, raised)


def _fits(graph: Graph, layer: Layer, inject: Inject) -> bool:
    """The same heads at both ends, nobody else reads what is inside, and shifts and clamps that the engine has."""
    users = {user.name for name in (*layer.inner, layer.state.name) for user in graph.users[name]}
    outside = {user.name for user in graph.users[layer.readout.name]}
    read = {output.value for output in graph.outputs} | {
        value for state, value in graph.updates.items() if state != layer.state.name
    }
    hidden = (layer.inner - {layer.readout.name}) | {layer.state.name}
    alone = users - outside <= layer.inner and not (read & hidden) and not (outside & layer.inner)
    assert inject.heads is not None
    same = np.array_equal(inject.heads.data, layer.heads)
    channels = graph[layer.u].type.shape[0] == layer.channels
    shifts = [layer.raised, layer.shift, *([] if layer.keep is None else [layer.keep])]
    small = all(int(amounts.max()) <= MOST_SHIFT for amounts in shifts)
    return alone and same and channels and small and clamp_form(layer) is not None


def clamp_form(layer: Layer) -> tuple[bool, Ints] | None:
    """How the engine saturates: (False, bits) where all states share their ends, (True, bits of each) else."""
    count = len(layer.low)
    if len(set(zip(layer.low.tolist(), layer.high.tolist(), strict=True))) == 1:
        return False, np.zeros(count, np.int64)
    bits = np.array([int(high).bit_length() + 1 for high in layer.high], np.int64)
    symmetric = (layer.high == (1 << (bits - 1)) - 1) & (layer.low == -layer.high) & (bits >= 2)
    return (True, bits) if symmetric.all() else None


def _each(data: NDArray[Any], count: int) -> Ints:
    return np.array(np.broadcast_to(data, (count,)), np.int64)


def absorbed(layers: list[Layer]) -> dict[str, Layer]:
    """Which layer each op belongs to."""
    return {name: layer for layer in layers for name in (*layer.inner, layer.state.name)}
