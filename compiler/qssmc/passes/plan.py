"""PassPlan: everything that the passes of one design are made from, built by the driver and varied by the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.artifact.stages import Stages
from qssmc.crossbar.options import CrossbarOptions
from qssmc.data.sequences import InputFormat
from qssmc.ir.graph import Graph
from qssmc.passes.methods import PLAIN, Methods
from qssmc.passes.quantise.options import QuantiseOptions

Pass = Callable[[Graph], Graph]


@dataclass(frozen=True)
class Row:
    """One pass of a plan. name: as in ir/NN_name.ir; reason: why it is there, in a sentence for readers.

    configured: the pass with its options, given the stages before it, which few of them look at.
    """

    name: str
    reason: str
    configured: Callable[[Stages], Pass]


@dataclass(frozen=True, eq=False)
class PassPlan:
    """graph: the float graph; integers: calibration sequences as a sensor gives them; input_format: what they stand for.

    arrays: those that the design is laid on, None of a digital one. The rows that this asks for are in pipeline.py.
    """

    graph: Graph
    quantise: QuantiseOptions
    input_format: InputFormat
    integers: Calibration
    methods: Methods = PLAIN
    arrays: CrossbarOptions | None = None

    @cached_property
    def reals(self) -> Calibration:
        """The calibration sequences as the model takes them."""
        return replace(self.integers, samples=self.real(self.integers.samples))

    def real(self, samples: NDArray[np.int64]) -> NDArray[np.float64]:
        """What integer samples stand for."""
        return self.input_format.to_real(samples).astype(np.float64)

    def on(self, which: slice) -> PassPlan:
        """The same passes, learning from some of the sequences."""
        return replace(self, integers=self.integers.part(which))
