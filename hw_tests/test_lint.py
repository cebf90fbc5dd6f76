"""Three tools read emitted cores, and none of them has anything to say; test_parameters does it with the library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cores import write
from linters import lint, said
from module_bench import RTL
from qssmc.backends.verilog import VerilogOptions, emit
from qssmc.ir import Graph, parse, print_graph
from support.graphs import random_s4d
from support.hand import dithered


def long_names(graph: Graph) -> Graph:
    """The same ops under names that no line of ports can hold two of, as the paths of a deep model make them."""
    text = print_graph(graph)
    for name in sorted(graph.by_name, key=len, reverse=True):
        text = re.sub(rf"([%@]){name}\b", rf"\1{'of_a_very_deep_model_' * 4}{name}", text)
    return parse(text)


MODULES = sorted(path.stem for path in RTL.glob("*.v"))
CORES: dict[str, tuple[Graph, int]] = {
    "pooled": (random_s4d([3, 0, 5], seed=1), 1),
    "steps": (random_s4d([3, 2], seed=2, output="step", norm=True, multiplier=True, layers=2), 3),
    "dithered": (dithered(), 2),
    "shared beats": (random_s4d([7, 8, 5, 4, 5, 4, 7, 5, 13, 13, 10, 1, 2, 4, 4, 4], seed=1), 4),
    "long names": (long_names(random_s4d([1, 2], seed=4)), 1),
}


@pytest.mark.tool("verilator")
@pytest.mark.tool("yosys")
@pytest.mark.parametrize("name", CORES)
def test_cores(tmp_path: Path, name: str) -> None:
    graph, lanes = CORES[name]
    folder = write(graph, tmp_path, lanes)
    top = f"{graph.name}_top"
    assert lint(top, [f"{top}.v"], folder, "rtl") == ""
    assert said(["iverilog", "-g2005", "-Wall", "-y", "rtl", "-s", f"{graph.name}_tb", "-o", "/dev/null",
                 f"{top}.v", f"sim/{graph.name}_tb.v"], folder) == ""  # fmt: skip
    script = f"read_verilog -defer rtl/*.v; read_verilog {top}.v; hierarchy -check -top {top}; proc; check -assert"
    assert said(["yosys", "-q", "-p", script], folder) == ""


def test_emitted_lines_fit_a_screen() -> None:
    for name, (graph, lanes) in CORES.items():
        for path, text in emit(graph, VerilogOptions(lanes)).items():
            wide = [line for line in text.splitlines() if len(line) > 120]
            if path.endswith((".v", ".py", ".cpp")) and name != "long names":  # which no line holds
                assert wide == [], path


@pytest.mark.tool("verilator")
def test_a_fault_is_seen(tmp_path: Path) -> None:
    (tmp_path / "bad.v").write_text("module bad (input wire [3:0] a, output wire [7:0] b);\nassign b = a;\nendmodule\n")
    assert "WIDTH" in lint("bad", ["bad.v"], tmp_path, ".")


@pytest.mark.parametrize("module", MODULES)
def test_style(module: str) -> None:
    text = (RTL / f"{module}.v").read_text()
    assert text.startswith(f"// {module}: "), "the first line says what the module is"
    assert text.count("\nmodule ") == 1
    assert f"\nmodule {module} " in text
    assert "`default_nettype none" in text
    assert "`timescale" not in text
    assert max(map(len, text.splitlines())) <= 120
    bare = [line for line in text.splitlines() if line.startswith("    parameter ") and " // " not in line]
    assert bare == [], "every parameter is said in a comment"
