"""The proof of the emitted C: whole designs are proven, and every C that computes something else is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Lut, Matvec, Mul, Requant
from qssmc.passes.prove import prove
from qssmc.proof.folder import check_rules, prove_c
from support.emitted import by_hand, write
from support.graphs import random_s4d
from support.one_op import MNEMONICS, one_op

INT = Table.integer


def model() -> Graph:
    """Two heads of two states with dithered rounding, a table, a product and a matrix; small, but of every kind."""
    return random_s4d([2, 2], dither=True, d_output=2, state_bits=8)


def squares() -> Graph:
    """A table read by data, and a product of data."""
    b = Builder("squares", "integer")
    u = b.input("u", Type((3,), 6))
    looked = b.add(Lut(entries=INT([(n * n) % 50 for n in range(64)]), first=INT(-32)), "looked", u)
    product = b.add(Mul(), "product", u, looked)
    weight, bias = INT([[3, -2, 1], [0, 5, -7]]), INT([4, -9])
    mixed = b.add(Matvec(weight=weight, bias=bias), "mixed", product)
    few = Requant(multiplier=INT(1), shift=INT(4), low=INT(-100), high=INT(99))
    b.output("y", b.add(few, "few", mixed), "step")
    return prove(b.graph())


@pytest.mark.parametrize("graph", by_hand(), ids=lambda graph: graph.name)
def test_hand_written_graphs_are_proven(graph: Graph, tmp_path: Path) -> None:
    blocks = prove_c(graph, write(graph, tmp_path))
    assert [(block.title, block.reason) for block in blocks if block.status != "proven"] == []


@pytest.mark.parametrize("mnemonic", MNEMONICS)
def test_each_op_is_proven(mnemonic: str, tmp_path: Path) -> None:
    graph = one_op(mnemonic, 5)
    assert check_rules(graph) >= (mnemonic != "normalize")
    blocks = prove_c(graph, write(graph, tmp_path))
    left = {block.title: block.status for block in blocks if block.status != "proven"}
    assert left == ({"%y": "unproven"} if mnemonic == "normalize" else {})


RANDOM: dict[str, dict[str, Any]] = {
    "multipliers": {"states": [3, 0, 2], "multiplier": True, "increment": False},
    "two layers": {"states": [2, 1, 3], "layers": 2, "output": "step", "d_input": 2, "dither": True},
    "16 bits": {"states": [0, 3], "state_bits": 16, "dither": True, "multiplier": True},
    "no states": {"states": [0, 0], "dither": True},
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_models_are_proven(name: str, tmp_path: Path) -> None:
    graph = random_s4d(**RANDOM[name], seed=len(name))
    blocks = prove_c(graph, write(graph, tmp_path))
    assert [(block.title, block.reason) for block in blocks if block.status != "proven"] == []


@pytest.mark.parametrize("graph", [model(), squares()], ids=["model", "squares"])
def test_models_are_proven(graph: Graph, tmp_path: Path) -> None:
    blocks = prove_c(graph, write(graph, tmp_path))
    assert all(block.status == "proven" for block in blocks)
    assert sum(block.elements for block in blocks) > 10


# What is exchanged, in a file of the model, by what; the first place where the pattern stands.
MUTANTS = {
    "clamp to one more": ("model", "c", r"(qssm_clamp_i16\(l0_xn_rounded_re, -127, )127", r"\g<1>128"),
    "a half that is not added": (
        "model",
        "h",
        r"\(\(int32_t\)x \* factor >> 14\) \+ 1\) >> 1",
        "(int32_t)x * factor >> 14) >> 1",
    ),
    "saturation upwards only": ("model", "h", r"x < low \? low : x", "x"),
    "re less im becomes a sum": ("model", "c", r"(lambda_bar_re\[\w+\]) - ", r"\1 + "),
    "re and im exchanged": ("model", "c", r"_x_re = s->l0_x\[lane\]", "_x_re = s->l0_x[4 + lane]"),
    "a dither that is dropped": ("model", "c", r"l0_ax_re \+ l0_xn_dither", "l0_ax_re"),
    "a phase that is moved by one": ("model", "c", r"\+ 40503", "+ 40504"),
    "a state that is not kept": ("model", "c", r"s->l0_x\[4 \+ lane\] = \(int8_t\)l0_xn_im;", ";"),
    "a counter that stops early": ("model", "c", r"0, 524287", "0, 524286"),
    "reset that leaves the states": ("model", "c", r"memset\(s->l0_x, 0, [^;]*;", ";"),
    "init that does nothing": ("model", "c", r"memset\(s, 0, sizeof \*s\);", ";"),
    "a loop that ends early": ("model", "c", r"lane < 4; lane\+\+\) \{\s+const", "lane < 3; lane++) {\n const"),
    "a lane of another channel": (
        "model",
        "c",
        r"encoder_q_lanes\[2 \+ j\] = encoder_q\[j\]",
        "encoder_q_lanes[2 + j] = encoder_q[1 - j]",
    ),
    "a weight of another sign": ("model", "tables", r"(_c_re\[\w+\] = \{\s*\S+)\s+(\S+),", r"\1 -(\2),"),
    "a number of a table, plus one": ("model", "tables", r"(_lambda_bar_re\[\w+\] = \{\s*)(\S+),", r"\1\2 + 1,"),
    "a type that is too narrow": (
        "model",
        "c",
        r"const int16_t l0_ax_re =\s+\(int16_t\)",
        "const int8_t l0_ax_re = (int8_t)",
    ),
    "an index that is off by one": ("squares", "c", r"u\[i\] \+ 32", "u[i] + 31"),
    "a sample that is not clamped": ("squares", "c", r"u\[i\] = [^;]*;", "u[i] = sample[i];"),
    "a sample that is clamped to less": ("squares", "c", r"-32, 31", "-32, 30"),
    "a sample read past its clamp": ("squares", "c", r"entries\[u\[i\]", "entries[sample[i]"),
    "two entries exchanged": ("squares", "tables", r"(_entries\[\w+\] = \{[^,]*,[^,]*,)([^,]*),([^,]*),", r"\1\3,\2,"),
    "biases exchanged": ("squares", "tables", r"(_bias\[2\] = \{\s*)([^,]*), ([^,]*),", r"\1\3, \2,"),
    "a product with itself": ("squares", "c", r"u_i \* looked_i", "u_i * u_i"),
    "a shift by one more": ("squares", "c", r"(qssm_add_shift_i16\(mixed_i, 8, )4", r"\g<1>5"),
    "a clamp that is swapped": ("squares", "c", r"-100, 99", "99, -100"),
    "an output of another element": ("squares", "c", r"out\[i\] = few\[i\]", "out[i] = few[0]"),
    "an output that stays unwritten": ("squares", "c", r"i < 2; i\+\+\) \{\s+out", "i < 1; i++) {\n out"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_refuted(name: str, tmp_path: Path) -> None:
    which, where, before, after = MUTANTS[name]
    graph = squares() if which == "squares" else model()
    folder = write(graph, tmp_path)
    prefix = graph.name
    path = folder / {"c": f"{prefix}.c", "h": "qssm_kernels.h", "tables": f"{prefix}_tables.h"}[where]
    text, count = re.subn(before, after, path.read_text(), count=1)
    assert count == 1, path.read_text()
    path.write_text(text)
    blocks = prove_c(graph, folder, limit=2)
    assert [block.reason for block in blocks if block.status == "refuted"]


def test_an_early_return_is_not_proven(tmp_path: Path) -> None:
    folder = write(squares(), tmp_path)
    path = folder / "squares.c"
    path.write_text(path.read_text().replace("    (void)s;\n", "    (void)s;\n    return;\n", 1))
    reasons = [block.reason for block in prove_c(squares(), folder) if block.status != "proven"]
    assert "the proof cannot follow a return before the end of the function" in reasons


def test_a_counterexample_names_element_and_numbers(tmp_path: Path) -> None:
    folder = write(squares(), tmp_path)
    path = folder / "squares.c"
    path.write_text(path.read_text().replace("u_i * looked_i", "u_i * u_i"))
    (block,) = [block for block in prove_c(squares(), folder) if block.status == "refuted"][:1]
    assert re.search(r"%\w+\[0\] for .*%u\[0\] = -?\d+.*: the C gives -?\d+, golden -?\d+", block.reason)
