"""Compensate: the quantise pass with weights that make up for each other's rounding, where no refit follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from qssmc.analysis.calibration import Calibration
from qssmc.ir.graph import Graph
from qssmc.passes.refit.walk import Refit


@dataclass(frozen=True)
class Compensate:
    """Quantise, then round c, d, mixing and decoder once more, from what they were, on the quantised values they read.

    The weights that a readout or matrix is after are those of the model; only which way each of them is rounded follows
    from the calibration sequences. Without it the c of a head, whose states say almost the same and whose weights
    nearly cancel, loses far more than their bits suggest.
    """

    quantise: Callable[[Graph], Graph]
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        quantised = self.quantise(graph)
        left = replace(quantised, kept={})  # the graph before is pruned already
        rounded = Refit(graph, self.calibration, refit=False, ideal=graph)(left)
        return replace(rounded, kept=quantised.kept)
