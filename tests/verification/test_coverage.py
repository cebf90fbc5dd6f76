"""Coverage and proofs: edges are counted where values are really clamped, and no proof is contradicted by a run."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qssmc.analysis.linear_response import LinearResponse
from qssmc.analysis.reach import reach
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Diag, Inject, Input, Lut, Readout, Requant, ShiftLeft
from qssmc.verification.coverage import Points, Recorder, coverage_of, greedy_cover
from qssmc.verification.slopes import Slopes
from qssmc.verification.stimuli import Effort, Search, known_shapes
from qssmc.verification.unreachable import unreachable_points
from qssmc_sim import run

INT = Table.integer
FEW = Effort(steps=40, together=8, rounds=1, mutants=8, resonances=4)


def clamping(low: int = -3, high: int = 5, first: int = -3) -> Graph:
    """u in -8..7, clamped to low..high, then a table of nine entries."""
    b = Builder("clamping", "integer")
    u = b.add(Input(Type.integer((1,), 4, signed=True)), "u", origin="input")
    q = b.add(Requant(multiplier=INT(1), shift=INT(0), low=INT(low), high=INT(high)), "q", u, origin="q")
    y = b.add(Lut(entries=INT(np.arange(9)), first=INT(first)), "y", q, origin="y")
    return b.build(outputs=[("y", y, "step")])


def test_a_value_on_the_clamp_by_itself_is_no_clamped_one() -> None:
    points = Points(clamping())
    for values, edges in (([-3, 5, 0], [False, False]), ([-4, 0, 1], [True, False]), ([6, 6, 6], [False, True])):
        recorder = Recorder(points, 1)
        run(points.graph, np.array(values)[None, :, None], recorder)
        assert recorder.seen[0, :2].tolist() == edges
        entries = {min(max(value, -3), 5) + 3 for value in values}
        assert set(np.flatnonzero(recorder.seen[0, 2:])) == entries
