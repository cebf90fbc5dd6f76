"""Support: which ops each target has, measured by emitting a graph of each op."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.artifact.stages import FLOAT, Stages
from qssmc.data import InputFormat
from qssmc.errors import ToolError, UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import OPS, STAGES, Op
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc.targets.backend import Backend, Lowered
from qssmc.targets.emission import check_supported
from qssmc.targets.one_op import one_op
from qssmc.targets.registry import BACKENDS
from qssmc_sim import run

_FORMAT = InputFormat(8, 0, signed=True)  # a sample is the number that it stands for
SAMPLES = np.array([[[-8, 7, 0, 1], [3, -2, 5, -7]]], np.int64)  # a sequence, for targets that keep or observe one


def measured_support() -> dict[str, dict[str, bool | None]]:
    """By op's mnemonic and target's name: whether it refuses no op of a graph of this op and emits its files.

    None where a package that the target is written with is missing. Ops that no integer graph holds reach no target.
    """
    return {
        op.mnemonic: {name: op in STAGES["integer"] and emits_op(backend, op) for name, backend in BACKENDS.items()}
        for op in OPS
    }


def emits_op(backend: Backend, op: type[Op]) -> bool | None:
    """Whether a target emits an op. Raises LookupError where there is no example of it."""
    graph = one_op(op, layer=backend.lowering is not None)
    try:
        lowered = lowered_alone(backend, graph, SAMPLES)
        check_supported([backend.name], lowered)
        return bool(backend.emit(lowered, backend.chosen({})))
    except UnsupportedModelError:
        return False
    except ToolError:
        return None


def lowered_alone(backend: Backend, graph: Graph, samples: NDArray[np.int64]) -> Lowered:
    """A proven graph after the passes of the target alone. samples: (count, length, channels) of its input."""
    stages = Stages({FLOAT: graph}).then("prove", graph)
    if backend.lowering is not None:
        plan = PassPlan(graph, QuantiseOptions(), _FORMAT, Calibration(samples, run))
        stages = backend.lowering.run(backend.chosen({}), plan, stages)
    return Lowered(stages, samples)
