"""Executables: every target, step by step and as whole sequences, gives what golden gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.targets.executable import Executable, golden_executable
from qssmc.targets.registry import BACKENDS
from qssmc.targets.support import lowered_alone
from qssmc.verification.toolchain import Toolchain
from qssmc_sim import run
from support.graphs import random_s4d

SAMPLES = np.random.default_rng(3).integers(0, 256, (3, 6, 1))
GRAPHS = {"last": random_s4d([2, 1], d_output=3), "step": random_s4d([2, 1], d_output=3, output="step", seed=1)}


def written(name: str, graph: Graph, folder: Path) -> tuple[Graph, Executable]:
    """The golden model of a target, and what runs the files that it emits."""
    backend = BACKENDS[name]
    lowered = lowered_alone(backend, graph, SAMPLES)
    for path, content in backend.emit(lowered, backend.chosen({})).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return lowered.golden, backend.load(folder, lowered.golden, Toolchain())


@pytest.mark.parametrize("when", list(GRAPHS))
@pytest.mark.parametrize("name", [*BACKENDS, "golden"])
def test_equals_golden(name: str, when: str, tmp_path: Path) -> None:
    graph = GRAPHS[when]
    if name == "golden":
        executable: Executable = golden_executable(graph)
    else:
        graph, executable = written(name, graph, tmp_path)
    wanted = run(graph, SAMPLES).outputs
    with executable as design:
        found = design.run(SAMPLES.astype(np.uint8))
        assert found.keys() == wanted.keys()
        for output, values in wanted.items():
            assert found[output].dtype == np.int64
            assert np.array_equal(found[output], values)
        for _ in range(2):  # begun anew, it is as at first
            design.reset(len(SAMPLES))
            for t in range(4):
                leaving = design.step(SAMPLES[:, t])
                for output in graph.outputs:
                    if output.when == "step":
                        assert np.array_equal(leaving[output.name], wanted[output.name][:, t])
            ends = run(graph, SAMPLES[:, :4]).outputs
            for _ in range(2):  # an end changes nothing
                closing = design.last()
                assert set(closing) == {output.name for output in graph.outputs if output.when == "last"}
                for output, values in closing.items():
                    assert np.array_equal(values, ends[output])
            design.step(SAMPLES[:, 4])
            for output, values in design.last().items():
                assert np.array_equal(values, run(graph, SAMPLES[:, :5]).outputs[output])


def test_samples_must_be_of_the_input_format() -> None:
    design = golden_executable(GRAPHS["step"])
    with pytest.raises(UsageError, match=r"samples must have the shape \(count, length, 1\), not \(3, 6\)"):
        design.run(SAMPLES[..., 0])
    with pytest.raises(UsageError, match="samples must be integers of the input format, not float64"):
        design.run(SAMPLES / 2)
    with pytest.raises(UsageError, match=r"samples must lie in 0\.\.255, but they reach -1\.\.256"):
        design.run(np.array([[[-1], [256]]]))
    with pytest.raises(UsageError, match="no sequence has begun"):
        design.step(SAMPLES[:, 0])
    with pytest.raises(UsageError, match="must be at least 1, not 0"):
        design.reset(0)
    design.reset(2)
    with pytest.raises(UsageError, match=r"there are 2 sequences, not 3: call reset\(3\) first"):
        design.step(SAMPLES[:, 0])
