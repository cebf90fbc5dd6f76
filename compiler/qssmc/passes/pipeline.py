"""The pipeline: one visible tuple of passes, from the float IR to proven integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.gram import EVERY
from qssmc.analysis.observer import ObserveRun
from qssmc.crossbar.options import CrossbarOptions
from qssmc.data.sequences import InputFormat
from qssmc.ir.graph import Graph
from qssmc.passes.align import Align
from qssmc.passes.allocate import Allocate
from qssmc.passes.balance import balance
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.fuse import Fuse
from qssmc.passes.input_bits import InputBits
from qssmc.passes.map_arrays import Convert, Realise
from qssmc.passes.methods import PLAIN, Methods
from qssmc.passes.oscillate import Converters, Oscillate
from qssmc.passes.place_poles import PlacePoles
from qssmc.passes.prove import prove
from qssmc.passes.prune import PruneChannels, PruneHeads, PruneStates
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.range_setting import Clip
from qssmc.passes.refit import Compensate, Refit
from qssmc.passes.rotate import rotate
from qssmc.passes.scale_states import Fill
from qssmc.passes.set_bit_widths import Assign

Pass = Callable[[Graph], Graph]


@dataclass(frozen=True)
class PipelineOptions:
    """What the passes need besides the graph. calibration: real sequences (batch, length, d_input)."""

    quantise: QuantiseOptions
    input_format: InputFormat
    calibration: NDArray[np.float64]
    run: ObserveRun
    methods: Methods = PLAIN


def pipeline(options: PipelineOptions, graph: Graph) -> tuple[tuple[str, Pass], ...]:
    """The passes in order, by name, that the options ask for; the published scheme knows no state balancing.

    graph: the float graph, whose discrete form is what the refit learns from.
    """
    quantise, methods = options.quantise, options.methods
    data = (options.calibration, options.run)
    rounded = Quantise(quantise, options.input_format)
    steps: tuple[tuple[str, bool, Callable[[], Pass]], ...] = (
        ("canonicalise", True, lambda: canonicalise),
        ("discretize", True, lambda: discretize),
        ("rotate", methods.fill > 0, lambda: rotate),
        ("prune_channels", bool(methods.channels), lambda: PruneChannels(methods.channels or 0, *data)),
        ("prune_heads", bool(methods.heads), lambda: PruneHeads(methods.heads or 0, *data)),
        ("prune_states", _prunes(methods), lambda: PruneStates(methods.states, methods.prune_loss, *data)),
        ("calibrate", True, lambda: Calibrate(*data, every=EVERY if methods.refit else 1)),
        ("balance", True, lambda: balance if quantise.scheme == "qssm" else _unchanged),
        ("fill", methods.fill > 0, lambda: Fill(methods.fill)),
        (
            "allocate",
            bool(methods.bits_by),
            lambda: Allocate(quantise.state_bits, quantise.a_bits, methods.bits_by or "head", *data),
        ),
        ("place_poles", methods.place, lambda: PlacePoles(*data, quantise.a_form, methods.refit)),
        ("input_bits", methods.input_bits is not None, lambda: InputBits(methods.input_bits or 0)),
        ("assign", bool(methods.notes), lambda: Assign(methods.notes)),
        ("clip", methods.clip, lambda: Clip(quantise.activation_bits, *data)),
        ("quantise", True, lambda: Compensate(rounded, *data) if methods.compensate else rounded),
        ("refit", methods.refit, lambda: Refit(discretize(canonicalise(graph)), *data)),
        ("align", True, lambda: Align(options.input_format)),
        ("prove", True, lambda: prove),
    )
    return tuple((name, make()) for name, wanted, make in steps if wanted)


def run_pipeline(graph: Graph, options: PipelineOptions, seen: Callable[[str, Graph], Any]) -> Graph:
    """Apply every pass; seen(name, graph) is told of each result."""
    for name, apply in pipeline(options, graph):
        graph = apply(graph)
        seen(name, graph)
    return graph


def run_arrays(
    graph: Graph,
    options: CrossbarOptions,
    samples: NDArray[np.int64],
    run: ObserveRun,
    seen: Callable[[str, Graph], Any],
) -> Graph:
    """Take a proven graph on to arrays: fused kernels, their cells with ideal converters, then the user's converters.

    samples: integer sequences that the converters' ranges are taken from. Every stage is proven anew.
    """
    fused = prove(Fuse(options.form, options.dense)(graph))
    seen("fuse", fused)
    ideal = prove(Realise(options)(fused))
    seen("realise", ideal)
    real = prove(Convert(options, fused, samples, run)(ideal))
    seen("convert", real)
    return real


def run_oscillators(
    graph: Graph,
    discrete: Graph,
    options: CrossbarOptions,
    calibration: tuple[NDArray[np.int64], NDArray[np.float64]],
    run: ObserveRun,
    seen: Callable[[str, Graph], Any],
) -> Graph:
    """Take a proven graph on to arrays in oscillator form: one product a head, then, the same values, one a read.

    discrete: the real, pruned graph that it came from; calibration: sequences as integers, and as the model takes them.
    Returns the graph of one product a head, which devices are simulated with.
    """
    made = Oscillate(discrete, *calibration, run, Converters.of(options))(graph)
    seen("oscillate", made)
    seen("realise", prove(Realise(options)(made)))
    return made


def _prunes(methods: Methods) -> bool:
    return methods.states is not None or methods.prune_loss is not None


def _unchanged(graph: Graph) -> Graph:
    return graph
