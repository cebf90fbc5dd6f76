"""Vectors: samples and expected outputs as the text files that the emitted main.c replays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph

FOLDER = "vectors"
Array = NDArray[np.int64]


def vector_texts(graph: Graph, samples: Array, outputs: Mapping[str, Array]) -> dict[str, str]:
    """{path: text} of samples.txt and expected.txt.

    samples: (n, length, d_input) integers. outputs: by name, (n, length, ...) for those of every step and (n, ...) for
    those after the last, as the golden model gives them.
    """
    count, length = samples.shape[:2]
    step = [outputs[output.name].reshape(count, length, -1) for output in graph.outputs if output.when == "step"]
    last = [outputs[output.name].reshape(count, -1) for output in graph.outputs if output.when == "last"]
    sizes = [sum(array.shape[-1] for array in arrays) for arrays in (step, last)]
    lines = [f"{count} {length} {sizes[0]} {sizes[1]}"]
    for n in range(count):
        if step:
            lines += [_row(np.concatenate([array[n, t] for array in step])) for t in range(length)]
        if last:
            lines.append(_row(np.concatenate([array[n] for array in last])))
    rows = [f"{count} {length} {samples.shape[2]}", *(_row(row) for row in samples.reshape(count * length, -1))]
    return {f"{FOLDER}/samples.txt": "\n".join(rows) + "\n", f"{FOLDER}/expected.txt": "\n".join(lines) + "\n"}


def _row(values: Array) -> str:
    return " ".join(str(int(value)) for value in values)
