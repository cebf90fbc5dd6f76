"""ScaleStates: states fill their range, by a factor that puts their input weight onto its grid exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import SsmLayer, ssm_layers
from qssmc.ir.build import Builder
from qssmc.ir.graph import RANGE_ROWS, Graph
from qssmc.ir.ops import Inject, Op, Readout
from qssmc.ir.table import Table
from qssmc.passes.rewrite import rewrite

_LOW, _HIGH = RANGE_ROWS.index("low_999"), RANGE_ROWS.index("high_999")


@dataclass(frozen=True)
class ScaleStates:
    """x = f x', b_bar' = b_bar / f, c' = c f, with f such that b_bar' has `bits` significant bits and |x'| reaches 1.

    For real, positive input weights (rotate). The 99.9 % range of the state lands in (1 - 2^-bits, 1], so that no
    level of the state and no bit of the input weight is wasted: the rounding of b_bar costs nothing. Needs ranges.

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %x : cf64[2] = state
    ... %ax : cf64[2] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : cf64[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %xn : cf64[2] = add %ax %bu
    ... %y : f64[1] = readout %xn c=@y.c heads=@bu.heads channels=1
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : real[2,2]
    ...   0.95 0.05 0.3 0.0
    ... table @bu.b_bar : real[2,2]
    ...   0.3 0.0 0.7 0.0
    ... table @bu.heads : int[2]
    ...   0 0
    ... table @y.c : real[2,2]
    ...   1.0 0.0 0.01 0.0
    ... range %xn : real[7,2,2]
    ...   -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0 -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0
    ...   -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0 1.0 0.0 1.0 0.0
    ... range %ax : real[7,2,2]
    ...   -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0 -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0
    ...   -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0 1.0 0.0 1.0 0.0
    ... range %bu : real[7,2,2]
    ...   -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0 -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0
    ...   -3.0 0.0 -2.0 0.0 3.0 0.0 2.0 0.0 1.0 0.0 1.0 0.0''')
    >>> after = ScaleStates(1)(before)
    >>> after["bu"].b_bar.data[:, 0].tolist(), after["y"].c.data[:, 0].round(3).tolist()
    ([0.0625, 0.25], [4.8, 0.028])
    """

    bits: int

    def __call__(self, graph: Graph) -> Graph:
        factors = {layer: self.factor(graph, layer) for layer in ssm_layers(graph)}
        drives = {layer.drive: factor for layer, factor in factors.items()}
        readouts = {layer.readout: factor for layer, factor in factors.items()}

        def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
            if isinstance(op, Inject) and op.name in drives:
                b_bar = Table.real(op.b_bar.data / drives[op.name][:, None])
                return b.add(Inject(b_bar=b_bar, heads=op.heads), op.name, *inputs, origin=op.origin)
            if isinstance(op, Readout) and op.name in readouts:
                c = Table.real(op.c.data * readouts[op.name][:, None])
                return b.add(Readout(c=c, heads=op.heads, channels=op.channels), op.name, *inputs, origin=op.origin)
            return None

        ranges = dict(graph.ranges)
        for layer, factor in factors.items():
            for name in (layer.total, layer.transition, layer.drive):
                ranges[name] = Table.real(graph.ranges[name].data / factor[:, None])
        # A sign and at least one bit.
        bits = {f"{name}.b_bar": Table.integer(self.bits + 1) for name in drives}
        return replace(rewrite(graph, graph.stage, replace_op, ranges), bits={**graph.bits, **bits})

    def factor(self, graph: Graph, layer: SsmLayer) -> NDArray[np.float64]:
        """f of each state; 1 for one that is never moved or whose input weight is not real."""
        drive = graph[layer.drive]
        assert isinstance(drive, Inject)
        observed = graph.ranges[layer.total].data
        reach = np.maximum(-observed[_LOW], observed[_HIGH]).max(axis=-1)
        b = drive.b_bar.data[:, 0]
        moving = (reach > 0.0) & (b > 0.0) & (drive.b_bar.data[:, 1] == 0.0)
        ideal = np.where(moving, b, 1.0) / np.where(moving, reach, 1.0)
        unit = np.exp2(np.floor(np.log2(ideal)) - (self.bits - 1))
        return np.where(moving, b / (np.floor(ideal / unit) * unit), 1.0)
