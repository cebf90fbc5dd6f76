"""Converters: which columns of which product each ADC of a graph of arrays converts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.crossbar.names import ADC
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, Requant, Take, Xbar


def converter_of(graph: Graph, op: Op) -> tuple[Xbar, NDArray[np.int64]] | None:
    """The product whose columns an ADC converts, and which of them; None for any other op."""
    if not isinstance(op, Requant) or not op.name.endswith(ADC):
        return None
    source = graph[op.inputs[0]]
    if isinstance(source, Take):
        product = graph[source.inputs[0]]
        at = source.indices.data
    else:
        product, at = source, np.arange(source.type.shape[0])
    return (product, at) if isinstance(product, Xbar) else None
