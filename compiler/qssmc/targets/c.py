"""C: the target whose files are C99."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qssmc.backends import c as c_backend
from qssmc.ir.graph import Graph
from qssmc.targets.backend import Backend, Facts, Files, Lowered, as_bytes
from qssmc.targets.executable import DesignExecutable, Stepper, library_executable
from qssmc.verification.c import CHECK
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_c import EmittedC

_SIZES = ("table_bytes", "state_bytes")


def _emit(lowered: Lowered, options: None) -> Files:
    return as_bytes(c_backend.emit(lowered.golden))


def _facts(files: Mapping[str, bytes]) -> Facts:
    memory: Mapping[str, Any] = json.loads(files["c/layout.json"])["memory"]
    return Facts({name: memory[name] for name in _SIZES})


def load_c(source: Path, graph: Graph, tools: Toolchain) -> DesignExecutable:
    """The C in a folder."""

    def start(emitted: EmittedC, count: int) -> Stepper:
        emitted.reset(count)
        return emitted

    return library_executable(graph, lambda trace: EmittedC(source, trace=trace, cc=tools.cc), start)


C = Backend(
    "c",
    "C",
    c_backend.supports,
    _emit,
    CHECK,
    lambda folder, graph, tools: load_c(folder / "c", graph, tools),
    _facts,
)
