"""Crossbar check: the weight map against the graph of the arrays, and that graph against the design before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.artifact.stages import Stages
from qssmc.crossbar import CrossbarMap
from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Xbar
from qssmc.passes.fuse.forms import RULES
from qssmc.verification.comparison import Progress, Values, compare_outputs
from qssmc_sim.machine import run

# Stages: before arrays, one product a head, arrays that lose nothing; and, of oscillators, one product a head.
DIGITAL, FUSED, IDEAL, HEADS = "prove", "fuse", "realise", "oscillate"


def check_weights(graph: Graph, crossbar: CrossbarMap) -> int:
    """Every weight of every array product, as levels and as conductances, is that of the graph. Returns how many."""
    compared = 0
    seen: set[str] = set()
    for op in graph.ops:
        if not isinstance(op, Xbar):
            continue
        name = op.name.split("_flush")[0]
        try:
            weights = crossbar.weights(name)
        except KeyError as error:
            raise VerificationError(f"the weight map has no read {name}, which the graph computes") from error
        measured = crossbar.weights_of_conductances(name)
        if not np.array_equal(weights, op.weight.data) or np.abs(measured - op.weight.data).max(initial=0.0) > 1e-6:
            raise VerificationError(f"the weight map's cells of {name} do not make the weights of %{op.name}")
        seen.add(name)
        compared += weights.size
    unused = sorted(set(crossbar.ops) - seen)
    if unused:
        raise VerificationError(f"the weight map has a read {unused[0]}, which the graph does not compute")
    return compared


def check_stages(
    folder: Path, crossbar: CrossbarMap, samples: NDArray[np.int64], progress: Progress
) -> Iterator[tuple[str, int]]:
    """Run whole sequences through the stages: what was compared, and how many values of outputs.

    Arrays with ideal converters must give every output of the fused products; and these, if y is late, every output of
    the design before it was fused, as many steps later as there are layers in the way. Of oscillators, whose converters
    are real, the reads of the arrays must give every output of one product a head.
    """
    oscillating = crossbar.file.form == "oscillator"
    stages = Stages.read(folder)
    names = (HEADS, IDEAL) if oscillating else (DIGITAL, FUSED, IDEAL)
    outputs = {}
    for number, name in enumerate(names):
        progress(f"stage {name}", number, len(names))
        outputs[name] = run(stages[name], samples).outputs
    if oscillating:
        compare_outputs(outputs[IDEAL], outputs[HEADS], "the graph of the arrays")
        yield "reads = heads", _size(outputs[HEADS])
        return
    compare_outputs(outputs[IDEAL], outputs[FUSED], "the graph of arrays with ideal converters")
    yield "ideal = fused", _size(outputs[FUSED])
    if RULES[crossbar.file.form].late:
        _compare_late(stages.proven, outputs[FUSED], outputs[DIGITAL])
        yield "fused = unfused", _size(outputs[DIGITAL])


def _compare_late(graph: Graph, fused: Values, wanted: Values) -> None:
    lag = len(ssm_layers(graph))
    got, expected = dict(fused), dict(wanted)
    for output in graph.outputs:
        if output.when == "step":
            got[output.name] = got[output.name][:, lag:]
            expected[output.name] = expected[output.name][:, : max(0, expected[output.name].shape[1] - lag)]
    compare_outputs(got, expected, "the fused graph")


def _size(outputs: Values) -> int:
    return sum(values.size for values in outputs.values())
