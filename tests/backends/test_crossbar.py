"""The host in C: with the arrays in software it computes what golden computes, every value at every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.backends.crossbar.host import host_files
from qssmc.crossbar import CrossbarOptions
from qssmc_sim import run
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.machine import Machine
from support.arrays import laid

FLAGS = ("-std=c99", "-O0", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover=all")


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ("ragged", {"encoding": "four-lane", "adc_bits": 5, "dac_bits": 6}),
        ("empty head, per step", {"reads": 4}),
        ("dithered, two layers", {}),
    ],
)
def test_host_is_golden(tmp_path: Path, shape: str, options: dict[str, Any]) -> None:
    found = laid(shape, CrossbarOptions(**options))
    graph = found.stages["convert"]
    files = host_files(graph, found.crossbar)
    assert files == host_files(graph, found.crossbar)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert files[f"{graph.name}.c"].count("xbar_write_rows(") >= len(found.crossbar.ops)
    with EmittedC(tmp_path, flags=FLAGS) as emitted:
        got = emitted.run(found.samples)
    for name, values in run(graph, found.samples).outputs.items():
        np.testing.assert_array_equal(got[name], values)
    golden = Machine(graph, len(found.samples))
    with EmittedC(tmp_path, trace=True, flags=FLAGS) as traced:
        traced.reset(len(found.samples))
        for t in range(3):
            wanted, seen = golden.step(found.samples[:, t]), traced.step_batch(found.samples[:, t])
            for op in graph.step_ops:
                np.testing.assert_array_equal(seen[op.name], wanted[op.name], err_msg=op.name)
