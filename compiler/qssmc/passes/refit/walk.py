"""The walk of the refit pass: every fit in order, each on what the ones before it have become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration, only
from qssmc.analysis.fixed import are_free
from qssmc.analysis.gram import EVERY
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.verify import verify
from qssmc.passes.refit.fits import HeadFit, MatrixFit, fits, unit_of
from qssmc.passes.refit.heads import HeadGather
from qssmc.passes.refit.matrices import MatrixGather

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Refit:
    """c, d, mixing, decoder and their biases by ridge least squares against the float model's values, then rounded.

    The features are those of the quantised graph, dither, saturation and rounded activations included, so that each
    layer makes up for what was lost before it. teacher: the float (discrete) graph, whose values have the same names.
    refit False leaves the weights as they are and only rounds them with compensation: those of `ideal`, the graph
    before it was quantised, or of the graph itself.
    """

    teacher: Graph
    calibration: Calibration
    refit: bool = True
    ideal: Graph | None = None

    def __call__(self, graph: Graph) -> Graph:
        todo = [fit for fit in fits(graph) if self.is_possible(graph, fit)]
        targets = self.targets(graph, todo)
        for fit in todo:
            start = graph if self.ideal is None else _unrounded(graph, self.ideal, fit)
            gather = HeadGather(start, fit) if isinstance(fit, HeadFit) else MatrixGather(start, fit)
            self.gather(graph, fit, gather, targets)
            made: Mapping[str, Op] = gather.solved(start, refit=self.refit)
            graph = verify(replace(graph, ops=tuple(made.get(op.name, op) for op in graph.ops)))
        return graph

    def is_possible(self, graph: Graph, fit: HeadFit | MatrixFit) -> bool:
        """Whether the operands are on grids and the teacher has the value; the model's own input needs no refit."""
        if fit.result not in self.teacher.by_name or not self.is_free(fit):
            return False
        if isinstance(fit, HeadFit):
            return unit_of(graph, graph[fit.readout].inputs[0]) is not None
        operands = [graph[name].inputs[0] for name in fit.matvecs]
        inputs = {name for op in graph.inputs for name in (op.name, *(user.name for user in graph.users[op.name]))}
        return all(unit_of(graph, name) is not None and name not in inputs for name in operands)

    def is_free(self, fit: HeadFit | MatrixFit) -> bool:
        """Whether the model was trained with none of the weights; the teacher's have no grids but those."""
        names = fit.matvecs if isinstance(fit, MatrixFit) else (fit.readout, *([fit.feed] if fit.feed else []))
        return are_free(self.teacher, [name for name in names if name in self.teacher.by_name])

    def targets(self, graph: Graph, todo: list[HeadFit | MatrixFit]) -> dict[str, list[NDArray[Any]]]:
        """The teacher's values: of every third step, (steps, batch, n), or of the close; one array a batch.

        Of a value that was pruned, only the elements that are left.
        """
        names = [fit.result for fit in todo]
        left = {name: graph.kept[name].data if name in graph.kept else slice(None) for name in names}
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for part in self.parts():
            rows: dict[str, list[NDArray[Any]]] = {name: [] for name in names}

            def see(t: int, values: Mapping[str, NDArray[Any]], rows: dict[str, list[NDArray[Any]]] = rows) -> None:
                for name, row in rows.items():
                    if name in values and (t % EVERY == 0 or t == self.calibration.steps):
                        row.append(np.array(values[name][:, left[name]]))

            self.calibration.run(self.teacher, part, see)
            for name, row in rows.items():
                found[name].append(np.stack(row))
        return found

    def parts(self) -> list[NDArray[Any]]:
        """The calibration sequences, the same few at a time for teacher and student."""
        return list(self.calibration.batches(self.teacher))

    def gather(
        self,
        graph: Graph,
        fit: HeadFit | MatrixFit,
        gather: HeadGather | MatrixGather,
        targets: Mapping[str, list[NDArray[Any]]],
    ) -> None:
        """Run the student and add up the equations of one fit."""
        last = isinstance(fit, MatrixFit) and fit.last
        student = graph if last else only(graph, gather.values)
        for part, wanted in zip(self.parts(), targets[fit.result], strict=True):

            def see(t: int, values: Mapping[str, NDArray[Any]], wanted: NDArray[Any] = wanted) -> None:
                if last and t == self.calibration.steps:
                    assert isinstance(gather, MatrixGather)
                    gather.see(values, wanted[0], t)
                elif not last and t % EVERY == 0 and t < self.calibration.steps:
                    gather.see(values, wanted[t // EVERY])

            self.calibration.run(student, part, see)


def _unrounded(graph: Graph, ideal: Graph, fit: HeadFit | MatrixFit) -> Graph:
    """The graph with the weights of one fit as they were before they were rounded, their grids as they are."""
    names = fit.matvecs if isinstance(fit, MatrixFit) else (fit.readout, *([fit.feed] if fit.feed else []))
    made: dict[str, Op] = {}
    for name in names:
        op, before = graph[name], ideal[name]
        tables = {
            key: replace(table, data=np.broadcast_to(before.tables()[key].data, table.shape))
            for key, table in op.tables().items()
            if key in before.tables()
        }
        changes: dict[str, Any] = dict(tables)
        made[name] = replace(op, **changes)
    return replace(graph, ops=tuple(made.get(op.name, op) for op in graph.ops))
