"""Opt: single passes by their names in a design's `ir/NN_name.ir`, applied to a graph that came from text."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from qssmc.analysis.calibration import Calibration
from qssmc.artifact.stages import Stages
from qssmc.crossbar.options import CrossbarOptions
from qssmc.data import InputFormat
from qssmc.data.calibration import load_calibration
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Diag, TypeFault
from qssmc.ir.verify import IRError, verify
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.methods import DEFAULT, Methods
from qssmc.passes.pipeline import PASSES
from qssmc.passes.plan import Row
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run


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
class _Inputs:
    """What a pass asks for. Raises UsageError for what was not given. channels: of a sample."""

    name: str
    options: OptOptions
    channels: int

    @property
    def quantise(self) -> QuantiseOptions:
        """Bits and scheme."""
        return self.options.quantise

    @property
    def methods(self) -> Methods:
        """What is done beside plain rounding."""
        return self.options.methods

    @property
    def arrays(self) -> CrossbarOptions:
        """The arrays to lay the graph on."""
        return self.options.crossbar

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
    def integers(self) -> Calibration:
        """The calibration sequences, as the sensor gives them."""
        if self.options.calibration is None:
            raise UsageError(
                f"pass {self.name} needs calibration sequences; give --calib FILE.npy (a design keeps some in "
                "vectors/samples.npy)"
            )
        return Calibration(load_calibration(self.options.calibration, None, self.input_format, self.channels)[0], run)

    @property
    def reals(self) -> Calibration:
        """The calibration sequences as the model takes them."""
        integers = self.integers
        return replace(integers, samples=self.input_format.to_real(integers.samples).astype(np.float64))


class _Known(Stages):
    """The graphs of one run, with the one that the user gave for passes that learn from an earlier one."""

    def __init__(self, name: str, graphs: Mapping[str, Graph], reference: Graph | None) -> None:
        super().__init__(graphs)
        self._name, self._reference = name, reference

    @property
    def discrete(self) -> Graph:
        """The discrete graph to learn from: the reference, else the input."""
        return self._learnt_from("input")

    @property
    def pruned(self) -> Graph:
        """The discrete graph to learn from: the reference, else the first of some earlier ones, else the input."""
        return self._learnt_from("prune_states", "discretize", "input")

    def _learnt_from(self, *names: str) -> Graph:
        found = self._reference or next(self[name] for name in names if name in self)
        if found.stage == "float":
            return discretize(canonicalise(found))
        if found.stage != "discrete":
            raise UsageError(
                f"pass {self._name} needs the float or discrete graph that this one came from; give --reference FILE.ir"
            )
        return found

    @property
    def products(self) -> Graph:
        """The fused graph before its arrays had converters."""
        found = self._reference or self.fused
        if found is None:
            raise UsageError(
                f"pass {self._name} needs the graph that fuse gave; begin with fuse, or give --reference FILE.ir"
            )
        return found


# What must be given for a pass, beside data: any of some methods, and the options that give them.
_NEEDED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "prune_channels": (("channels",), "a number; give --channels"),
    "prune_heads": (("heads",), "a number; give --heads"),
    "prune_states": (("states", "prune_loss"), "how far to go; give --states or --prune-loss"),
    "fill": (("fill",), "a number; give --fill"),
    "input_bits": (("input_bits",), "a number; give --input-bits"),
    "assign": (("notes",), "bits; give --set NAME=BITS"),
}


def _check(row: Row, graph: Graph, methods: Methods) -> None:
    """Raise UsageError for a graph of another stage, or one that lacks notes, and for options that are missing."""
    if graph.stage != row.before:
        others = ", ".join(one.name for one in PASSES if one.before == graph.stage)
        raise UsageError(
            f"pass {row.name} takes a graph of stage {row.before}, not {graph.stage}; "
            f"{graph.stage} graphs are taken by {others}"
        )
    for note, writer in row.notes:
        if not getattr(graph, note):
            raise UsageError(f"pass {row.name} needs {note} in the graph, which {writer} notes; put it before")
    if row.name == "assign":
        _check_notes(graph, methods)
    names, wanted = _NEEDED.get(row.name, ((), ""))
    missing = (0,) if row.name == "fill" else (None, ())
    if names and all(getattr(methods, name) in missing for name in names):
        raise UsageError(f"pass {row.name} needs {wanted}")
    poles = [op.name for op in graph.ops if isinstance(op, Diag)]
    if row.name == "place_poles" and any(f"{name}.lambda_bar" not in graph.bits for name in poles):
        raise UsageError("pass place_poles needs the bits of the poles, which allocate notes; put it before")


def _check_notes(graph: Graph, methods: Methods) -> None:
    """Raise UsageError for bits of what the graph has not: an op's value by its name, its table as op.attribute."""
    known = {op.name for op in graph.ops} | {f"{op.name}.{table}" for op in graph.ops for table in op.tables()}
    for name, _ in methods.notes:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
            raise UsageError(f"--set: the graph has no value or table {name}; {hint}")


_BY_NAME = {one.name: one for one in PASSES}


def passes_named(text: str) -> tuple[Row, ...]:
    """The passes of a list with commas. Raises UsageError for an unknown one, with the name that is nearest."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _BY_NAME:
            close = difflib.get_close_matches(name, _BY_NAME, 1)
            hint = f"did you mean {close[0]}?" if close else f"the passes are {', '.join(_BY_NAME)}"
            raise UsageError(f"there is no pass {name!r}; {hint}")
    return tuple(_BY_NAME[name] for name in names)


def apply_passes(
    graph: Graph, passes: tuple[Row, ...], options: OptOptions, seen: Callable[[str, Graph], Any]
) -> Graph:
    """Apply passes in order; seen(name, graph) is told of each result. Raises UsageError where one cannot be."""
    stages, channels = {"input": graph}, graph.inputs[0].type.shape[0]
    for one in passes:
        _check(one, graph, options.methods)
        known = _Known(one.name, stages, options.reference)
        try:
            graph = verify(one.configured(_Inputs(one.name, options, channels), known)(graph))
        except (IRError, TypeFault) as fault:  # a pass meets graphs here that no pass before it has prepared
            raise UsageError(f"pass {one.name} cannot take this graph: {' '.join(str(fault).split())}") from fault
        stages[one.name] = graph
        seen(one.name, graph)
    return graph
