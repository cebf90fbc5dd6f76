"""Discretize: continuous poles and input weights become lambda_bar and b_bar, one step of the recurrence."""

from __future__ import annotations

import numpy as np

from qssmc.errors import UnsupportedModelError
from qssmc.ir.build import Builder
from qssmc.ir.discretize import input_gain, lambda_bar
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Decay, Diag, Drive, Op
from qssmc.ir.table import Table
from qssmc.passes.rewrite import rewrite


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
    result = rewrite(graph, "discrete", _discretize)
    faults = [fault for op in result.ops if isinstance(op, Diag) for fault in _unstable(op)]
    if faults:
        raise UnsupportedModelError(
            f"{'; '.join(faults)}; every pole must lie strictly inside the unit circle (a negative real part of A)"
        )
    return result


def _discretize(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
    if isinstance(op, Decay):
        pole = lambda_bar(op.a.as_complex(), op.dt.data, op.method)
        return b.add("diag", op.name, *inputs, lambda_bar=Table.real(pole), origin=op.origin)
    if isinstance(op, Drive):
        gain = input_gain(op.a.as_complex(), op.dt.data, op.method)
        b_bar = op.b.as_complex() * (gain if op.heads is not None else gain[:, None])
        return b.add("inject", op.name, *inputs, b_bar=Table.real(b_bar), heads=op.heads, origin=op.origin)
    return None


def _unstable(op: Diag) -> list[str]:
    radius = np.hypot(op.lambda_bar.data[:, 0], op.lambda_bar.data[:, 1])
    (bad,) = np.nonzero(~(radius < 1.0))
    if not len(bad):
        return []
    return [f"{op.origin or op.name}: {len(bad)} of {len(radius)} poles have |lambda_bar| >= 1 (state {bad[0]} first)"]
