"""Verilog: the target whose files are a core of hand-written modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends import verilog as verilog_backend
from qssmc.backends.verilog import VerilogOptions
from qssmc.ir.graph import Graph
from qssmc.targets.backend import Backend, Facts, Files, Lowered, as_bytes
from qssmc.targets.executable import DesignExecutable, PrefixStepper
from qssmc.targets.hardware import hardware_facts
from qssmc.verification.toolchain import Toolchain
from qssmc.verification.verilog import CHECK
from qssmc_sim import run
from qssmc_sim.emitted_verilog import EmittedVerilog


def _emit(lowered: Lowered, options: VerilogOptions) -> Files:
    return as_bytes(verilog_backend.emit(lowered.golden, options))


def _facts(files: Mapping[str, bytes]) -> Facts:
    return hardware_facts("verilog", files[verilog_backend.ESTIMATE])


def _load(folder: Path, graph: Graph, tools: Toolchain) -> DesignExecutable:
    """The core in a simulator. Its test bench compares every result with golden's, so that what is returned is what
    golden gives, once the core gave the same; VerificationError tells where it does not. With --argmax it gives, and is
    compared in, the index of the largest element alone. Steps run the sequences so far anew."""
    emitted = EmittedVerilog(folder / "verilog", simulator=tools.simulator)

    def whole(samples: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        expected = run(graph, samples).outputs
        if samples.size:
            emitted.replay(samples, expected)
        return expected

    return DesignExecutable(graph, whole, lambda count: PrefixStepper(graph, whole), emitted.close)


VERILOG = Backend("verilog", "Verilog", verilog_backend.supports, _emit, CHECK, _load, _facts, VerilogOptions)
