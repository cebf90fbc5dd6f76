"""Small models on arrays: every stage from the proven graph to the converted one, and the map of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.artifact.stages import FLOAT, Stages
from qssmc.backends.crossbar import map_of
from qssmc.crossbar import CrossbarMap, CrossbarOptions
from qssmc.ir import Graph
from qssmc.passes.pipeline import ARRAYS, run_rows
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from support.graphs import random_s4d
from support.random_models import FORMAT

SHAPES = {
    "ragged": {"states": [3, 2, 4]},
    "empty head, per step": {"states": [2, 0, 1], "seed": 1, "layers": 2, "d_input": 3, "output": "step"},
    "dithered, two layers": {"states": [3, 2, 4], "seed": 5, "layers": 2, "dither": True},
    "dithered, two thin layers": {"states": [1, 1], "seed": 5, "layers": 2, "dither": True},
    "normed, three layers": {"states": [1, 3], "seed": 2, "layers": 3, "norm": True, "dither": True},
    "poles as they are": {"states": [3, 1], "seed": 7, "increment": False},
}


def model(shape: str) -> Graph:
    return random_s4d(**SHAPES[shape])  # type: ignore[arg-type]


def samples(graph: Graph, count: int = 3, length: int = 24) -> NDArray[np.int64]:
    (entrance,) = graph.inputs
    low, high = entrance.type.bounds
    return np.random.default_rng(11).integers(low, high + 1, (count, length, entrance.type.shape[0]))


@dataclass(frozen=True)
class Laid:
    """stages: prove (before it is fused), fuse, realise, convert."""

    stages: Stages
    crossbar: CrossbarMap
    samples: NDArray[np.int64]


def laid(shape: str, options: CrossbarOptions) -> Laid:
    return laid_from(model(shape), options)


def laid_from(graph: Graph, options: CrossbarOptions) -> Laid:
    """A proven graph on arrays."""
    given = samples(graph)
    plan = PassPlan(graph, QuantiseOptions(), FORMAT, Calibration(given, run), arrays=options)
    stages = run_rows(ARRAYS, plan, Stages({FLOAT: graph}).then("prove", graph))
    return Laid(stages, map_of(stages.golden, stages.products, options), given)
