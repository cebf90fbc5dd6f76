"""Gram: what the states of each head have in common, over the calibration sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration, only
from qssmc.analysis.least_squares import Normal
from qssmc.analysis.ssm_layers import SsmLayer, heads_of
from qssmc.ir.graph import Graph

EVERY = 3  # neighbouring steps say almost the same; a third of them is enough
_ROWS = 1024  # gathered before a product, so that it is a large one


class HeadNormals:
    """Normal equations of every head of a layer: features are re and im of its states, then its input u.

    members: the states of each head. targets: one a head.
    """

    def __init__(self, heads: NDArray[np.int64], channels: int) -> None:
        self.members = [np.flatnonzero(heads == head) for head in range(channels)]
        self.normals = [Normal.empty(2 * len(own) + 1, 1) for own in self.members]
        self._waiting: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []

    def see(self, x: NDArray[Any], u: NDArray[Any], y: NDArray[Any]) -> None:
        """Add a step. x: (batch, S, 2); u: (batch, channels); y: (batch, channels)."""
        self._waiting.append((x, u, y))
        if sum(len(row[0]) for row in self._waiting) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Multiply out what waits."""
        if not self._waiting:
            return
        x, u, y = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        for head, (own, normal) in enumerate(zip(self.members, self.normals, strict=True)):
            features = np.concatenate([x[:, own].reshape(len(x), -1), u[:, head : head + 1]], axis=1)
            normal.see(features, y[:, head : head + 1])


def head_normals(graph: Graph, layer: SsmLayer, calibration: Calibration) -> HeadNormals:
    """The equations of a layer of a discrete graph, with its own y as the target."""
    small = only(graph, [layer.total, layer.result])
    source = graph[layer.drive].inputs[0]
    found = HeadNormals(heads_of(graph, layer), graph[layer.result].type.shape[0])

    def see(t: int, values: Mapping[str, NDArray[Any]]) -> None:
        if t % EVERY == 0:
            found.see(values[layer.total], values[source], values[layer.result])

    calibration.observe(small, see)
    found.flush()
    return found
