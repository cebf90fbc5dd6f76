"""Rotate: every complex state is turned so that its input weight is real and positive."""

from __future__ import annotations

import numpy as np

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Inject, Op, Readout
from qssmc.ir.table import Table
from qssmc.passes.rewrite import rewrite


def rotate(graph: Graph) -> Graph:
    """x_n = e^(i arg b_n) x'_n: b_bar' = |b_bar|, c' = c e^(i arg b).

    lambda_bar is diagonal, so the transition does not change. A real input weight needs half the bits, one
    multiplication less a state, and can be made to lie on its grid exactly by the scaling of the state (balance).

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %x : cf64[1] = state
    ... %ax : cf64[1] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : cf64[1] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %xn : cf64[1] = add %ax %bu
    ... %y : f64[1] = readout %xn c=@y.c heads=@bu.heads channels=1
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : real[1,2]
    ...   0.5 0.0
    ... table @bu.b_bar : real[1,2]
    ...   0.0 2.0
    ... table @bu.heads : int[1]
    ...   0
    ... table @y.c : real[1,2]
    ...   1.0 3.0''')
    >>> after = rotate(before)
    >>> after["bu"].b_bar.data.tolist(), after["y"].c.data.tolist()
    ([[2.0, 0.0]], [[-3.0, 1.0]])
    """
    found = ssm_layers(graph)
    drives = {layer.drive for layer in found}
    turns = {layer.readout: _turn(graph, layer.drive) for layer in found}

    def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
        if isinstance(op, Inject) and op.name in drives:
            magnitude = Table.real(np.abs(op.b_bar.as_complex()).astype(np.complex128))
            return b.add(Inject(b_bar=magnitude, heads=op.heads), op.name, *inputs, origin=op.origin)
        if isinstance(op, Readout) and op.name in turns:
            c = Table.real(op.c.as_complex() * turns[op.name])
            return b.add(Readout(c=c, heads=op.heads, channels=op.channels), op.name, *inputs, origin=op.origin)
        return None

    return rewrite(graph, graph.stage, replace_op)


def _turn(graph: Graph, drive: str) -> np.ndarray[tuple[int, ...], np.dtype[np.complex128]]:
    """b / |b| of each state, 1 where b is 0; quarter turns exactly."""
    op = graph[drive]
    assert isinstance(op, Inject)
    b = op.b_bar.as_complex()
    size = np.abs(b)
    turn = np.where(size > 0.0, b / np.where(size > 0.0, size, 1.0), 1.0)
    # The division does not give them exactly.
    quarters = (b == 0.0) * 1.0 + (b.imag == 0.0) * np.sign(b.real) + (b.real == 0.0) * np.sign(b.imag) * 1j
    return np.where(quarters != 0.0, quarters, turn)
