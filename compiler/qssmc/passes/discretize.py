"""Discretize: continuous poles and input weights become lambda_bar and b_bar, one step of the recurrence."""

from __future__ import annotations

import numpy as np

from qssmc.analysis.real_states import real_states
from qssmc.errors import UnsupportedModelError
from qssmc.ir.build import Builder
from qssmc.ir.discretize import input_gain, lambda_bar
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Decay, Diag, Drive, Inject, Op, Scale
from qssmc.ir.table import Table
from qssmc.passes.rewrite import rewrite

_ROUNDING = 2.0**-50  # closer to the circle than this, float64 cannot tell inside from outside


def discretize(graph: Graph) -> Graph:
    """decay becomes diag, drive becomes inject.

    Raises UnsupportedModelError if a pole lies on or outside the unit circle: such a state forgets nothing or grows.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : float
    ... %u : f64[1] = input
    ... %x : cf64[1] = state
    ... %ax : cf64[1] = decay %x a=@ax.a dt=@ax.dt method=bilinear
    ... next %x = %ax
    ... output y : step = %u
    ... table @ax.a : real[1,2]
    ...   -1.0 0.0
    ... table @ax.dt : real[1]
    ...   1.0''')
    >>> print(print_graph(discretize(before)).splitlines()[3])
    %ax : cf64[1] = diag %x lambda_bar=@ax.lambda_bar
    """
    check_poles(graph)
    return rewrite(graph, "discrete", _discretize)


def check_poles(graph: Graph) -> None:
    """Raise UnsupportedModelError, with all of them, for poles whose lambda_bar is not strictly inside the circle."""
    faults = [fault for op in graph.ops if isinstance(op, (Decay, Diag)) for fault in _unstable(op)]
    real = (graph[found.transition] for found in real_states(graph).values())
    faults += [fault for op in real if isinstance(op, Scale) for fault in _unstable(op)]
    if faults:
        raise UnsupportedModelError(
            f"{'; '.join(faults)}; every pole must lie strictly inside the unit circle (a negative real part of A)"
        )


def _discretize(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
    if isinstance(op, Decay):
        with np.errstate(all="ignore"):  # what is not finite is reported as unstable
            pole = lambda_bar(op.a.as_complex(), op.dt.data, op.method)
        return b.add(Diag(lambda_bar=Table.real(pole)), op.name, *inputs, origin=op.origin)
    if isinstance(op, Drive):
        with np.errstate(all="ignore"):
            gain = input_gain(op.a.as_complex(), op.dt.data, op.method)
        b_bar = op.b.as_complex() * (gain if op.heads is not None else gain[:, None])
        return b.add(Inject(b_bar=Table.real(b_bar), heads=op.heads), op.name, *inputs, origin=op.origin)
    return None


def _unstable(op: Decay | Diag | Scale) -> list[str]:
    if isinstance(op, Scale):
        radius = np.abs(np.broadcast_to(op.factor.data, op.type.shape))
    elif isinstance(op, Diag):
        radius = np.abs(op.lambda_bar.as_complex())
    else:
        radius = np.abs(lambda_bar(op.a.as_complex(), op.dt.data, op.method))
    (bad,) = np.nonzero(~(radius < 1.0 - _ROUNDING))
    if not len(bad):
        return []
    return [f"{op.origin or op.name}: {len(bad)} of {len(radius)} poles have |lambda_bar| >= 1 (state {bad[0]} first)"]
