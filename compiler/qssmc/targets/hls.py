"""HLS: the target whose files are a project of C++ for high-level synthesis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.backends import hls as hls_backend
from qssmc.backends.hls import HlsOptions
from qssmc.ir.graph import Graph
from qssmc.targets.backend import Backend, Facts, Files, Lowered, as_bytes
from qssmc.targets.executable import DesignExecutable, Stepper, library_executable
from qssmc.targets.hardware import hardware_facts
from qssmc.verification.hls import CHECK
from qssmc.verification.toolchain import Toolchain
from qssmc_sim import run
from qssmc_sim.emitted_hls import EmittedHls


def _emit(lowered: Lowered, options: HlsOptions) -> Files:
    """The project, and the hashes of every value of the first sequence that its testbench compares."""
    graph = lowered.golden
    hashes = hls_backend.OpHashes(graph, lowered.samples.shape[1])
    run(graph, lowered.samples[:1], hashes.see)
    return as_bytes({**hls_backend.emit(graph, options), hls_backend.OPS: hashes.text})


def _facts(files: Mapping[str, bytes]) -> Facts:
    return hardware_facts("hls", files[hls_backend.ESTIMATE])


def _load(folder: Path, graph: Graph, tools: Toolchain) -> DesignExecutable:
    def build(trace: bool) -> EmittedHls:
        return EmittedHls(folder / "hls", trace=trace, cxx=tools.cxx, ap_types=tools.ap_types)

    def start(emitted: EmittedHls, count: int) -> Stepper:
        emitted.reset(count)
        return _Steps(emitted)

    return library_executable(graph, build, start)


class _Steps:
    """A traced build, whose step also tells of the closing."""

    def __init__(self, emitted: EmittedHls) -> None:
        self._emitted = emitted

    def step_batch(self, samples: NDArray[np.int64]) -> Mapping[str, NDArray[Any]]:
        return self._emitted.step_batch(samples)[0]

    def last_batch(self) -> Mapping[str, NDArray[Any]]:
        return self._emitted.last_batch()


HLS = Backend("hls", "HLS C++", hls_backend.supports, _emit, CHECK, _load, _facts, HlsOptions, title="HLS")
