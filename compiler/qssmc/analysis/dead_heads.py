"""Dead heads: those whose output never moves on the calibration sequences, told in a sentence a layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.ir.graph import Graph

_NAMED = 8


def dead_heads(graph: Graph) -> dict[str, NDArray[np.int64]]:
    """The heads of each layer of a calibrated graph whose output never moves, by name of the layer's result.

    They are sound as they are: their noise gain is nothing, so pruning takes their states first and water-filling gives
    what stays the fewest bits; if they fire after all, their states saturate.
    """
    found = {}
    for layer in ssm_layers(graph):
        if layer.result in graph.ranges:
            low, high = graph.ranges[layer.result].data[:2]
            found[layer.result] = np.flatnonzero(high <= low)
    return found


def dead_head_sentences(graph: Graph) -> Iterator[str]:
    """One sentence for each layer with such heads."""
    for name, heads in dead_heads(graph).items():
        if len(heads):
            named = ", ".join(str(head) for head in heads[:_NAMED]) + (", ..." if len(heads) > _NAMED else "")
            count = "1 head never fires" if len(heads) == 1 else f"{len(heads)} heads never fire"
            yield f"calibration: {count} in %{name} ({named}); more varied sequences may tell whether that is so"
