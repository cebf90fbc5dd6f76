"""Arrays: how many a design takes and how full they are, beside the published mapping of the same model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qssmc.analysis.array_layout import ArrayLayout
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Drive, Inject

_LANES = 4  # of the published mapping: re+, re-, im+, im-
_SHARED = 4  # lines of u and of y beside those of the states


def arrays_report(laid: ArrayLayout, source: Graph) -> dict[str, Any]:
    """Arrays, reads, programmed cells and wires of a plan. source: the graph before anything was pruned.

    The published mapping (IMSSA, arXiv 2412.20215; QS4D, arXiv 2507.06079) gives every head arrays of its own, four
    lanes a state, one slice whatever the bits: 60 lines and 5.5 % of the cells for a head of 14 complex poles.
    """
    lines = laid.options.lanes // 2
    cells = laid.options.size[0] * laid.options.size[1]
    programmed = lines * sum(int(np.count_nonzero(read.weight)) for read in laid.reads)
    heads = [int(count) for count in _heads(source)]
    theirs = _published(heads, laid.options.size)
    return {
        "size": list(laid.options.size),
        "arrays": laid.arrays,
        "reads_per_step": len(laid.reads),
        "programmed_cells": programmed,
        "utilisation_percent": round(100.0 * programmed / (cells * laid.arrays), 3),
        "slices": sum(len(read.columns) for read in laid.reads),
        "wire_length_cells": laid.wires,
        "published": theirs,
        "times_fewer_arrays": round(theirs["arrays"] / laid.arrays, 2),
        "times_fuller": round(programmed / laid.arrays / cells * 100.0 / theirs["utilisation_percent"], 2),
    }


def _heads(graph: Graph) -> list[int]:
    """Complex states of every head, layer after layer."""
    found: list[int] = []
    for op in graph.ops:
        if isinstance(op, (Drive, Inject)) and op.heads is not None:
            found += np.bincount(op.heads.data, minlength=graph[op.inputs[0]].type.shape[0]).tolist()
    return found


def _published(heads: list[int], size: tuple[int, int]) -> dict[str, Any]:
    """Four lanes a state, each head on arrays of its own; a head that is too large goes on in the next."""
    fits = max(1, (min(size) - _SHARED) // _LANES)
    arrays = sum(max(1, math.ceil(count / fits)) for count in heads)
    cells = sum(16 * count + 2 for count in heads)  # A 2x2 on four lanes, B and C two each on two, D
    share = 100.0 * cells / (arrays * size[0] * size[1])
    return {"states": sum(heads), "arrays": arrays, "programmed_cells": cells, "utilisation_percent": round(share, 3)}
