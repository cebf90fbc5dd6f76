"""ArrayMachine: runs a physical graph with one draw of its arrays over many sequences; all that is digital is exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant, Input, Op, State, Xbar
from qssmc.ir.table import Table
from qssmc_sim.crossbar.array import ArrayProduct
from qssmc_sim.crossbar.rules import Array, Rule, float_rule, kind_of
from qssmc_sim.rules import saturated

Look = Callable[[int, Mapping[str, Array]], None]
Program = list[tuple[Op, Rule | None]]


class ArrayMachine:
    """products: what stands for each xbar op, by name; others are exact. tables: factors of scale ops that this draw
    has of its own, by name.
    """

    def __init__(
        self, graph: Graph, products: Mapping[str, ArrayProduct], tables: Mapping[str, Table] | None = None
    ) -> None:
        self.graph, self.products, self.tables = graph, products, tables or {}
        self.step_program, self.last_program = self._prepare(graph.step_ops), self._prepare(graph.last_ops)

    def run(self, samples: NDArray[Any], look: Look | None = None) -> dict[str, Array]:
        """Outputs by name. samples: integers (sequences, steps, d_input); results as golden's, as floats.

        look(t, values) sees every value of step t, (elements, sequences), and those of the closing as t = steps.
        """
        graph, count = self.graph, len(samples)
        turned = np.ascontiguousarray(np.moveaxis(samples, 0, -1))
        states = {op.name: np.zeros((*op.type.array_shape, count), kind_of(op.type)) for op in graph.states}
        rows: dict[str, list[Array]] = {output.name: [] for output in graph.outputs if output.when == "step"}
        for t in range(samples.shape[1]):
            values = self._evaluate(self.step_program, states, turned[t], count)
            states = {name: values[value] for name, value in graph.updates.items()}
            for output in graph.outputs:
                if output.when == "step":
                    rows[output.name].append(values[output.value])
            if look:
                look(t, values)
        found = {name: np.moveaxis(np.stack(steps), -1, 0) for name, steps in rows.items()}
        closing = self._evaluate(self.last_program, states, None, count)
        if look and closing:
            look(samples.shape[1], closing)
        for output in graph.outputs:
            if output.when == "last":
                found[output.name] = np.moveaxis(closing[output.value], -1, 0)
        return found

    def _evaluate(
        self, program: Program, states: Mapping[str, Array], sample: Array | None, count: int
    ) -> dict[str, Array]:
        values: dict[str, Array] = {}
        for op, rule in program:
            if isinstance(op, Constant):
                assert rule is not None
                value = rule()
                values[op.name] = np.broadcast_to(value, (*value.shape[:-1], count))  # for ops that join vectors
            elif rule is not None:
                values[op.name] = rule(*(values[name] for name in op.inputs))
            elif isinstance(op, State):
                values[op.name] = states[op.name]
            else:
                assert isinstance(op, Input)
                assert sample is not None, "the verifier lets no end-of-sequence output depend on a sample"
                values[op.name] = saturated(op, sample).astype(kind_of(op.type))
        return values

    def _prepare(self, ops: tuple[Op, ...]) -> Program:
        return [(op, None if isinstance(op, (Input, State)) else self._rule(op)) for op in ops]

    def _rule(self, op: Op) -> Rule:
        if isinstance(op, Xbar):
            return self._product(op)
        if op.name in self.tables:
            op = replace(op, factor=self.tables[op.name])  # type: ignore[call-arg]
        return float_rule(op, tuple(operand.type for operand in self.graph.operands(op)))

    def _product(self, op: Xbar) -> Rule:
        found = self.products.get(op.name)
        if found is None:
            kind = kind_of(op.type)
            weight = op.weight.data.astype(kind)
            return lambda codes: weight @ codes.astype(kind, copy=False)
        return lambda codes: found(codes.astype(np.float32, copy=False))
