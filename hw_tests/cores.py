"""Emits a graph as a core, and replays samples through it beside the golden model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qssmc.backends.verilog import VerilogOptions, emit
from qssmc.crossbar import CrossbarMap
from qssmc.ir import Graph
from qssmc_sim import run
from qssmc_sim.emitted_verilog import EmittedVerilog, Replay


def write(
    graph: Graph, folder: Path, lanes: int = 1, crossbar: CrossbarMap | None = None, *, argmax: bool = False
) -> Path:
    """The emitted files; returns the folder with the top."""
    for path, text in emit(graph, VerilogOptions(lanes, argmax=argmax), crossbar).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder / "verilog"


@contextmanager
def core(graph: Graph, folder: Path, lanes: int = 1, *, argmax: bool = False) -> Iterator[EmittedVerilog]:
    """The core built for Icarus, with every warning an error but those that say nothing."""
    with EmittedVerilog(write(graph, folder, lanes, argmax=argmax)) as emitted:
        yield emitted


def replay(graph: Graph, emitted: EmittedVerilog, samples: Any, **pauses: int) -> Replay:
    """Raises VerificationError where golden and the core differ."""
    outputs = run(graph, np.asarray(samples, np.int64)).outputs
    return emitted.replay(samples, outputs, patience=20000, **pauses)
