"""The C target against the golden model: every op, every step, both compilers, bit for bit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.backends.c import emit
from qssmc.errors import UnsupportedModelError
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Offset, Requant, Scale
from qssmc.passes.prove import prove
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import Machine, run
from qssmc_sim.emitted_c import FLAGS, EmittedC
from support import hand
from support.emitted import (
    SANITIZE,
    STRICT,
    aligned_state,
    by_hand,
    compare_every_op,
    compare_outputs,
    dithered_widths,
    old_value_read_late,
    products,
    register_of_states,
    replay,
    shifted_sum,
    wide_numbers,
    write,
)
from support.graphs import random_s4d
from support.one_op import MNEMONICS, extreme_samples, one_op
from support.random_models import compile_stages, ragged_graph, sensor_samples

INT = Table.integer
RAGGED = [3, 0, 5, 2]
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"states": [8] * 16},
    "wide": {"states": [4] * 40},
    "ragged": {"states": [12, 5, 7, 2, 9, 3, 8, 8, 10, 2, 6, 7, 11, 4, 0, 12]},
    "few": {"states": [1]},
    "no states": {"states": [0, 0]},
    "two layers": {"states": RAGGED, "layers": 2, "norm": True},
    "multiplier": {"states": RAGGED, "multiplier": True, "increment": False},
    "every step": {"states": RAGGED, "output": "step", "d_input": 3},
    "16 bits of state": {"states": [6, 4, 4], "state_bits": 16, "norm": True, "multiplier": True},
    "long": {"states": [70, 3]},
    "dithered": {"states": [8] * 16, "dither": True},
    "dithered and ragged": {
        "states": [0, 5, 7, 2, 0, 3, 8, 1],
        "dither": True,
        "layers": 2,
        "output": "step",
        "state_bits": 7,
    },
    "dithered 16 bits": {"states": RAGGED, "dither": True, "state_bits": 16, "norm": True, "multiplier": True},
    "dithered poles": {"states": RAGGED, "dither": True, "increment": False, "state_bits": 12},
    "dithered, no states": {"states": [0, 0], "dither": True},
}


def make(name: str) -> Graph:
    return random_s4d(**VARIANTS[name], seed=len(name))


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("name", list(VARIANTS))
def test_random_models_equal_golden(name: str, cc: str, tmp_path: Path) -> None:
    graph = make(name)
    compare_every_op(graph, tmp_path, cc=cc)
    compare_outputs(graph, tmp_path, cc=cc)


@pytest.mark.parametrize(
    "graph", [*by_hand(), hand.mimo(), hand.crossbar(), hand.delay_line(), hand.dithered()], ids=lambda g: g.name
)
def test_hand_written_graphs_equal_golden(graph: Graph, tmp_path: Path) -> None:
    compare_every_op(graph, tmp_path, level="-O0")
    compare_outputs(graph, tmp_path, cc="clang")


@pytest.mark.parametrize("mnemonic", MNEMONICS)
def test_each_op_equals_golden(mnemonic: str, tmp_path: Path) -> None:
    for seed in range(8 if mnemonic == "requant" else 3):
        compare_every_op(prove(one_op(mnemonic, seed)), tmp_path / str(seed), level="-O0")


@pytest.mark.parametrize("dither", [False, True])
def test_trees_of_sums_and_shifts_equal_golden(dither: bool, tmp_path: Path) -> None:
    for seed in [*range(25), 70]:  # 70 once mixed up the two kernels for shifts beyond 15
        compare_every_op(shifted_sum(seed, dither), tmp_path / str(seed), level="-O0", steps=6)


@pytest.mark.parametrize(
    "graph",
    [
        make("two layers"),
        make("every step"),
        make("dithered and ragged"),
        make("dithered 16 bits"),
        hand.dithered(),
        dithered_widths(),
        products(),
        wide_numbers(),
        aligned_state(),
        aligned_state(dither=True),
    ],
    ids=lambda g: g.name,
)
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_replay_is_clean_under_sanitizers(graph: Graph, cc: str, tmp_path: Path) -> None:
    folder = write(graph, tmp_path, extreme_samples(graph, 3, 3, 9))
    result = replay(folder, cc=cc, flags=SANITIZE)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "3 sequences of 9 samples: every output is as expected\n"


@pytest.mark.parametrize("shift", [[16, 16], [16, 15], [0, 16]])
def test_half_of_what_is_shifted_out_may_need_17_bits(shift: list[int], tmp_path: Path) -> None:
    """The sum x + 2^15 of a negative x fits 16 bits, though 2^15 itself does not."""
    b = Builder("half", "integer")
    u = b.input("u", Type((2,), 8, False))
    x = b.add(Offset(value=INT([-32768, -32768])), "x", b.add(Scale(factor=INT([100, 100])), "wide", u))
    y = b.add(Requant(multiplier=INT(1), shift=INT(shift), low=INT(-40000), high=INT(40000)), "y", x)
    b.output("y", y, "step")
    for cc in ("gcc", "clang"):
        compare_every_op(prove(b.graph()), tmp_path / cc, cc=cc)


def test_one_step_that_differs_from_the_graph_is_found(tmp_path: Path) -> None:
    """Guards the comparison itself: golden of another seed must not pass for this one."""
    samples = extreme_samples(make("plain"), 3, 2, 5)
    other = run(random_s4d([8] * 16, seed=99), samples).outputs
    with EmittedC(write(make("plain"), tmp_path)) as emitted:
        assert any(not np.array_equal(other[name], values) for name, values in emitted.run(samples).items())


def test_each_mutated_table_is_found(tmp_path: Path) -> None:
    """One wrong number in any table of the model must change what an op gives; of lookup tables, all numbers."""
    graph = random_s4d([2, 1], seed=4)
    folder = write(graph, tmp_path)
    path = folder / "random_tables.h"
    text = path.read_text()
    tables = list(re.finditer(r"(\w+)\[\d+\] = \{\n(.*?)\};", text, re.DOTALL))
    assert len(tables) > 10
    samples = extreme_samples(graph, 5, 4, 40)
    missed = []
    for table in tables:
        numbers = re.sub(r"\(?-?\d+\)?", _other, table[2], count=0 if "entries" in table[1] else 1)
        path.write_text(text[: table.start(2)] + numbers + text[table.end(2) :])
        with EmittedC(folder, trace=True, flags=("-std=c99", "-O0")) as emitted:
            if not _differs(graph, emitted, samples):
                missed.append(table[1])
    assert missed == []


def _other(number: re.Match[str]) -> str:
    value = int(number[0].strip("()"))
    return "0" if value == -1 else str(2 * value + 1)


@pytest.mark.parametrize(
    ("graph", "before", "after"),
    [
        (make("two layers"), "factor >> 14) + 1) >> 1", "factor >> 14) + 0) >> 1"),
        (make("two layers"), "x < low ? low : x;", "x <= low ? low + 1 : x;"),
        (make("two layers"), "x1 * w[outs + o]", "x1 * w[o]"),
        (products(), "x[ins - 1] * weight[", "x[ins - 2] * weight["),
        (products(), "x1 * weight[2 * (i * outs + o) + 1]", "x1 * weight[2 * (i * outs + o)]"),
        (make("two layers"), "root + bit) {", "root + bit + 1) {"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_each_broken_kernel_is_found(graph: Graph, before: str, after: str, tmp_path: Path) -> None:
    folder = write(graph, tmp_path)
    path = folder / "qssm_kernels.h"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with EmittedC(folder, trace=True, flags=("-std=c99", "-O0")) as emitted:
        assert _differs(graph, emitted, extreme_samples(graph, 5, 4, 40))


def _differs(graph: Graph, emitted: EmittedC, samples: Any) -> bool:
    golden = Machine(graph, len(samples))
    emitted.reset(len(samples))
    for t in range(samples.shape[1]):
        wanted, got = golden.step(samples[:, t]), emitted.step_batch(samples[:, t])
        if any(not np.array_equal(got[name], values) for name, values in wanted.items()):
            return True
    wanted, got = golden.last(), emitted.last_batch()
    return any(not np.array_equal(got[name], values) for name, values in wanted.items())


def test_same_graph_gives_same_bytes() -> None:
    assert emit(make("two layers")) == emit(make("two layers"))


def test_only_main_uses_more_of_libc_than_string_h() -> None:
    for path, text in emit(make("two layers")).items():
        if path.endswith((".c", ".h")) and path != "c/main.c":
            code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
            assert set(re.findall(r"#include <(.*?)>", code)) <= {"stdint.h", "string.h"}
            assert not re.search(r"\b(float|double|malloc|free|printf)\b", code)


def test_every_ir_line_opens_a_block() -> None:
    graph = make("two layers")
    text = emit(graph)["c/random.c"]
    for op in graph.ops:
        if op.mnemonic not in ("input", "state", "constant"):
            assert f"%{op.name} : {op.type} = {op.mnemonic}" in text, op.name


@pytest.mark.parametrize(
    ("graph", "lanes"),
    [
        (random_s4d([32] * 16), 64),
        (aligned_state(), 32),
        (random_s4d([32] * 16, dither=True), 64),
        (aligned_state(dither=True), 32),
    ],
    ids=["s4d", "aligned", "s4d dithered", "aligned dithered"],
)
def test_state_loop_works_in_16_bits(graph: Graph, lanes: int) -> None:
    """Speed: an 8-bit state with increments is up to 25 bits in the IR, and must need no more than 16-bit lanes."""
    text = emit(graph)[f"c/{graph.name}.c"]
    loops = re.findall(r"for \(int level.*?\n        }", text, re.DOTALL)
    assert len(loops) == 1
    assert "int16_t" in loops[0]
    assert "int32_t" not in loops[0]
    assert f"lane < {lanes}" in loops[0]  # a head has several lanes: whole vectors at any number of heads


def test_reset_and_a_second_state_start_the_phase_again(tmp_path: Path) -> None:
    """Two calls of the same sequence give the same outputs; so do two states in one trace build, and each its own."""
    graph = random_s4d([3, 0, 2], seed=5, dither=True, output="step")
    samples = extreme_samples(graph, 2, 3, 20)
    wanted = run(graph, samples).outputs
    with EmittedC(write(graph, tmp_path)) as emitted:
        for _ in range(2):
            assert np.array_equal(emitted.run(samples)["y"], wanted["y"])
    with EmittedC(tmp_path / "c", trace=True) as emitted:
        for _ in range(2):
            emitted.reset(3)
            for t in range(20):
                assert emitted.step_batch(samples[:, t])["phase"].tolist() == [[t * 40503 % 65536]] * 3


def test_a_real_input_weight_costs_no_table() -> None:
    graph = random_s4d([3, 1, 2], seed=6)
    bu = graph["l0_bu"]
    real = replace(bu, b_bar=Table.integer(bu.b_bar.data * [1, 0]))
    files = emit(prove(graph.with_ops(real if op is bu else op for op in graph.ops)))
    assert "b_bar_re[" in files["c/random_tables.h"]
    assert "b_bar_im" not in files["c/random_tables.h"]
    assert "* 0" not in files["c/random.c"]


@pytest.mark.parametrize("states", [[3, 0, 40, 1], [0, 0, 0, 2], [1, 9]])
@pytest.mark.parametrize("bits", [(4, 6, 8, 8), (8, 8, 16, 16)])
def test_pruned_and_dithered_designs_equal_golden(states: list[int], bits: tuple[int, ...], tmp_path: Path) -> None:
    """From the float graph on: channels taken from a wider encoder, empty and heavy heads, states with a phase."""
    source = ragged_graph(states, d_input=3, indices=[4, 1, 2, 6][: len(states)])
    options = QuantiseOptions("qssm", *bits, dither=True)
    graph = compile_stages(source, options, sensor_samples(3))["prove"]
    assert {"take", "advance"} <= {op.mnemonic for op in graph.ops}
    compare_every_op(graph, tmp_path, steps=20)
    compare_outputs(graph, tmp_path, cc="clang", steps=20)


def test_header_counts_the_memory(tmp_path: Path) -> None:
    files = emit(random_s4d([2, 1], seed=4))
    sizes = {"8": 1, "16": 2, "32": 4, "64": 8}
    packed = re.sub(r"QSSM_TABLE\((\w+), \w+\)", r"\1", files["c/random_tables.h"])
    arrays = re.findall(r"u?int(\d+)_t \w+\[(\d+)\] =", packed)
    states = re.findall(r"u?int(\d+)_t \w+\[(\d+)\]; /\*", files["c/random.h"])
    table_bytes, state_bytes = (sum(sizes[bits] * int(n) for bits, n in found) for found in (arrays, states))
    memory = f"Memory: {table_bytes} bytes of constant tables (packed: see QSSM_TABLE), {state_bytes} bytes of state"
    assert memory in files["c/random.h"]


def test_other_stages_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="float stage, but C needs the integer stage"):
        emit(hand.float_model())


def test_a_shift_register_moves_its_old_values(tmp_path: Path) -> None:
    """One loop writes a state in place and then reads what it was."""
    compare_every_op(register_of_states(), tmp_path)
    compare_outputs(register_of_states(), tmp_path / "outputs")


def test_replay_reports_the_first_mismatch(tmp_path: Path) -> None:
    graph = old_value_read_late()
    folder = write(graph, tmp_path, extreme_samples(graph, 3, 2, 3))
    expected = tmp_path / "vectors" / "expected.txt"
    rows = expected.read_text().splitlines()
    rows[3] = f"{int(rows[3].split()[0]) + 1} {rows[3].split(maxsplit=1)[1]}"
    expected.write_text("\n".join(rows))
    result = replay(folder, flags=("-O0",))
    assert result.returncode == 1
    assert result.stdout.startswith("mismatch: sequence 0, step 2, output old[0] is ")
    expected.write_text("1 2 3 4 nothing")
    assert replay(folder, flags=("-O0",)).returncode == 2


def test_strict_flags_are_strict() -> None:
    assert {"-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-std=c99"} == set(STRICT)


BUILDS = [FLAGS, (*FLAGS, "-DQSSM_PACKED_TABLES"), ("-std=c99", "-O2")]


@pytest.mark.parametrize("graph", [random_s4d([3, 1, 2], seed=6, state_bits=12), products()], ids=lambda g: g.name)
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_packed_and_wide_tables_give_the_same_values(graph: Graph, cc: str, tmp_path: Path) -> None:
    samples = extreme_samples(graph, 0, 4, 20)
    write(graph, tmp_path)
    wanted = run(graph, samples).outputs
    for flags in BUILDS:
        with EmittedC(tmp_path / "c", cc=cc, flags=flags) as emitted:
            found = emitted.run(samples)
        assert all(np.array_equal(found[name], values) for name, values in wanted.items())


@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_vector_kernels_are_clean_under_sanitizers(cc: str, tmp_path: Path) -> None:
    folder = write(products(), tmp_path, extreme_samples(products(), 3, 3, 9))
    result = replay(folder, cc=cc, flags=(*SANITIZE, "-march=native"))
    assert (result.returncode, result.stderr) == (0, "")
