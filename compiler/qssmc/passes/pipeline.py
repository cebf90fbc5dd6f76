"""The pipeline: one visible tuple of passes, each with its reason, from the float IR to proven integers and arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.gram import EVERY
from qssmc.artifact.stages import FLOAT, Stages
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph
from qssmc.passes.align import Align
from qssmc.passes.allocate import Allocate
from qssmc.passes.balance import balance
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.fuse import Fuse
from qssmc.passes.input_bits import InputBits
from qssmc.passes.map_arrays import MapArrays, SetConverters
from qssmc.passes.oscillate import Converters, Oscillate
from qssmc.passes.place_poles import PlacePoles
from qssmc.passes.plan import Pass, PassPlan, Row
from qssmc.passes.prove import prove
from qssmc.passes.prune import PruneChannels, PruneHeads, PruneStates
from qssmc.passes.quantise import Quantise
from qssmc.passes.range_setting import RangeSetting
from qssmc.passes.refit import Refit
from qssmc.passes.rotate import rotate
from qssmc.passes.scale_states import ScaleStates
from qssmc.passes.set_bit_widths import SetBitWidths

Seen = Callable[[Row, Graph], Any]


def pipeline(plan: PassPlan) -> tuple[Row, ...]:
    """The passes of a plan in order; those that its options do not ask for are left out."""
    quantise, methods, data = plan.quantise, plan.methods, plan.reals
    every = EVERY if methods.refit else 1
    balances = quantise.scheme == "qssm"  # the published scheme knows no scaling of states
    prunes = methods.states is not None or methods.prune_loss is not None
    rows = (
        (True, Row("canonicalise", "Fewer kinds of ops for every later pass to know.", lambda _: canonicalise)),
        (True, Row("discretize", "Poles and input weights of one step, as they run.", lambda _: discretize)),
        (
            methods.fill > 0,
            Row("rotate", "Real input weights take half the bits and one multiplication less.", lambda _: rotate),
        ),
        (
            bool(methods.channels),
            Row(
                "prune_channels",
                "Channels that the decoder reads least take their rows and columns with them.",
                lambda _: PruneChannels(methods.channels or 0, data),
            ),
        ),
        (
            bool(methods.heads),
            Row(
                "prune_heads",
                "Heads that mixing reads least take their states with them.",
                lambda _: PruneHeads(methods.heads or 0, data),
            ),
        ),
        (
            prunes,
            Row(
                "prune_states",
                "Trained layers have more states than their outputs need.",
                lambda _: PruneStates(methods.states, methods.prune_loss, data),
            ),
        ),
        (
            True,
            Row(
                "calibrate", "The range of every value is what the grids are laid on.", lambda _: Calibrate(data, every)
            ),
        ),
        (
            True,
            Row(
                "balance",
                "States that all reach about 1 share a grid, at no cost.",
                lambda _: balance if balances else _unchanged,
            ),
        ),
        (
            methods.fill > 0,
            Row(
                "fill",
                "Input weights that lie on their grid exactly lose nothing to rounding.",
                lambda _: ScaleStates(methods.fill),
            ),
        ),
        (
            methods.bits_by is not None,
            Row(
                "allocate",
                "States and poles whose rounding costs more at the outputs get more bits.",
                lambda _: Allocate(quantise.state_bits, quantise.a_bits, methods.bits_by or "head", data),
            ),
        ),
        (
            methods.place,
            Row(
                "place_poles",
                "Poles rounded together make up for each other's errors.",
                lambda _: PlacePoles(data, quantise.a_form),
            ),
        ),
        (
            methods.input_bits is not None,
            Row(
                "input_bits",
                "Nothing downstream brings back what the weights of the samples lose.",
                lambda _: InputBits(methods.input_bits or 0),
            ),
        ),
        (
            bool(methods.notes),
            Row(
                "assign",
                "Bits that a search or a user gave go before all others.",
                lambda _: SetBitWidths(methods.notes),
            ),
        ),
        (
            methods.clip,
            Row(
                "clip",
                "Ranges of least clipping plus rounding error beat percentiles.",
                lambda _: RangeSetting(quantise.activation_bits, data),
            ),
        ),
        (
            True,
            Row("quantise", "Every number onto a grid of its bits.", lambda _: Quantise(quantise, plan.input_format)),
        ),
        (
            methods.refit,
            Row(
                "refit",
                "What is read linearly is solved anew on the quantised values, so that it makes up for their errors.",
                lambda before: Refit(before.discrete, data),
            ),
        ),
        (
            True,
            Row("align", "Integers, the terms of every sum on one binary point.", lambda _: Align(plan.input_format)),
        ),
        (True, Row("prove", "Every value as narrow as is proven of it, and no overflow.", lambda _: prove)),
    )
    digital = tuple(row for wanted, row in rows if wanted)
    return digital if plan.arrays is None else (*digital, *array_rows(plan.arrays, plan.integers, plan.reals))


def array_rows(options: CrossbarOptions, integers: Calibration, reals: Calibration) -> tuple[Row, ...]:
    """The passes that take a proven graph on to arrays; every stage is proven anew.

    In oscillator form the graph of one product a head, `oscillate`, is what devices are simulated with.
    """
    mapped = Row(
        "realise", "Products no larger than an array and levels of cells.", lambda _: _proven(MapArrays(options))
    )
    if options.form == "oscillator":
        converters = Converters.of(options)
        return (
            Row(
                "oscillate",
                "Poles that an error of a cell cannot push out of the unit circle.",
                lambda before: Oscillate(before.pruned, integers, reals, converters),
            ),
            mapped,
        )
    return (
        Row(
            "fuse",
            "State update and readout of a head in one product.",
            lambda _: _proven(Fuse(options.form, options.dense)),
        ),
        mapped,
        Row(
            "convert",
            "Converters have few bits, and ranges of what the columns make of the calibration.",
            lambda before: _proven(SetConverters(options, before.products, integers)),
        ),
    )


def run_pipeline(plan: PassPlan, seen: Seen = lambda row, graph: None) -> Stages:
    """Apply every pass of a plan; seen is told of each result."""
    return run_rows(pipeline(plan), Stages({FLOAT: plan.graph}), seen)


def run_rows(rows: Sequence[Row], stages: Stages, seen: Seen = lambda row, graph: None) -> Stages:
    """Apply passes one after another to the last of some stages."""
    for row in rows:
        stages = stages.then(row.name, row.configured(stages)(stages.golden))
        seen(row, stages.golden)
    return stages


def _proven(apply: Pass) -> Pass:
    return lambda graph: prove(apply(graph))


def _unchanged(graph: Graph) -> Graph:
    return graph
