"""Input zero: the zero points of a sensor, read off an integer graph, where an offset by them follows the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, Offset


def centred_name(name: str) -> str:
    """What samples less their zero point are called."""
    return f"{name}_centred"


def input_zero(graph: Graph, op: Input) -> NDArray[np.int64]:
    """The sample that stands for 0 of each channel of an input, (channels,)."""
    users = graph.users[op.name]
    if len(users) == 1 and isinstance(users[0], Offset) and users[0].name == centred_name(op.name):
        return np.asarray(-users[0].value.data, np.int64)
    return np.zeros(op.type.shape, np.int64)
