"""Answer cost: what a squared error of a running sum, or of an output, costs, by what the outputs say.

Of a class only differences between elements count, so that what all of them share is free. Flags and values count each
by itself, relative to its own deviation on calibration, so that the unit that it is given in does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.fixed import straight_through
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph, Output
from qssmc.ir.ops import Add, Matvec, Op, Slice
from qssmc.ir.types import Type

Real = NDArray[np.float64]
_SEQUENCES = 64  # that deviations and derivatives are taken from, at most
_STEP = 1e-4  # of a channel's rms
_LEAST = 1e-3  # of an output's rms: a deviation below counts as that much, for nothing is known of it


def all_class(graph: Graph) -> bool:
    """Whether every output is a class."""
    return all(output.kind == "class" for output in graph.outputs)


def sum_cost(graph: Graph, state: str, calibration: Calibration) -> Real | None:
    """What a squared error of each element of a running sum costs, (n,); None where no output reads the sum.

    state: the sum as it stands after a step; calibration: real sequences.
    """
    graph = straight_through(graph)
    if all_class(graph) and (readers := _decoders(graph, state)):
        return np.asarray(sum(reader.weight.data.var(axis=0) * len(reader.weight.data) for reader in readers))
    total, some = graph.updates[state], calibration.part(slice(_SEQUENCES))
    found = [
        cost
        for when, source in (("last", state), ("step", total))
        for output in graph.outputs
        if output.when == when and (cost := _cost(graph, source, output, some)) is not None
    ]
    return None if not found else np.asarray(np.sum(found, axis=0))


def output_deviations(graph: Graph, calibration: Calibration) -> dict[str, Real]:
    """The deviation of each element of each output over the sequences, and their steps, by the output's name."""
    keys = [(output.value, output.when == "last") for output in graph.outputs]
    rows = _rows(graph, keys, calibration.part(slice(_SEQUENCES)))
    found = {}
    for output in graph.outputs:
        values = rows[output.value, output.when == "last"]
        found[output.name] = deviation_of(values / (calibration.steps if output.mean else 1))
    return found


def deviation_of(values: Real) -> Real:
    """The deviation of each column of rows (m, n), with a floor for what does not move in so few rows."""
    rms = np.sqrt((values**2).mean(axis=0))
    found = np.maximum(values.std(axis=0), _LEAST * rms if len(values) > 1 else rms)
    known = found[found > 0.0]
    return np.asarray(np.where(found > 0.0, found, known.max() if len(known) else 1.0))


def _decoders(graph: Graph, state: str) -> list[Matvec]:
    """The matrices that read a sum, if every one of them gives outputs with no more than additions after it."""
    readers = [
        user for user in (*graph.users[state], *graph.users[graph.updates[state]]) if not _updates(graph, state, user)
    ]
    found = [reader for reader in readers if isinstance(reader, Matvec) and _is_added_up(graph, reader.name)]
    return found if len(found) == len(readers) else []


def _updates(graph: Graph, state: str, user: Op) -> bool:
    return user.name == graph.updates[state]


def _is_added_up(graph: Graph, value: str) -> bool:
    users = graph.users[value]
    leaves = any(output.value == value for output in graph.outputs)
    return (leaves or bool(users)) and all(isinstance(u, Add) and _is_added_up(graph, u.name) for u in users)


def _cost(graph: Graph, source: str, output: Output, calibration: Calibration) -> Real | None:
    """Mean squared derivatives of one output by the mean of what a sum adds up, as its kind weighs them."""
    reached = graph.needed([output.value]) & (nx.descendants(graph.dag(), source) | {source})
    if source not in reached:
        return None
    cone = [op for op in graph.ops if op.name in reached and op.name != source]
    if any(op.type.complex or any(graph[name].type.complex for name in op.inputs) for op in cone):
        return np.ones(graph[source].type.shape[0])
    inside = {op.name for op in cone}
    leaves = [source, *dict.fromkeys(i for op in cone for i in op.inputs if i not in inside and i != source)]
    last = output.when == "last"
    wanted = [*leaves, output.value]
    length = calibration.steps
    rows = _rows(graph, [(name, last) for name in wanted], calibration, steps=(length - 1,))
    base = np.concatenate([rows[name, last] for name in leaves], axis=1)
    probe = _probe(graph, cone, leaves, output.value)
    before = _outputs(probe, base, calibration)
    slopes = []
    for channel in range(graph[source].type.shape[0]):
        size = _STEP * max(float(np.sqrt((base[:, channel] ** 2).mean())), 1e-6)
        moved = base.copy()
        moved[:, channel] += size
        slopes.append((_outputs(probe, moved, calibration) - before) / size * (1.0 if output.mean else length))
    slope = np.stack(slopes)  # (channels, rows, n)
    deviation = deviation_of(before / (length if output.mean else 1))
    if output.kind == "class":
        slope, deviation = slope - slope.mean(axis=-1, keepdims=True), np.sqrt((deviation**2).mean())[None]
        if all_class(graph):
            deviation = np.ones(1)
    return np.asarray(((slope / deviation) ** 2).sum(axis=-1).mean(axis=-1))


def _probe(graph: Graph, cone: Sequence[Op], leaves: Sequence[str], value: str) -> Graph:
    """A graph of one input, the leaves joined, that computes a value."""
    b = Builder(graph.name, graph.stage)
    joined = b.input("probe_in", Type((sum(graph[name].type.shape[0] for name in leaves),)))
    start = 0
    for name in leaves:
        stop = start + graph[name].type.shape[0]
        b.add(Slice(start=start, stop=stop), name, joined)
        start = stop
    for op in cone:
        b.append(replace(op))
    b.output("probe_out", value, "step")
    return b.graph()


def _outputs(probe: Graph, rows: Real, calibration: Calibration) -> Real:
    found: list[Real] = []

    def see(t: int, values: Mapping[str, NDArray[Any]]) -> None:
        if t == 0:
            found.append(np.array(values[probe.outputs[0].value]))

    calibration.run(probe, rows[:, None, :], see)
    return found[0]


def _rows(
    graph: Graph,
    values: Sequence[tuple[str, bool]],
    calibration: Calibration,
    steps: Sequence[int] | None = None,
) -> dict[tuple[str, bool], Real]:
    """Values as rows (m, n): of the close where `last`, else of some steps, or of all."""
    length = calibration.steps
    parts: dict[tuple[str, bool], list[Real]] = {key: [] for key in values}

    def see(t: int, found: Mapping[str, NDArray[Any]]) -> None:
        for (name, last), rows in parts.items():
            if name in found and (t == length if last else t < length and (steps is None or t in steps)):
                rows.append(np.array(found[name]))

    calibration.observe(graph, see)
    return {key: np.concatenate(found) for key, found in parts.items()}
