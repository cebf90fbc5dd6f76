"""The pipeline: one visible tuple of passes, each with its reason, from the float IR to proven integers and arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
from qssmc.passes.plan import Pass, PassInputs, PassPlan, Row
from qssmc.passes.prove import prove
from qssmc.passes.prune import PruneChannels, PruneHeads, PruneStates
from qssmc.passes.quantise import Quantise
from qssmc.passes.range_setting import RangeSetting
from qssmc.passes.refit import Compensate, Refit
from qssmc.passes.rotate import rotate
from qssmc.passes.scale_states import ScaleStates
from qssmc.passes.set_bit_widths import SetBitWidths

Seen = Callable[[Row, Graph], Any]
Begins = Callable[[Row], Any]


def _proven(apply: Pass) -> Pass:
    """A pass on integers, whose result is proven anew."""
    return lambda graph: prove(apply(graph))


def _unchanged(graph: Graph) -> Graph:
    return graph


def _balance(plan: PassInputs, before: Stages) -> Pass:
    """The published scheme knows no scaling of states."""
    return balance if plan.quantise.scheme == "qssm" else _unchanged


def _allocate(plan: PassInputs, before: Stages) -> Pass:
    return Allocate(plan.quantise.state_bits, plan.quantise.a_bits, plan.methods.bits_by or "head", plan.reals)


def _quantise(plan: PassInputs, before: Stages) -> Pass:
    """With weights that make up for each other's rounding where no refit follows that would."""
    rounded = Quantise(plan.quantise, plan.input_format)
    return Compensate(rounded, plan.reals) if plan.methods.compensate else rounded


def _arrays(plan: PassInputs) -> CrossbarOptions:
    assert plan.arrays is not None, "no arrays to lay the design on"
    return plan.arrays


def _oscillate(plan: PassInputs, before: Stages) -> Pass:
    """Every stage of it is proven already; its graph of one product a head is what devices are simulated with."""
    return Oscillate(before.pruned, plan.integers, plan.reals, Converters.of(_arrays(plan)))


def _is_oscillator(plan: PassInputs) -> bool:
    return plan.arrays is not None and plan.arrays.form == "oscillator"


def _is_fused(plan: PassInputs) -> bool:
    return plan.arrays is not None and plan.arrays.form != "oscillator"


_RANGES = (("ranges", "calibrate"),)
DIGITAL: tuple[Row, ...] = (
    Row("canonicalise", "float", "float", "later passes meet fewer kinds of ops", lambda plan, _: canonicalise),
    Row("discretize", "float", "discrete", "the recurrence becomes one step a sample", lambda plan, _: discretize),
    Row(
        "rotate",
        "discrete",
        "discrete",
        "input weights become real, which takes half the bits",
        lambda plan, _: rotate,
        lambda plan: plan.methods.fill > 0,
    ),
    Row(
        "prune_channels",
        "discrete",
        "discrete",
        "channels that the decoder hardly reads cost memory",
        lambda plan, _: PruneChannels(plan.methods.channels or 0, plan.reals),
        lambda plan: bool(plan.methods.channels),
    ),
    Row(
        "prune_heads",
        "discrete",
        "discrete",
        "heads that mixing hardly reads cost memory",
        lambda plan, _: PruneHeads(plan.methods.heads or 0, plan.reals),
        lambda plan: bool(plan.methods.heads),
    ),
    Row(
        "prune_states",
        "discrete",
        "discrete",
        "states that others can stand in for cost memory",
        lambda plan, _: PruneStates(plan.methods.states, plan.methods.prune_loss, plan.reals),
        lambda plan: plan.methods.states is not None or plan.methods.prune_loss is not None,
    ),
    Row(
        "calibrate",
        "discrete",
        "discrete",
        "ranges of real sequences decide where grids lie",
        lambda plan, _: Calibrate(plan.reals, EVERY if plan.methods.refit else 1),
    ),
    Row(
        "balance",
        "discrete",
        "discrete",
        "all states fill the same range and share a grid",
        _balance,
        notes=_RANGES,
    ),
    Row(
        "fill",
        "discrete",
        "discrete",
        "input weights lie on their grid exactly",
        lambda plan, _: ScaleStates(plan.methods.fill),
        lambda plan: plan.methods.fill > 0,
        _RANGES,
    ),
    Row(
        "allocate",
        "discrete",
        "discrete",
        "bits go to the states and poles whose noise costs most",
        _allocate,
        lambda plan: plan.methods.bits_by is not None,
        _RANGES,
    ),
    Row(
        "place_poles",
        "discrete",
        "discrete",
        "poles of a head rounded together lose less than alone",
        lambda plan, _: PlacePoles(plan.reals, plan.quantise.a_form, plan.methods.refit),
        lambda plan: plan.methods.place,
        _RANGES,
    ),
    Row(
        "input_bits",
        "discrete",
        "discrete",
        "what the first weights lose no later fit brings back",
        lambda plan, _: InputBits(plan.methods.input_bits or 0),
        lambda plan: plan.methods.input_bits is not None,
    ),
    Row(
        "assign",
        "discrete",
        "discrete",
        "bits of single tables and values go before all else",
        lambda plan, _: SetBitWidths(plan.methods.notes),
        lambda plan: bool(plan.methods.notes),
    ),
    Row(
        "clip",
        "discrete",
        "discrete",
        "ranges of least rounding and clipping error keep quiet sequences",
        lambda plan, _: RangeSetting(plan.quantise.activation_bits, plan.reals),
        lambda plan: plan.methods.clip,
        _RANGES,
    ),
    Row(
        "quantise",
        "discrete",
        "quantised",
        "every number gets its grid",
        _quantise,
        notes=_RANGES,
    ),
    Row(
        "refit",
        "quantised",
        "quantised",
        "linear tables make up for what rounding before them lost",
        lambda plan, before: Refit(before.discrete, plan.reals),
        lambda plan: plan.methods.refit,
    ),
    Row("align", "quantised", "integer", "grids become integers and shifts", lambda plan, _: Align(plan.input_format)),
    Row("prove", "integer", "integer", "widths are those that no input can overflow", lambda plan, _: prove),
)
ARRAYS: tuple[Row, ...] = (
    Row(
        "fuse",
        "integer",
        "integer",
        "a head's kernel is one product on an array",
        lambda plan, _: _proven(Fuse(_arrays(plan).form, _arrays(plan).dense)),
        _is_fused,
    ),
    Row(
        "oscillate",
        "integer",
        "integer",
        "poles that decay digitally stay stable whatever cells do",
        _oscillate,
        _is_oscillator,
    ),
    Row(
        "realise",
        "integer",
        "integer",
        "products are split into what real arrays can do",
        lambda plan, _: _proven(MapArrays(_arrays(plan))),
        lambda plan: plan.arrays is not None,
    ),
    Row(
        "convert",
        "integer",
        "integer",
        "converters have the bits that the user has",
        lambda plan, before: _proven(SetConverters(_arrays(plan), before.products, plan.integers)),
        _is_fused,
    ),
)
PASSES = (*DIGITAL, *ARRAYS)


def pipeline(plan: PassInputs) -> tuple[Row, ...]:
    """The passes that a plan asks for, in order."""
    return tuple(row for row in PASSES if row.wanted(plan))


def run_pipeline(plan: PassPlan, seen: Seen = lambda row, graph: None, begins: Begins = lambda row: None) -> Stages:
    """Apply every pass that a plan asks for to its graph; begins is told of each before, seen of its result."""
    return run_rows(PASSES, plan, Stages({FLOAT: plan.graph}), seen, begins)


def run_rows(
    rows: Sequence[Row],
    plan: PassInputs,
    stages: Stages,
    seen: Seen = lambda row, graph: None,
    begins: Begins = lambda row: None,
) -> Stages:
    """Apply those of some passes that a plan asks for, one after another, to the last of some stages."""
    for row in rows:
        if row.wanted(plan):
            begins(row)
            stages = stages.then(row.name, row.configured(plan, stages)(stages.golden))
            seen(row, stages.golden)
    return stages
