"""Calibration: sequences to learn from, and the simulator that shows what a graph makes of them, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph, Output

# Told of every value of a step, by name; of those of the close of a sequence as of the step after the last.
Observer = Callable[[int, Mapping[str, NDArray[Any]]], None]
_STATES_AT_ONCE = 1 << 15  # what the second-level cache holds of the states of all sequences of a batch


class Simulated(Protocol):
    """What a run gives: the outputs by name, (batch, steps, n) of every step or (batch, n) of the close."""

    @property
    def outputs(self) -> Mapping[str, NDArray[Any]]:
        """The outputs by name."""
        ...


class Simulator(Protocol):
    """Runs a graph on sequences (batch, steps, d_input), as `qssmc_sim.run` does, and shows an observer every step."""

    def __call__(self, graph: Graph, samples: NDArray[Any], observe: Observer | None = None, /) -> Simulated:
        """One run."""
        ...


@dataclass(frozen=True, eq=False)
class Calibration:
    """samples: sequences (count, steps, d_input), real or, for integer graphs, integers; run: the simulator.

    >>> from qssmc.ir import parse
    >>> from qssmc_sim import run
    >>> graph = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %r : f64[1] = activation %u kind=relu
    ... output y : step = %r''')
    >>> Calibration(np.array([[[-1.0], [0.5]]]), run).collect(graph, ["r"])["r"].tolist()
    [[[0.0], [0.5]]]
    """

    samples: NDArray[Any]
    run: Simulator

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def steps(self) -> int:
        """The length of every sequence; the step at which an observer sees the close."""
        return int(self.samples.shape[1])

    def part(self, which: slice) -> Calibration:
        """Some of the sequences."""
        return replace(self, samples=self.samples[which])

    def slices(self, graph: Graph) -> Iterator[slice]:
        """Which sequences are fast to run side by side through a graph, in order; every one is in one slice."""
        states = sum(int(np.prod(op.type.array_shape)) for op in graph.states)
        size = max(8, _STATES_AT_ONCE // max(1, states))
        for start in range(0, len(self.samples), size):
            yield slice(start, start + size)

    def batches(self, graph: Graph) -> Iterator[NDArray[Any]]:
        """The sequences of each slice."""
        for which in self.slices(graph):
            yield self.samples[which]

    def observe(self, graph: Graph, *observers: Observer) -> None:
        """Show observers every step of every batch; nothing is kept."""

        def see(t: int, values: Mapping[str, NDArray[Any]]) -> None:
            for observer in observers:
                observer(t, values)

        for batch in self.batches(graph):
            self.run(graph, batch, see)

    def collect(self, graph: Graph, values: Sequence[str], every: int = 1) -> dict[str, NDArray[Any]]:
        """Values of every so many steps by name, (count, steps, ...)."""
        small = only(graph, values)
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in values}
        for batch in self.batches(small):
            rows: dict[str, list[NDArray[Any]]] = {name: [] for name in values}

            def see(t: int, found: Mapping[str, NDArray[Any]], rows: dict[str, list[NDArray[Any]]] = rows) -> None:
                if t % every == 0:
                    for name, row in rows.items():
                        row.append(np.array(found[name]))

            self.run(small, batch, see)
            for name, row in rows.items():
                parts[name].append(np.stack(row, axis=1))
        return {name: np.concatenate(part) for name, part in parts.items()}

    def outputs(self, graph: Graph) -> dict[str, NDArray[Any]]:
        """The outputs of all sequences, by name."""
        found = [self.run(graph, batch).outputs for batch in self.batches(graph)]
        return {output.name: np.concatenate([part[output.name] for part in found]) for output in graph.outputs}


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
