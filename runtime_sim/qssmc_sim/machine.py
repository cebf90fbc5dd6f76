"""Machine: runs a graph of any stage step by step over a batch of sequences; on the integer stage it is golden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, Op, State
from qssmc_sim.rules import Rule, rule_of, saturated

Array = NDArray[Any]
Values = Mapping[str, Array]
Observer = Callable[[int, Values], None]


class Machine:
    """Holds the states of a batch of sequences. Integer graphs take and give int64, the others float64."""

    def __init__(self, graph: Graph, batch: int) -> None:
        self.graph, self.batch = graph, batch
        self.dtype = np.int64 if graph.stage == "integer" else np.float64
        self._step = _prepare(graph.step_ops)
        self._last = _prepare(graph.last_ops)
        self.reset()

    def reset(self) -> None:
        """Every state to zero, as before the first sample."""
        self.states = {op.name: np.zeros((self.batch, *op.type.array_shape), self.dtype) for op in self.graph.states}

    def step(self, samples: Array) -> dict[str, Array]:
        """Fire once. samples: (batch, d_input), which saturate as Input says.

        Returns every value computed, by op name, and moves the states on.
        """
        values = self._evaluate(self._step, samples.astype(self.dtype, copy=False))
        self.states = {name: values[value] for name, value in self.graph.updates.items()}
        return values

    def last(self) -> dict[str, Array]:
        """Close the sequence: every value that the end-of-sequence outputs need, from the states as they stand."""
        return self._evaluate(self._last, None)

    def _evaluate(self, program: list[tuple[Op, Rule | None]], samples: Array | None) -> dict[str, Array]:
        values: dict[str, Array] = {}
        for op, rule in program:
            if isinstance(op, State):
                values[op.name] = self.states[op.name]
            elif isinstance(op, Input):
                assert samples is not None, "the verifier lets no end-of-sequence output depend on a sample"
                values[op.name] = saturated(op, samples)
            else:
                assert rule is not None
                result = rule(*(values[name] for name in op.inputs))
                if len(result) != self.batch:  # of constants alone
                    result = np.broadcast_to(result, (self.batch, *result.shape[1:]))
                values[op.name] = result
        return values


@dataclass(frozen=True)
class Result:
    """Outputs by name: (batch, length, n) for per-step ones, (batch, n) for end-of-sequence ones."""

    outputs: dict[str, Array]


def run(graph: Graph, samples: Array, observe: Observer | None = None) -> Result:
    """Run whole sequences. samples: (batch, length, d_input), integers for an integer graph, else real.

    observe(t, values) sees every value of step t, and those of the closing as t = length.
    """
    machine = Machine(graph, len(samples))
    steps: dict[str, list[Array]] = {output.name: [] for output in graph.outputs if output.when == "step"}
    for t in range(samples.shape[1]):
        values = machine.step(samples[:, t])
        for output in graph.outputs:
            if output.when == "step":
                steps[output.name].append(values[output.value])
        if observe:
            observe(t, values)
    closing = machine.last()
    if observe and closing:
        observe(samples.shape[1], closing)
    found = {name: np.stack(rows, axis=1) for name, rows in steps.items()}
    for output in graph.outputs:
        if output.when == "last":
            found[output.name] = closing[output.value]
    return Result(found)


def _prepare(ops: tuple[Op, ...]) -> list[tuple[Op, Rule | None]]:
    return [(op, None if isinstance(op, (Input, State)) else rule_of(op)) for op in ops]
