"""Stream rules, proven with yosys-smtbmc and z3: what a module, or a whole core, offers stays until it is taken."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cores import write
from module_bench import RTL, hexes
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Diag, Inject, Readout, Requant, ShiftLeft
from qssmc.passes.prove import prove

# Module, parameters, ports of inputs and outputs with their widths, and .mem files.
Ports = Sequence[tuple[str, int]]
Case = tuple[str, dict[str, int | str], Ports, Ports]
LAYER: dict[str, int | str] = {
    "UW": 2, "XW": 2, "AW": 2, "BW": 2, "CW": 2, "TW": 5, "YW": 4, "BEATS": 2, "PERIOD": 10, "QUEUE": 2, "KEEP": 2,
    "B_COMPLEX": 0, "RS_MIN": 1, "LOW": "2'b11", "HIGH": "2'b01", "PW": 2, "FILE": "words.mem",
}  # fmt: skip
CASES: list[Case] = [
    ("qssm_skid", {"W": 3}, [("s", 3)], [("m", 3)]),
    ("qssm_fifo", {"W": 3, "DEPTH": 4}, [("s", 3)], [("m", 3)]),
    ("qssm_add", {"AW": 3, "BW": 3, "OW": 4}, [("a", 3), ("b", 3)], [("m", 4)]),
    ("qssm_shift", {"XW": 3, "SW": 2, "OW": 6, "WORD": "2'd1"}, [("s", 3)], [("m", 6)]),
    ("qssm_product", {"AW": 3, "BW": 3, "OW": 6}, [("a", 3), ("b", 3)], [("m", 6)]),
    ("qssm_product", {"AW": 3, "BW": 3, "OW": 6, "SERIAL": 1}, [("a", 3), ("b", 3)], [("m", 6)]),
    ("qssm_requant", {"XW": 4, "IW": 5, "OW": 3, "SW": 1, "WORD": "7'b0111000"}, [("s", 4)], [("m", 3)]),
    ("qssm_requant", {"XW": 4, "IW": 5, "OW": 3, "SW": 1, "WORD": "7'b0111000", "SLOW": 1}, [("s", 4)], [("m", 3)]),
    ("qssm_lut", {"XW": 3, "OW": 3, "TW": 3, "T": 8, "FILE": "words.mem"}, [("s", 3)], [("m", 3)]),
    ("qssm_pack", {"W": 2, "N": 2}, [("s", 2)], [("m", 4)]),
    ("qssm_unpack", {"W": 2, "N": 2}, [("s", 4)], [("m", 2)]),
    ("qssm_concat", {"AW": 2, "BW": 2, "OW": 2}, [("a", 2), ("b", 2)], [("m", 2)]),
    ("qssm_segment", {"XW": 3, "OW": 5, "N": 2, "CW": 2, "WORD": "2'd2"}, [("s", 3)], [("m", 5)]),
    ("qssm_select", {"W": 2, "N": 3, "MASK": "3'b101"}, [("s", 2)], [("m", 2)]),
    ("qssm_scale", {"XW": 3, "FW": 3, "OW": 6, "WORD": "3'd3"}, [("s", 3)], [("m", 6)]),
    ("qssm_offset", {"XW": 3, "VW": 3, "OW": 4, "WORD": "3'd3"}, [("s", 3)], [("m", 4)]),
    ("qssm_advance", {"W": 4, "BITS": 3, "STEP": "3'd3"}, [("s", 4)], [("m", 4)]),
    ("qssm_const", {"W": 3, "N": 2, "FIXED": 0, "FILE": "words.mem"}, [], [("m", 3)]),
    ("qssm_state", {"W": 2, "N": 2}, [("t", 1), ("s", 2)], [("m", 2), ("l", 2)]),
    ("qssm_gather", {"W": 2, "IN": 2, "OUT": 3, "FILE": "words.mem"}, [("s", 2)], [("m", 2)]),
    ("qssm_ssm", LAYER, [("t", 1), ("p", 2), ("s", 2)], [("m", 4)]),
    ("qssm_argmax", {"W": 2, "N": 2, "OW": 2}, [("s", 2)], [("m", 2)]),
    ("qssm_product", {"AW": 3, "BW": 3, "OW": 6, "SERIAL": 2}, [("a", 3), ("b", 3)], [("m", 6)]),
    (
        "qssm_dot",
        {"XW": 2, "WW": 2, "BW": 2, "OW": 5, "IN": 2, "OUT": 2, "FIXED": 1, "WEIGHTS": "words.mem"},
        [("s", 2)],
        [("m", 5)],
    ),
]


def wrapper(module: str, parameters: dict[str, int | str], inputs: Ports, outputs: Ports) -> str:
    """A module that drives another with streams that keep the rules, and asserts that it keeps them."""
    free = [f"input wire [{width - 1}:0] {port}_data, input wire {port}_valid" for port, width in inputs]
    free += [f"input wire {port}_ready" for port, _ in outputs]
    made = [f"wire {port}_ready;" for port, _ in inputs]
    made += [f"wire [{width - 1}:0] {port}_data; wire {port}_valid;" for port, width in outputs]
    names = [f".{port}_{part}({port}_{part})" for port, _ in (*inputs, *outputs) for part in ("data", "valid", "ready")]
    rules = [_rule("assume", port) for port, _ in inputs] + [_rule("assert", port) for port, _ in outputs]
    given = ", ".join(f".{key}({value})" for key, value in parameters.items())
    return f"""
module rules (input wire clk, {", ".join(free)});
    {" ".join(made)}
    reg [1:0] age = 2'd0;
    wire rst = age == 2'd0;
    always @(posedge clk) if (age != 2'd3) age <= age + 2'd1;
    {module} #({given}) core (.clk(clk), .rst(rst), {", ".join(names)});
    {" ".join(rules)}
endmodule
"""


def _rule(verb: str, port: str, data: str = "") -> str:
    data = data or f"{port}_data"
    return f"""
    always @(posedge clk) if (age > 2'd1 && $past({port}_valid) && !$past({port}_ready)) begin
        {verb} ({port}_valid);
        {verb} ({data} == $past({data}));
    end"""


def proven(folder: Path, library: Path, text: str, *, depth: int, induction: bool = False, cover: bool = False) -> bool:
    """Whether the solver proves all assertions, or finds ways to all that is to be covered."""
    (folder / "rules.v").write_text(text)
    script = (
        f"read_verilog -defer {library}/*.v; read_verilog -formal rules.v; hierarchy -check -top rules; "
        "prep -flatten -top rules; dffunmap; write_smt2 -wires rules.smt2"
    )
    subprocess.run(["yosys", "-q", "-p", script], cwd=folder, check=True)
    how = [*(["-i"] if induction else []), *(["-c"] if cover else [])]
    solve = ["yosys-smtbmc", "-s", "z3", "--unroll", "-t", str(depth), *how, "rules.smt2"]
    said = subprocess.run(solve, cwd=folder, check=False, capture_output=True, text=True).stdout
    assert "Status: PASSED" in said or "Status: FAILED" in said, said
    return "Status: PASSED" in said


def library_with_words(folder: Path) -> Path:
    (folder / "words.mem").write_text(hexes([1, 0, 3, 2, 1, 1, 2, 3], 3))
    shutil.copytree(RTL, folder / "rtl")
    return folder / "rtl"


def quoted(parameters: dict[str, int | str]) -> dict[str, int | str]:
    return {k: f'"{v}"' if isinstance(v, str) and v.endswith(".mem") else v for k, v in parameters.items()}


@pytest.mark.tool("yosys")
@pytest.mark.tool("z3")
@pytest.mark.parametrize(("module", "parameters", "inputs", "outputs"), CASES)
def test_a_module_keeps_the_rules(
    tmp_path: Path, module: str, parameters: dict[str, int | str], inputs: Ports, outputs: Ports
) -> None:
    library = library_with_words(tmp_path)
    text = wrapper(module, quoted(parameters), inputs, outputs)
    assert proven(tmp_path, library, text, depth=12)
    if "SERIAL" not in parameters and module != "qssm_state":  # they break a rule from states that cannot be reached
        assert proven(tmp_path, library, text, depth=4, induction=True)


@pytest.mark.tool("yosys")
@pytest.mark.tool("z3")
@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("qssm_skid", "wire move = !m_valid || m_ready", "wire move = 1'b1"),
        ("qssm_fifo", "(!m_valid || m_ready)", "1'b1"),
    ],
)
def test_a_broken_rule_is_found(tmp_path: Path, module: str, old: str, new: str) -> None:
    library = library_with_words(tmp_path)
    path = library / f"{module}.v"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    case = next(case for case in CASES if case[0] == module)
    assert not proven(tmp_path, library, wrapper(*case), depth=8)


def small_layer() -> Graph:
    """Two heads of one state, of few bits, and a sum behind them."""
    b = Builder("small", "integer")
    one, heads = Table.integer(1), Table.integer([0, 1])
    u = b.input("u", Type((2,), 2))
    x = b.state("x", Type((2,), 3, complex=True))
    driven = b.add(Inject(b_bar=Table.integer([[1, 0], [1, 0]]), heads=heads), "bu", u)
    turned = b.add(Diag(lambda_bar=Table.integer([[1, 1], [1, -1]])), "ax", x)
    total = b.add(Add(), "xs", b.add(ShiftLeft(amount=one), "x1", x), turned, driven)
    ends = {"low": Table.integer(-3), "high": Table.integer(3)}
    b.updates[x] = b.add(Requant(multiplier=one, shift=one, **ends), "xn", total)
    y = b.add(Readout(c=Table.integer([[1, 0], [1, 1]]), heads=heads, channels=2), "y", "xn")
    b.output("out", b.add(Requant(multiplier=one, shift=one, **ends), "q", b.add(Add(), "ys", y, u)), "step")
    return prove(b.graph())


def core_rules(design: dict[str, Any]) -> str:
    """A module that drives a core with a stream that keeps the rules, and asserts that its output keeps them."""
    bits = design["sample"]["width"], design["outputs"][0]["width"]
    inner = ", ".join(f".{p}_{part}({p}_{part})" for p in "sm" for part in ("data", "last", "valid", "ready"))
    free = f"input wire [{bits[0] - 1}:0] s_data, input wire s_last, input wire s_valid, input wire m_ready"
    rules = [_rule(verb, p, f"{{{p}_last, {p}_data}}") for verb, p in (("assume", "s"), ("assert", "m"))]
    return f"""
module rules (input wire clk, {free});
    wire s_ready, m_last, m_valid;
    wire [{bits[1] - 1}:0] m_data;
    reg [1:0] age = 2'd0;
    wire rst = age == 2'd0;
    always @(posedge clk) if (age != 2'd3) age <= age + 2'd1;
    {design["top"]} core (.clk(clk), .rst(rst), {inner}, .busy(), .saturations());
    {" ".join(rules)}
    always @(posedge clk) if (age > 2'd1) cover (m_valid && m_last);
endmodule
"""


@pytest.mark.tool("yosys")
@pytest.mark.tool("z3")
@pytest.mark.parametrize("broken", [False, True])
def test_a_core_keeps_the_rules(tmp_path: Path, broken: bool) -> None:
    folder = write(small_layer(), tmp_path)
    if broken:
        frame = folder / "rtl" / "qssm_frame.v"
        frame.write_text(
            frame.read_text().replace("m_valid = s_valid && open", "m_valid = s_valid && open && !was_held")
        )
        frame.write_text(frame.read_text().replace("    reg [IW-1:0] index;\n", FLICKER))
    design = json.loads((folder / "design.json").read_text())
    (folder / "rtl" / "top.v").write_bytes((folder / f"{design['top']}.v").read_bytes())
    text = core_rules(design)
    if not broken:
        assert proven(folder, folder / "rtl", text, depth=30, cover=True), "no result within so many clocks"
    assert proven(folder, folder / "rtl", text, depth=34) is not broken


FLICKER = (
    "    reg [IW-1:0] index;\n    reg was_held = 1'b0;\n    always @(posedge clk) was_held <= m_valid && !m_ready;\n"
)
