"""Every op that a core holds is looked at in a trace build, and the first that differs from golden is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cores import write
from module_bench import SEED
from qssmc.errors import UsageError, VerificationError
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Offset
from qssmc.passes.prove import prove
from qssmc.verification.comparison import compare_firings
from qssmc_sim import run
from qssmc_sim.emitted_verilog import EmittedVerilog
from support.graphs import random_s4d
from support.one_op import extreme_samples

INSIDE = ("_x", "_ax", "_x1", "_bu", "_bu1", "_xs", "_xn")  # of a layer, which the engine does as a whole


def looked_at(graph: Graph, folder: Path) -> tuple[int, set[str]]:
    """Compares a core with golden, op by op; the number of values, and the ops."""
    samples = extreme_samples(graph, SEED, 3, 7)
    found: set[str] = set()
    count = 0

    def look(steps: Any, closings: Any) -> None:
        nonlocal count
        found.update(steps, closings)
        count += compare_firings(graph, samples, steps, closings, "the core")

    with EmittedVerilog(folder, trace=True) as emitted:
        emitted.replay(samples, run(graph, samples).outputs, look=look, idle=60, stall=60)
    return count, found


def test_every_op_outside_the_engine(tmp_path: Path) -> None:
    graph = random_s4d([2, 3, 0], seed=4)
    count, found = looked_at(graph, write(graph, tmp_path))
    sources = {op.name for op in (*graph.states, *graph.inputs)}
    ops = [op for op in (*graph.step_ops, *graph.last_ops) if op.name not in sources]
    hidden = {op.name for op in ops} - found
    assert hidden == {f"l0{end}" for end in INSIDE} - sources | {
        "decoder",
        "decoder_bias",
        "one",
    }  # two products that are one sum, and a constant
    assert count == sum(
        (21 if op in graph.step_ops else 3) * op.type.shape[0] * (2 if op.type.complex else 1)
        for op in ops
        if op.name in found
    )


@pytest.mark.parametrize("op", ["encoder", "l0_mix", "l0_gate", "logits"])
def test_the_op_that_differs_first_is_named(tmp_path: Path, op: str) -> None:
    graph = random_s4d([2, 3], seed=4)
    folder = write(graph, tmp_path)
    memory = next(path for path in sorted((folder / "mem").iterdir()) if path.name.startswith(f"{op}"))
    words = memory.read_text().split()
    memory.write_text("".join(f"{int(word, 16) ^ 1:0{len(word)}x}\n" for word in words))
    with pytest.raises(VerificationError, match=rf"golden and the core diverge first at op %{op} "):
        looked_at(graph, folder)


def test_an_op_that_fires_too_often_is_named() -> None:
    graph = random_s4d([2, 3], seed=4)
    samples = extreme_samples(graph, SEED, 2, 5)
    again = {"l0_mix": np.zeros((3 * 5, graph["l0_mix"].type.shape[0]), np.int64)}
    with pytest.raises(VerificationError, match=r"the core fires %l0_mix for more than the 2 sequences given"):
        compare_firings(graph, samples, again, {}, "the core")


def test_more_streams_than_a_simulator_opens_files(tmp_path: Path) -> None:
    b = Builder("long", "integer")
    value = b.input("u", Type((1,), 5))
    for i in range(1030):
        value = b.add(Offset(value=Table.integer([1])), f"x{i}", value)
    b.output("y", value, "step")
    graph = prove(b.graph())
    _, found = looked_at(graph, write(graph, tmp_path))
    assert found == {f"x{i}" for i in range(1030)}


def test_a_plain_build_shows_nothing(tmp_path: Path) -> None:
    graph = random_s4d([1], seed=1)
    folder = write(graph, tmp_path)
    with EmittedVerilog(folder) as emitted, pytest.raises(UsageError, match="in a trace build only"):
        emitted.replay(extreme_samples(graph, SEED, 1, 2), {}, look=print)
    with pytest.raises(UsageError, match="traced under Icarus, not under verilator"):
        EmittedVerilog(folder, simulator="verilator", trace=True)
