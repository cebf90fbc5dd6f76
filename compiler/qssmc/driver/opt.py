"""Opt: single passes by their names in a design's `ir/NN_name.ir`, applied to a graph that came from text."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.gram import EVERY
from qssmc.analysis.observer import ObserveRun
from qssmc.crossbar.options import CrossbarOptions
from qssmc.data import InputFormat
from qssmc.data.calibration import load_calibration
from qssmc.driver.autotune import observe
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Diag, TypeFault
from qssmc.ir.verify import IRError, verify
from qssmc.passes.align import Align
from qssmc.passes.allocate import Allocate
from qssmc.passes.balance import balance
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.fuse import Fuse
from qssmc.passes.input_bits import InputBits
from qssmc.passes.map_arrays import Convert, Realise
from qssmc.passes.methods import DEFAULT, Methods
from qssmc.passes.oscillate import Converters, Oscillate
from qssmc.passes.pipeline import Pass
from qssmc.passes.place_poles import PlacePoles
from qssmc.passes.prove import prove
from qssmc.passes.prune import PruneChannels, PruneHeads, PruneStates
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.range_setting import Clip
from qssmc.passes.refit import Refit
from qssmc.passes.rotate import rotate
from qssmc.passes.scale_states import Fill
from qssmc.passes.set_bit_widths import Assign

Data = tuple[NDArray[np.float64], ObserveRun]


@dataclass(frozen=True)
class OptOptions:
    """What passes may need besides the graph. calibration: the path of a .npy file, or None.

    input_format: of the samples, or None where it is not known. reference: the graph that refit and oscillate learn
    from (float or discrete) or that convert takes its ranges from (fused); None takes an earlier one of the same run.
    """

    quantise: QuantiseOptions = field(default_factory=QuantiseOptions)
    methods: Methods = DEFAULT
    crossbar: CrossbarOptions = field(default_factory=CrossbarOptions)
    calibration: str | None = None
    input_format: InputFormat | None = None
    reference: Graph | None = None


@dataclass(frozen=True)
class PassSetup:
    """A pass about to be applied: the options and the graphs so far. What it asks for and is not there is an error."""

    name: str
    options: OptOptions
    stages: Mapping[str, Graph]

    @property
    def input_format(self) -> InputFormat:
        """The format of the samples."""
        if self.options.input_format is None:
            raise UsageError(
                f"pass {self.name} needs the format of the samples; give --input-format, such as u8.8 for unsigned "
                "integers of 8 bits, 8 of them fractional"
            )
        return self.options.input_format

    @cached_property
    def samples(self) -> NDArray[np.int64]:
        """The calibration sequences, as the sensor gives them."""
        if self.options.calibration is None:
            raise UsageError(
                f"pass {self.name} needs calibration sequences; give --calib FILE.npy (a design keeps some in "
                "vectors/samples.npy)"
            )
        graph = next(iter(self.stages.values()))
        return load_calibration(self.options.calibration, None, self.input_format, graph.inputs[0].type.shape[0])[0]

    @property
    def data(self) -> Data:
        """The calibration sequences as the model takes them, and the golden model that they are observed with."""
        samples = self.samples
        return self.input_format.to_real(samples).astype(np.float64), observe

    def discrete(self, *names: str) -> Graph:
        """The discrete graph to learn from: the reference, else the first of some earlier ones, else the input."""
        found = self.options.reference
        if found is None:
            found = next((self.stages[name] for name in names if name in self.stages), self.stages["input"])
        if found.stage == "float":
            return discretize(canonicalise(found))
        if found.stage != "discrete":
            raise UsageError(
                f"pass {self.name} needs the float or discrete graph that this one came from; give --reference FILE.ir"
            )
        return found

    def fused(self) -> Graph:
        """The fused graph before its arrays had converters."""
        found = self.options.reference or self.stages.get("fuse")
        if found is None:
            raise UsageError(
                f"pass {self.name} needs the graph that fuse gave; begin with fuse, or give --reference FILE.ir"
            )
        return found


def _proven(apply: Pass) -> Pass:
    """A pass on integers, whose result is proven anew as in the pipeline."""
    return lambda graph: prove(apply(graph))


def _number(value: float | None, setup: PassSetup, option: str) -> float:
    if value is None:
        raise UsageError(f"pass {setup.name} needs a number; give {option}")
    return value


def _count(value: int | None, setup: PassSetup, option: str) -> int:
    return int(_number(value, setup, option))


def _balance(setup: PassSetup) -> Pass:
    return balance if setup.options.quantise.scheme == "qssm" else lambda graph: graph


def _prune_states(setup: PassSetup) -> Pass:
    methods = setup.options.methods
    if methods.states is None and methods.prune_loss is None:
        raise UsageError(f"pass {setup.name} needs how far to go; give --states or --prune-loss")
    return PruneStates(methods.states, methods.prune_loss, *setup.data)


def _allocate(setup: PassSetup) -> Pass:
    quantise, methods = setup.options.quantise, setup.options.methods
    return Allocate(quantise.state_bits, quantise.a_bits, methods.bits_by or "head", *setup.data)


def _place_poles(setup: PassSetup) -> Pass:
    graph = list(setup.stages.values())[-1]
    poles = [op.name for op in graph.ops if isinstance(op, Diag)]
    if any(f"{name}.lambda_bar" not in graph.bits for name in poles):
        raise UsageError("pass place_poles needs the bits of the poles, which allocate notes; put it before")
    return PlacePoles(*setup.data, setup.options.quantise.a_form)


def _assign(setup: PassSetup) -> Pass:
    if not setup.options.methods.notes:
        raise UsageError(f"pass {setup.name} needs bits; give --set NAME=BITS")
    return Assign(setup.options.methods.notes)


def _quantise(setup: PassSetup) -> Pass:
    return Quantise(setup.options.quantise, setup.input_format)


def _convert(setup: PassSetup) -> Pass:
    return _proven(Convert(setup.options.crossbar, setup.fused(), setup.samples, observe))


def _oscillate(setup: PassSetup) -> Pass:
    real, run = setup.data
    discrete = setup.discrete("prune_states", "discretize")
    return Oscillate(discrete, setup.samples, real, run, Converters.of(setup.options.crossbar))


@dataclass(frozen=True)
class NamedPass:
    """A pass by name: the stages before and after it, why it is there, and how it is made from the options.

    notes: what must be noted in the graph, each with the pass that notes it.
    """

    name: str
    before: str
    after: str
    reason: str
    make: Callable[[PassSetup], Pass]
    notes: tuple[tuple[str, str], ...] = ()

    def check(self, graph: Graph) -> None:
        """Raise UsageError for a graph of another stage, or one that lacks notes."""
        if graph.stage != self.before:
            others = ", ".join(one.name for one in PASSES if one.before == graph.stage)
            raise UsageError(
                f"pass {self.name} takes a graph of stage {self.before}, not {graph.stage}; "
                f"{graph.stage} graphs are taken by {others}"
            )
        for note, writer in self.notes:
            if not getattr(graph, note):
                raise UsageError(f"pass {self.name} needs {note} in the graph, which {writer} notes; put it before")


_RANGES = (("ranges", "calibrate"),)
PASSES: tuple[NamedPass, ...] = (
    NamedPass("canonicalise", "float", "float", "later passes meet fewer kinds of ops", lambda s: canonicalise),
    NamedPass("discretize", "float", "discrete", "the recurrence becomes one step a sample", lambda s: discretize),
    NamedPass(
        "rotate", "discrete", "discrete", "input weights become real, which takes half the bits", lambda s: rotate
    ),
    NamedPass(
        "prune_channels",
        "discrete",
        "discrete",
        "channels that the decoder hardly reads cost memory",
        lambda s: PruneChannels(_count(s.options.methods.channels, s, "--channels"), *s.data),
    ),
    NamedPass(
        "prune_heads",
        "discrete",
        "discrete",
        "heads that mixing hardly reads cost memory",
        lambda s: PruneHeads(_count(s.options.methods.heads, s, "--heads"), *s.data),
    ),
    NamedPass("prune_states", "discrete", "discrete", "states that others can stand in for cost memory", _prune_states),
    NamedPass(
        "calibrate",
        "discrete",
        "discrete",
        "ranges of real sequences decide where grids lie",
        lambda s: Calibrate(*s.data, every=EVERY if s.options.methods.refit else 1),
    ),
    NamedPass(
        "balance",
        "discrete",
        "discrete",
        "all states fill the same range and share a grid",
        _balance,
        _RANGES,
    ),
    NamedPass(
        "fill",
        "discrete",
        "discrete",
        "input weights lie on their grid exactly",
        lambda s: Fill(_count(s.options.methods.fill or None, s, "--fill")),
        _RANGES,
    ),
    NamedPass(
        "allocate", "discrete", "discrete", "bits go to the states and poles whose noise costs most", _allocate, _RANGES
    ),
    NamedPass(
        "place_poles",
        "discrete",
        "discrete",
        "poles of a head rounded together lose less than alone",
        _place_poles,
        _RANGES,
    ),
    NamedPass(
        "input_bits",
        "discrete",
        "discrete",
        "what the first weights lose no later fit brings back",
        lambda s: InputBits(_count(s.options.methods.input_bits, s, "--input-bits")),
    ),
    NamedPass("assign", "discrete", "discrete", "bits of single tables and values go before all else", _assign),
    NamedPass(
        "clip",
        "discrete",
        "discrete",
        "ranges of least rounding and clipping error keep quiet sequences",
        lambda s: Clip(s.options.quantise.activation_bits, *s.data),
        _RANGES,
    ),
    NamedPass("quantise", "discrete", "quantised", "every number gets its grid", _quantise, _RANGES),
    NamedPass(
        "refit",
        "quantised",
        "quantised",
        "linear tables make up for what rounding before them lost",
        lambda s: Refit(s.discrete(), *s.data),
    ),
    NamedPass("align", "quantised", "integer", "grids become integers and shifts", lambda s: Align(s.input_format)),
    NamedPass("prove", "integer", "integer", "widths are those that no input can overflow", lambda s: prove),
    NamedPass(
        "fuse",
        "integer",
        "integer",
        "a head's kernel is one product on an array",
        lambda s: _proven(Fuse(s.options.crossbar.form, s.options.crossbar.dense)),
    ),
    NamedPass(
        "oscillate",
        "integer",
        "integer",
        "poles that decay digitally stay stable whatever cells do",
        _oscillate,
    ),
    NamedPass(
        "realise",
        "integer",
        "integer",
        "products are split into what real arrays can do",
        lambda s: _proven(Realise(s.options.crossbar)),
    ),
    NamedPass("convert", "integer", "integer", "converters have the bits that the user has", _convert),
)
_BY_NAME = {one.name: one for one in PASSES}


def passes_named(text: str) -> tuple[NamedPass, ...]:
    """The passes of a list with commas. Raises UsageError for an unknown one, with the name that is nearest."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _BY_NAME:
            close = difflib.get_close_matches(name, _BY_NAME, 1)
            hint = f"did you mean {close[0]}?" if close else f"the passes are {', '.join(_BY_NAME)}"
            raise UsageError(f"there is no pass {name!r}; {hint}")
    return tuple(_BY_NAME[name] for name in names)


def apply_passes(
    graph: Graph, passes: tuple[NamedPass, ...], options: OptOptions, seen: Callable[[str, Graph], Any]
) -> Graph:
    """Apply passes in order; seen(name, graph) is told of each result. Raises UsageError where one cannot be."""
    stages = {"input": graph}
    for one in passes:
        one.check(graph)
        try:
            graph = verify(one.make(PassSetup(one.name, options, stages))(graph))
        except (IRError, TypeFault) as fault:  # a pass meets graphs here that no pass before it has prepared
            raise UsageError(f"pass {one.name} cannot take this graph: {' '.join(str(fault).split())}") from fault
        stages[one.name] = graph
        seen(one.name, graph)
    return graph
