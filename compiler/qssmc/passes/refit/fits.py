"""Fits: which weights of a quantised graph are linear in a value, and can be solved for together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Cast, Matvec, Op, Readout, State

Real = NDArray[np.float64]


@dataclass(frozen=True)
class HeadFit:
    """y = Re(sum c x) + d u, a small problem a head. feed: the scale by d, None where there is none."""

    result: str
    readout: str
    feed: str | None


@dataclass(frozen=True)
class MatrixFit:
    """y = sum of W x + bias over one matvec or more, rows sharing their features. last: after the steps."""

    result: str
    matvecs: tuple[str, ...]
    last: bool


def fits(graph: Graph) -> tuple[HeadFit | MatrixFit, ...]:
    """In the order of the ops, so that each is solved on what the ones before it have become."""
    steps = {op.name for op in graph.step_ops}
    found: list[HeadFit | MatrixFit] = []
    for op in graph.ops:
        if isinstance(op, Readout) and op.heads is not None:
            found.append(_head_fit(graph, op))
        elif isinstance(op, Add) and all(isinstance(term, Matvec) for term in graph.operands(op)):
            found.append(MatrixFit(op.name, op.inputs, op.name not in steps))
        elif isinstance(op, Matvec) and not _is_summed(graph, op):
            found.append(MatrixFit(op.name, (op.name,), op.name not in steps))
    return tuple(found)


def unit_of(graph: Graph, value: str) -> Real | None:
    """The scale of each element of a narrow operand, a cast or a state; None for anything else."""
    op = graph[value]
    cast: Op = graph[graph.updates[value]] if isinstance(op, State) else op
    return np.asarray(np.broadcast_to(cast.scale.data, op.type.shape)) if isinstance(cast, Cast) else None


def _head_fit(graph: Graph, readout: Readout) -> HeadFit:
    """Of a whole layer, the feedthrough is fitted with its readout; of a readout that is no layer's, c alone."""
    layer = next((layer for layer in ssm_layers(graph) if layer.readout == readout.name), None)
    return (
        HeadFit(readout.name, readout.name, None) if layer is None else HeadFit(layer.result, readout.name, layer.feed)
    )


def _is_summed(graph: Graph, op: Matvec) -> bool:
    users = graph.users[op.name]
    return any(isinstance(user, Add) and all(isinstance(t, Matvec) for t in graph.operands(user)) for user in users)
