"""Engines: what computes the steps of a loaded design: the golden model, or the emitted C, HLS C++ or ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.verification.checks import Tools
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.emitted_hls import EmittedHls
from qssmc_sim.emitted_onnx import EmittedOnnx
from qssmc_sim.machine import Machine, run

Values = dict[str, NDArray[np.int64]]
GOLDEN = "golden"


class DesignEngine(Protocol):
    """Runs integer samples as the golden model does; outputs by name."""

    def run(self, samples: NDArray[Any]) -> Values:
        """Whole sequences (count, length, channels)."""

    def reset(self, count: int) -> None:
        """The states of so many sequences, as before the first sample."""

    def step(self, samples: NDArray[Any]) -> Values:
        """One sample of each sequence, (count, channels); the outputs of every step."""

    def last(self) -> Values:
        """The outputs that come after the last sample; the states stay as they are."""

    def close(self) -> None:
        """Remove what was built."""


def engine_of(name: str, folder: Path, graph: Graph, tools: Tools) -> DesignEngine:
    """An engine of a design's folder. Raises UsageError for an unknown one, ToolError for a missing compiler."""
    if name not in ENGINES:
        raise UsageError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    return ENGINES[name](folder, graph, tools)


class _Golden:
    """The golden model."""

    def __init__(self, folder: Path, graph: Graph, tools: Tools) -> None:
        self.graph, self.machine = graph, Machine(graph, 0)

    def run(self, samples: NDArray[Any]) -> Values:
        return run(self.graph, samples.astype(np.int64)).outputs

    def reset(self, count: int) -> None:
        self.machine = Machine(self.graph, count)

    def step(self, samples: NDArray[Any]) -> Values:
        return _outputs(self.graph, self.machine.step(samples.astype(np.int64)), "step")

    def last(self) -> Values:
        return _outputs(self.graph, self.machine.last(), "last")

    def close(self) -> None:
        """Nothing was built."""


class _Built:
    """An emitted library or model: one that is built for whole sequences, and a traced one that steps."""

    def __init__(self, graph: Graph, build: Callable[[bool], Any]) -> None:
        self.graph, self.build, self.built = graph, build, {False: build(False)}

    def run(self, samples: NDArray[Any]) -> Values:
        found: Values = self.built[False].run(samples)
        return found

    def reset(self, count: int) -> None:
        if True not in self.built:
            self.built[True] = self.build(True)
        self.built[True].reset(count)

    def step(self, samples: NDArray[Any]) -> Values:
        return _outputs(self.graph, self.built[True].step_batch(samples), "step")

    def last(self) -> Values:
        return _outputs(self.graph, self.built[True].last_batch(), "last")

    def close(self) -> None:
        for one in self.built.values():
            if hasattr(one, "close"):
                one.close()


class _Hls(_Built):
    """The C++, whose stream says with its last sample that it is the last."""

    def reset(self, count: int) -> None:
        raise UsageError("the emitted HLS C++ takes whole sequences: use run(), or engine='c' to step")


def _c(folder: Path, graph: Graph, tools: Tools) -> DesignEngine:
    return _Built(graph, lambda trace: EmittedC(folder / "c", trace=trace, cc=tools.cc))


def _hls(folder: Path, graph: Graph, tools: Tools) -> DesignEngine:
    return _Hls(graph, lambda trace: EmittedHls(folder / "hls", cxx=tools.cxx, ap_types=tools.ap_types))


def _onnx(folder: Path, graph: Graph, tools: Tools) -> DesignEngine:
    return _Built(graph, lambda trace: EmittedOnnx(folder / "onnx", graph))


ENGINES: Mapping[str, Callable[[Path, Graph, Tools], DesignEngine]] = {
    GOLDEN: _Golden,
    "c": _c,
    "hls": _hls,
    "onnx": _onnx,
}


def _outputs(graph: Graph, values: Mapping[str, NDArray[Any]], when: str) -> Values:
    return {output.name: values[output.value] for output in graph.outputs if output.when == when}
