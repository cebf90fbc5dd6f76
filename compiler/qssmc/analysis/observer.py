"""Observe: runs of a graph on calibration sequences, a few at a time, whose values are looked at and not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph, Output

# (graph, samples, observe): runs the sequences and shows observe every value of every step.
ObserveRun = Callable[[Graph, NDArray[Any], Callable[[int, Mapping[str, NDArray[Any]]], None]], None]
_STATES_AT_ONCE = 1 << 15  # what the second-level cache holds of the states of all sequences of a batch


def batches(graph: Graph, samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The sequences in parts that are fast to run side by side."""
    states = sum(int(np.prod(op.type.array_shape)) for op in graph.states)
    size = max(8, _STATES_AT_ONCE // max(1, states))
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def only(graph: Graph, values: Sequence[str]) -> Graph:
    """The graph without the outputs, and the ops that only those need; the values leave it instead, at every step."""
    needed = graph.needed(values)
    while True:  # what a needed state becomes is needed too
        more = graph.needed([*needed, *(graph.updates[name] for name in needed if name in graph.updates)])
        if more == needed:
            break
        needed = more
    kept = graph.with_ops(op for op in graph.ops if op.name in needed)
    updates = {state: value for state, value in graph.updates.items() if state in needed}
    outputs = tuple(Output(f"out{index}", value, "step") for index, value in enumerate(values))
    return replace(kept, updates=updates, outputs=outputs)


def collect(
    graph: Graph, samples: NDArray[Any], run: ObserveRun, values: Sequence[str], every: int = 1
) -> dict[str, NDArray[Any]]:
    """Values of every so many steps by name, (count, steps, ...)."""
    small = only(graph, values)
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in values}
    for part in batches(small, samples):
        rows: dict[str, list[NDArray[Any]]] = {name: [] for name in values}

        def see(t: int, found: Mapping[str, NDArray[Any]], rows: dict[str, list[NDArray[Any]]] = rows) -> None:
            if t % every == 0:
                for name, row in rows.items():
                    row.append(np.array(found[name]))

        run(small, part, see)
        for name, row in rows.items():
            parts[name].append(np.stack(row, axis=1))
    return {name: np.concatenate(part) for name, part in parts.items()}
