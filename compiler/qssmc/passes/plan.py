"""PassPlan: everything that the passes of one design are made from, built by the driver and varied by the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

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


class PassInputs(Protocol):
    """What passes are configured with; of single passes from text, what was not given raises where it is asked for."""

    @property
    def quantise(self) -> QuantiseOptions:
        """Bits and scheme."""
        ...

    @property
    def methods(self) -> Methods:
        """What is done beside plain rounding."""
        ...

    @property
    def input_format(self) -> InputFormat:
        """What a sample stands for."""
        ...

    @property
    def integers(self) -> Calibration:
        """Calibration sequences as a sensor gives them."""
        ...

    @property
    def reals(self) -> Calibration:
        """The same sequences as the model takes them."""
        ...

    @property
    def arrays(self) -> CrossbarOptions | None:
        """The arrays that the design is laid on, None of a digital one."""
        ...


@dataclass(frozen=True)
class Row:
    """One row of the pipeline.

    name: of the pass, as in ir/NN_name.ir; before, after: the stages of its graphs; reason: why it is there, a clause;
    configured: the pass with its options, given the stages before it, which few passes look at; wanted: whether a plan
    asks for it; notes: what must be noted in the graph, each with the pass that notes it.
    """

    name: str
    before: str
    after: str
    reason: str
    configured: Callable[[PassInputs, Stages], Pass]
    wanted: Callable[[PassInputs], bool] = lambda plan: True
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class PassPlan:
    """What a design is made from; pipeline(plan) gives the passes that this asks for.

    graph: the float graph; integers: calibration sequences as a sensor gives them; input_format: what they stand for;
    arrays: those that the design is laid on, None of a digital one.
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
