"""Columns: the pass that removes what a matrix reads least: whole heads before mixing, channels before the decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.answer_cost import output_deviations
from qssmc.analysis.calibration import Calibration, only
from qssmc.analysis.fixed import are_free, is_fixed
from qssmc.analysis.gram import EVERY
from qssmc.analysis.least_squares import Normal, ridged, solve
from qssmc.analysis.sensitivity import downstream_gain
from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Activation, Add, Matvec, Op, State
from qssmc.ir.table import Table
from qssmc.ir.verify import verify
from qssmc.passes.prune.dead import drop_dead

Real = NDArray[np.float64]
Index = NDArray[np.int64]
_PRIOR = 1e-3  # of the spread of the features: how much the old weights count where there are few sequences


@dataclass(frozen=True)
class PruneHeads:
    """Backward elimination of the columns of each mixing matrix until `keep` heads of its layer are left.

    The columns are refitted after each removal on the Gram matrix of the activations, their errors weighted by the
    downstream gain of the matrix's rows. A head that is gone takes its states and its input with it (drop_dead).
    """

    keep: int
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        for layer in ssm_layers(graph):
            mixing = _mixing(graph, layer.result)
            if mixing is None:
                continue
            if is_fixed(graph, mixing):
                raise UsageError(f"--heads {self.keep}: {_trained(mixing)}")
            _check(self.keep, mixing.weight.shape[1], "heads")
            gain = downstream_gain(graph, mixing.name, self.calibration)
            graph = _thinned(graph, [mixing], self.keep, gain, self.calibration)
        return drop_dead(graph)


@dataclass(frozen=True)
class PruneChannels:
    """Backward elimination of the channels that the decoder reads until `keep` are left, and refit of the decoder.

    A channel that is gone takes its rows of the last mixing matrix, its residual and its running sum with it.
    """

    keep: int
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        decoder = graph[graph.outputs[0].value]
        terms = graph.operands(decoder) if isinstance(decoder, Add) else (decoder,)
        matvecs = [op for op in terms if isinstance(op, Matvec)]
        if len(matvecs) != len(terms):
            return graph
        if not are_free(graph, [op.name for op in matvecs]):
            raise UsageError(f"--channels {self.keep}: {_trained(matvecs[0])}")
        _check(self.keep, matvecs[0].weight.shape[1], "channels")
        output, gain = graph.outputs[0], np.ones(matvecs[0].weight.shape[0])
        if output.kind != "class":  # each output in its own unit, or each flag, by what it moves
            gain = output_deviations(graph, self.calibration)[output.name] ** -2.0
        return drop_dead(_thinned(graph, matvecs, self.keep, gain, self.calibration))


def _mixing(graph: Graph, value: str) -> Matvec | None:
    """The matvec that reads the activation of a value, if both are read by nothing else."""
    for kind in (Activation, Matvec):
        if len(graph.users[value]) != 1 or not isinstance(user := graph.users[value][0], kind):
            return None
        if any(output.value == value for output in graph.outputs):
            return None
        value = user.name
    return user if isinstance(user, Matvec) else None


def _trained(op: Op) -> str:
    return f"the weights of {op.origin or op.name} were trained on a grid, so they stay as they are; leave it out"


def _check(keep: int, there: int, what: str) -> None:
    if keep > there:
        raise UsageError(f"--{what} {keep} is more than the {there} that the model has; give fewer")


def _thinned(graph: Graph, matvecs: list[Matvec], keep: int, gain: Real, calibration: Calibration) -> Graph:
    """The graph with zero columns in the first matvec, and its other weights refitted."""
    normal, prior = _normal(graph, matvecs, calibration)
    gram = ridged(normal.gram, 1e-9) + prior
    width = matvecs[0].weight.shape[1]
    start = np.concatenate([op.weight.data.T for op in matvecs] + [sum(op.bias.data for op in matvecs)[None]])  # type: ignore[index]
    weight = solve(gram, normal.moment + (gram - normal.gram) @ start)
    inverse, alive = np.linalg.inv(gram), np.ones(width, bool)
    while alive.sum() > keep:
        cost = (weight[:width] ** 2 @ gain) / np.where(alive, np.diag(inverse)[:width], 1.0)
        gone = int(np.argmin(np.where(alive, cost, np.inf)))
        step = inverse[:, gone] / inverse[gone, gone]
        weight = weight - np.outer(step, weight[gone])
        inverse = inverse - np.outer(step, inverse[gone])
        weight[gone] = inverse[gone] = inverse[:, gone] = 0.0
        alive[gone] = False
    weight[:width][~alive] = 0.0
    return _replaced(graph, matvecs, weight)


def _replaced(graph: Graph, matvecs: list[Matvec], weight: Real) -> Graph:
    made: dict[str, Op] = {}
    at = 0
    for index, op in enumerate(matvecs):
        part = weight[at : at + op.weight.shape[1]].T
        at += op.weight.shape[1]
        bias = weight[-1] if index == 0 else np.zeros(len(part))
        made[op.name] = replace(op, weight=Table.real(part), bias=Table.real(bias))
    return verify(replace(graph, ops=tuple(made.get(op.name, op) for op in graph.ops)))


def _normal(graph: Graph, matvecs: list[Matvec], calibration: Calibration) -> tuple[Normal, Real]:
    """Equations over what the matvecs read, and a constant; sums over time are means where their count is read too."""
    values = [op.inputs[0] for op in matvecs]
    last = all(isinstance(graph[name], State) for name in values)
    counted = last and len(values) > 1
    normal = Normal.empty(sum(op.weight.shape[1] for op in matvecs) + 1, matvecs[0].weight.shape[0])
    small = graph if last else only(graph, values)
    length = calibration.steps

    def see(t: int, found: Mapping[str, NDArray[Any]]) -> None:
        if (last and t != length) or (not last and (t % EVERY or t == length)):
            return
        one = np.full((len(found[values[0]]), 1), 0.0 if counted else 1.0)
        features = np.concatenate([*(found[name] / (length if counted else 1) for name in values), one], axis=1)
        targets = sum(found[name] @ op.weight.data.T + op.bias.data for name, op in zip(values, matvecs, strict=True))
        normal.see(features, np.asarray(targets) / (length if counted else 1))

    calibration.observe(small, see)
    mean = normal.gram[:, -1] if not counted else normal.gram[:, -2]
    spread = np.clip(np.diag(normal.gram) - mean**2 / max(1, normal.rows), 0.0, None)
    share = _PRIOR if last else 1e-6
    return normal, np.diag(share * spread[:-1].mean() * (spread > 0.0))
