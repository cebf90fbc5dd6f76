"""The emitted C as its reader sees it: shipped without trace, lines short, no loop that runs once, no idle cast."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qssmc.backends.c import emit
from qssmc.backends.wrapping import COLUMNS
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Matvec
from qssmc.passes.prove import prove
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.trace_lines import without_trace
from support import hand
from support.emitted import STRICT, by_hand, clamp, compare_every_op, compare_outputs, shifted_sum, write
from support.graphs import random_s4d
from support.one_op import MNEMONICS, one_op

INT = Table.integer
GRAPHS = [
    random_s4d([12, 5, 7, 2, 0, 3], layers=2, norm=True, dither=True),
    random_s4d([1]),
    random_s4d([0, 0]),
    random_s4d([3, 1, 2], output="step", d_input=3, multiplier=True, increment=False),
    *by_hand(),
    hand.mimo(),
    hand.delay_line(),
    *(shifted_sum(seed, dither=bool(seed % 2)) for seed in range(12)),
    *(prove(one_op(mnemonic, 1)) for mnemonic in MNEMONICS),
]


def sources(graph: Graph) -> dict[str, str]:
    return {path: text for path, text in emit(graph).items() if path.endswith((".c", ".h"))}


@pytest.fixture(scope="module")
def emitted() -> list[tuple[Graph, dict[str, str]]]:
    return [(graph, sources(graph)) for graph in GRAPHS]


def test_shipped_sources_know_nothing_of_tracing(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        shipped = {path: text for path, text in files.items() if not path.startswith("c/trace/")}
        assert len(files) - len(shipped) == 3
        for path, text in shipped.items():
            code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
            assert "trace" not in code.lower(), (graph.name, path)


def test_traced_source_without_trace_is_the_shipped_source(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for _, files in emitted:
        (traced,) = (path for path in files if path.endswith("_trace.c"))
        name = Path(traced).name.removesuffix("_trace.c")
        assert "QSSM_TRACE_" in files[traced]
        assert without_trace(files[traced]) == files[f"c/{name}.c"]


@pytest.mark.parametrize(
    ("before", "after"), [(" = (", " = 1 + ("), ("static const", "static"), ("void model_int_step(", "void m(")]
)
def test_a_difference_between_both_sources_is_told(before: str, after: str, tmp_path: Path) -> None:
    (graph,) = (graph for graph in by_hand() if graph.name == "int")
    path = write(graph, tmp_path) / "model_int.c"
    text = path.read_text()
    with EmittedC(path.parent, flags=("-std=c99", "-O0")) as emitted:
        assert emitted.trace_differs() is None
        changed = text.replace(before, after, 1)
        path.write_text(changed)
        said = emitted.trace_differs()
        if changed == text:
            assert said is None
            return
        line = next(n for n, (a, b) in enumerate(zip(text.split("\n"), changed.split("\n"), strict=True), 1) if a != b)
        assert (
            said
            == f"line {line} of model_int.c is not what trace/model_int_trace.c has there without its trace statements"
        )


def test_lines_are_short(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        for path, text in files.items():
            for number, line in enumerate(text.splitlines(), 1):
                assert len(line) <= COLUMNS, (graph.name, path, number, line)


def test_no_loop_runs_once_or_never(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        for path, text in files.items():
            for start, end in re.findall(r"for \(int \w+ = (\d+); \w+ < (\d+);", text):
                assert int(end) > int(start) + 1 or "harness" in path or "main" in path, (graph.name, path, start, end)


def test_no_cast_follows_a_cast_and_none_is_idle(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        for path, text in files.items():
            if path.endswith("qssm_kernels.h"):
                continue
            assert not re.search(r"\(u?int\d+_t\)\(*\(u?int\d+_t\)\w+[;)]", text), (graph.name, path)
            declared = dict(reversed(found) for found in re.findall(r"const (u?int\d+_t) (\w+) =", text))
            for ctype, name in re.findall(r"\((u?int\d+_t)\)(\w+)[;,)]", text):
                assert declared.get(name) != ctype, (graph.name, path, name)


@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_no_table_and_no_variable_is_unused(cc: str, tmp_path: Path) -> None:
    for number, graph in enumerate(GRAPHS):
        folder = write(graph, tmp_path / str(number))
        (model,) = (path for path in folder.glob("*.c") if path.name not in ("main.c", "harness.c"))
        text = model.read_text() + (folder / f"{model.stem}_tables.h").read_text()
        for name in re.findall(r"static const \S+(?: \S+\))? (\w+)\[", text):
            assert text.count(name) > 1, (graph.name, name)
        subprocess.run([cc, *STRICT, "-Wshadow", "-fsyntax-only", str(model)], check=True)


def identity() -> Graph:
    """Requants that change nothing, of an input, a loop's value and a sum, read by loops, a product and an output."""
    b = Builder("same", "integer")
    u = b.input("u", Type((3,), 6))
    x = b.state("x", Type((3,), 64))
    taken = clamp(b, "taken", u, 40)
    again = clamp(b, "again", taken, 41)
    mixed = b.add(Matvec(weight=INT([[1, 2, 3], [0, 1, 0], [4, 5, 6]]), bias=INT([1, 0, 0])), "mixed", again)
    new = clamp(b, "new", b.add(Add(), "sum", x, again), 99)
    b.updates[x] = clamp(b, "kept", new, 100)
    b.output("y", clamp(b, "out_of_sum", mixed, 1 << 20), "step")
    b.output("z", clamp(b, "out", new, 101), "step")
    b.output("end", clamp(b, "end", x, 102), "last")
    return prove(b.graph())


def test_a_requant_that_changes_nothing_is_its_operand(tmp_path: Path) -> None:
    graph = identity()
    text = emit(graph)["c/same.c"]
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(taken|again|out|kept)_i\b", code)
    assert "same_mixed_weight, u, same_mixed_bias" in code  # u: the samples, clamped to their six bits
    for op in graph.ops:
        if op.mnemonic == "requant":
            assert text.count(f"%{op.name} : ") == 1, op.name
    compare_every_op(graph, tmp_path / "trace")
    compare_outputs(graph, tmp_path / "plain", cc="clang")


@pytest.mark.parametrize(("outs", "ins"), [(32, 16), (32, 8), (40, 16)])
def test_kernels_build_without_a_warning_at_full_speed(outs: int, ins: int, tmp_path: Path) -> None:
    """The loop over what vectors leave, here nothing, once looked to gcc as if it left its table."""
    random = np.random.default_rng(0)
    b = Builder("full", "integer")
    x = clamp(b, "x", b.input("u", Type((ins,), 12)), 200, 1)
    weight, bias = random.integers(-128, 128, (outs, ins)), random.integers(-999, 999, outs)
    b.output("y", b.add(Matvec(weight=INT(weight), bias=INT(bias)), "y", x), "step")
    folder = write(prove(b.graph()), tmp_path)
    command = ["gcc", *STRICT, "-O3", "-march=native", "-c", "-o", str(tmp_path / "full.o"), "full.c"]
    subprocess.run(command, cwd=folder, check=True)
