"""SSM layers: the ops that make up one diagonal state-space layer, found in a graph of any stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed import are_free
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Cast, Decay, Diag, Drive, Inject, Op, Readout, Requant, Scale, ShiftLeft, State

_ROUNDINGS = (Cast, Requant)
# What may stand between a term and its sum, by stage: in the quantised stage a term may be rounded alone, and in the
# integer stage it may have to be brought onto the grid of the sum.
_ALIGNING: dict[str, tuple[type[Op], ...]] = {"quantised": (Cast,), "integer": (Requant, ShiftLeft, Scale)}
_MOVING = _ALIGNING["integer"]


@dataclass(frozen=True)
class Term:
    """One term of a sum. through: the ops that bring it onto the grid of the sum, nearest to the sum first."""

    op: str
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class SsmLayer:
    """x' = round(lambda_bar x + b_bar u), y = Re(sum c x') + d u, as names of ops.

    state: x. transition: the diag (float stage: decay) of x. kept: x where it is a term itself, for poles that are
    stored as 1 + D, else None. drive: the inject (float stage: drive) of u, one input a head. total: the sum. update:
    x', which is the total or its cast or requant. readout: of x', or of the total. feed: the scale of u by d, None if
    there is none. result: y, which is the readout, its shift, or the sum with the feed. terms: of the total; answer: of
    the result. Nothing outside sees what is inside, but the readout.
    """

    state: str
    transition: str
    kept: str | None
    drive: str
    total: str
    update: str
    readout: str
    feed: str | None
    result: str
    terms: tuple[Term, ...]
    answer: tuple[Term, ...]

    @property
    def inside(self) -> frozenset[str]:
        """The state and all that leads to its new value: what the layer's own rounding sees, and nothing else reads."""
        through = (name for term in self.terms for name in term.through)
        return frozenset({self.state, self.transition, self.drive, self.total, self.update, *through})

    @property
    def is_rounded(self) -> bool:
        """Whether the new state is rounded, as in the quantised and the integer stage."""
        return self.update != self.total

    def term(self, op: str) -> Term:
        """The term of the update sum or of the result that an op makes."""
        return next(term for term in (*self.terms, *self.answer) if term.op == op)


def ssm_layers(graph: Graph) -> tuple[SsmLayer, ...]:
    """Every diagonal layer of one input a head whose states nothing else looks at, in order.

    Before the quantised stage, those that have no table and no rounding of states that the model was trained with: what
    is found may be scaled, turned, pruned and refitted.

    >>> from qssmc.ir import parse
    >>> graph = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %x : cf64[1] = state
    ... %ax : cf64[1] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : cf64[1] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %xn : cf64[1] = add %ax %bu
    ... %cx : f64[1] = readout %xn c=@cx.c heads=@bu.heads channels=1
    ... %du : f64[1] = scale %u factor=2.0
    ... %y : f64[1] = add %cx %du
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : real[1,2]
    ...   0.5 0.0
    ... table @bu.b_bar : real[1,2]
    ...   1.0 0.0
    ... table @bu.heads : int[1]
    ...   0
    ... table @cx.c : real[1,2]
    ...   1.0 0.0''')
    >>> (layer,) = ssm_layers(graph)
    >>> layer.state, layer.transition, layer.drive, layer.update, layer.readout, layer.feed, layer.result
    ('x', 'ax', 'bu', 'xn', 'cx', 'du', 'y')
    """
    found = (match(graph, state) for state in graph.states if state.type.complex)
    return tuple(layer for layer in found if isinstance(layer, SsmLayer) and _is_free(graph, layer))


def _is_free(graph: Graph, layer: SsmLayer) -> bool:
    parts = (layer.transition, layer.drive, layer.update, layer.readout, *([layer.feed] if layer.feed else []))
    return are_free(graph, parts)


def heads_of(graph: Graph, layer: SsmLayer) -> NDArray[np.int64]:
    """The head of each state, (S,)."""
    drive = graph[layer.drive]
    assert isinstance(drive, (Inject, Drive))
    assert drive.heads is not None
    return drive.heads.data


def match(graph: Graph, state: State) -> SsmLayer | str:
    """The layer of a complex state, or why it is none, in words that follow its name."""
    update = graph[graph.updates[state.name]]
    total = graph[update.inputs[0]] if isinstance(update, _ROUNDINGS) else update
    if not isinstance(total, Add):
        return f"its new value is no sum but {total.mnemonic}"
    terms = tuple(_terms(graph, total, ()))
    roles: dict[str, str] = {}
    for term in terms:
        role = _role(graph[term.op], state)
        if not role or role in roles:
            return f"its update has a term %{term.op} ({graph[term.op].mnemonic}) that no layer of one input a head has"
        roles[role] = term.op
    if "transition" not in roles:
        return "its old value is not multiplied by its poles"
    if "drive" not in roles:
        return "nothing drives it"
    if "kept" in roles and update is total:
        return "its old value is a term of its update beside its poles, which only a rounded layer has"
    readers = [op for name in dict.fromkeys((total.name, update.name)) for op in graph.users[name] if op is not update]
    if len(readers) != 1 or not isinstance(readers[0], Readout) or readers[0].heads is None:
        return "its new value must be read by one readout of its heads, and by nothing else"
    drive, readout = graph[roles["drive"]], readers[0]
    assert isinstance(drive, (Inject, Drive))
    assert readout.heads is not None
    if drive.heads is None or not np.array_equal(drive.heads.data, readout.heads.data):
        return "its readout does not belong to the heads of its input"
    feed, result, answer = answer_of(graph, readout, drive.inputs[0])
    layer = SsmLayer(
        state.name, roles["transition"], roles.get("kept"), drive.name, total.name, update.name, readout.name, feed,
        result, terms, answer,
    )  # fmt: skip
    return layer if _is_private(graph, layer) else "something else looks at what is inside of its layer"


def answer_of(graph: Graph, readout: Readout, u: str) -> tuple[str | None, str, tuple[Term, ...]]:
    """What the readout of a layer with the input u is part of: the feedthrough, the result and its terms.

    The result is the readout or, where that is read by nothing else, its sum with a scale of u that nothing else reads;
    and what shifts that to the left, if nothing else reads it.
    """
    value: Op = readout
    feed: str | None = None
    terms: tuple[Term, ...] = (Term(readout.name),)
    while True:
        users = graph.users[value.name]
        if len(users) == 1 and isinstance(users[0], ShiftLeft):
            value = users[0]
            terms = tuple(Term(term.op, (value.name, *term.through)) for term in terms)
        elif feed is None and (found := _sum_with_feed(graph, readout, u)):
            value, feed, terms = found
        else:
            return feed, value.name, terms


def _sum_with_feed(graph: Graph, readout: Readout, u: str) -> tuple[Op, str, tuple[Term, ...]] | None:
    """The sum of a readout and one scale of u, the scale and the terms; None where the readout goes elsewhere."""
    value: Op = readout
    while len(users := graph.users[value.name]) == 1 and graph.stage == "integer" and isinstance(users[0], _MOVING):
        value = users[0]
    if len(users) != 1 or not isinstance(users[0], Add):
        return None
    terms = tuple(_terms(graph, users[0], (), u))
    feeds = [term for term in terms if _is_feed(graph[term.op], u)]
    if len(feeds) != 1 or {term.op for term in terms} != {readout.name, feeds[0].op} or len(terms) != 2:
        return None
    alone = all(len(graph.users[name]) == 1 for name in (feeds[0].op, *feeds[0].through))
    return (users[0], feeds[0].op, terms) if alone else None


def _terms(graph: Graph, total: Op, through: tuple[str, ...], u: str | None = None) -> Iterator[Term]:
    """The terms of a sum, those of sums within it among them. A scale of u is a term, of anything else an alignment."""
    aligning = _ALIGNING.get(graph.stage, ())
    for op in graph.operands(total):
        path, here = through, op
        while isinstance(here, aligning) and not (u is not None and _is_feed(here, u)):
            path, here = (*path, here.name), graph[here.inputs[0]]
        if isinstance(here, Add):
            yield from _terms(graph, here, (*path, here.name), u)
        else:
            yield Term(here.name, path)


def _role(op: Op, state: State) -> str:
    if op is state:
        return "kept"
    if isinstance(op, (Diag, Decay)) and op.inputs == (state.name,):
        return "transition"
    return "drive" if isinstance(op, (Inject, Drive)) and op.heads is not None else ""


def _is_feed(op: Op, u: str) -> bool:
    return isinstance(op, Scale) and op.inputs == (u,)


def _is_private(graph: Graph, layer: SsmLayer) -> bool:
    """Whether nothing but the readout sees what is inside."""
    inside = layer.inside
    readers = {user.name for name in inside for user in graph.users[name]}
    taken = {value for state, value in graph.updates.items() if state != layer.state}
    return readers <= inside | {layer.readout} and not inside & (taken | {output.value for output in graph.outputs})
