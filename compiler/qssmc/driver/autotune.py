"""Tune: from a traced model and a goal to the quantisation and methods that reach it, and the story of how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data import InputFormat
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.text import print_graph
from qssmc.passes.methods import Methods
from qssmc.passes.quantise import QuantiseOptions
from qssmc.search import Alone, Bench, Explorer, Goal, Kept, reach
from qssmc.search.report import sensitivities, story, values_table
from qssmc_sim import run
from qssmc_sim.machine import Observer

Say = Callable[[str], None]
Labelled = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Space:
    """What a search may choose: most bits of tables and of values, and means that the user fixed ("state", "poles")."""

    most: tuple[int, int] = (8, 8)
    fixed: tuple[tuple[str, float], ...] = ()


SPACE = Space()


@dataclass(frozen=True)
class Tuned:
    """What reaches the goal. sensitivity: by name of a part of the storage report; values: text about the others."""

    quantise: QuantiseOptions
    methods: Methods
    sensitivity: Mapping[str, float]
    values: str
    story: Mapping[str, Any]


def bench_of(
    graph: Graph,
    parameters: int,
    quantise: QuantiseOptions,
    methods: Methods,
    input_format: InputFormat,
    samples: NDArray[np.int64],
    labelled: Labelled | None,
) -> Bench:
    """The bench of a float graph, with the golden simulator."""
    if quantise.scheme != "qssm" or methods.bits_by is None:
        raise UsageError("a search needs --scheme qssm and bits that are shared out; leave --bits-by to it")
    text = print_graph(graph)
    return Bench(text, parameters, quantise, methods, input_format, samples, observe, outputs, labelled)


def tune(bench: Bench, goal: Goal, space: Space, say: Say) -> Tuned:
    """Search on one core. Raises UsageError where the goal is out of reach."""
    explorer = Explorer(bench, Kept(Alone()), space.most, space.fixed, say)
    found = reach(goal, explorer, say)
    return Tuned(
        found.setting.quantise(bench.quantise),
        found.setting.methods(bench.methods),
        sensitivities(explorer, found.setting),
        values_table(explorer, found.setting),
        story(explorer, goal, found),
    )


def observe(graph: Graph, samples: NDArray[Any], see: Observer) -> None:
    """The golden model, looked at step by step."""
    run(graph, samples, see)


def outputs(graph: Graph, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What the golden model gives."""
    return run(graph, samples).outputs
