"""Every module refuses illegal parameters when it is elaborated, in words, and three tools take all legal ones."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linters import lint, said
from module_bench import RTL
from parameter_sets import MEM, SETS, Parameters

CHECK = re.compile(r"\b(qssm_\w+_must_\w+)\b")
PORT = re.compile(r"^    (input  wire|output wire|output reg ) (\[.*\] )?(\w+),?(?: *//.*)?$", re.MULTILINE)
PARAMETER = re.compile(r"^    parameter (?:\[.*?\] )?(\w+) = (.*?),?(?: *//.*)?$", re.MULTILINE)


def instance(module: str, given: Parameters, name: str, ports: str = "") -> str:
    parameters = ", ".join(f".{key}({value})" for key, value in given.items())
    return f"    {module} #({parameters}) {name} ({ports});\n"


def legal_top() -> str:
    """A module of an instance for every legal set, whose ports are those of all instances."""
    outer, inner = [], []
    for module, sets in SETS.items():
        text = (RTL / f"{module}.v").read_text()
        for at, given in enumerate(sets.legal):
            values = dict(PARAMETER.findall(text)) | given
            ports = []
            for way, written_size, port in PORT.findall(text):
                size = re.sub(r"\b[A-Z]\w*\b", lambda found, v=values: f"({v[found[0]]})", written_size)
                name = f"{module}_{at}_{port}"
                outer.append(f"    {way.replace('reg ', 'wire')} {size}{name}")
                ports.append(f".{port}({name})")
            inner.append(instance(module, given, f"{module}_{at}", ", ".join(ports)))
    header = ",\n".join(outer)
    return f"module legal (\n{header}\n);\n{''.join(inner)}endmodule\n"


def illegal_tops() -> dict[str, str]:
    """For every illegal set a module with an instance of it, without ports."""
    return {
        f"illegal_{module}_{at}": instance(module, {**sets.legal[0], **change}, "it")
        for module, sets in SETS.items()
        for at, change in enumerate(sets.illegal.values())
    }


def wanted() -> set[str]:
    """The checks of all modules, as the sets name them."""
    return {f"{module}_{check}" for module, sets in SETS.items() for check in sets.illegal}


def written() -> Iterator[str]:
    """The checks of all modules, as the texts have them."""
    for path in sorted(RTL.glob("*.v")):
        for check in re.findall(r"\b(\w+_must_\w+) error \(\);", path.read_text()):
            assert check.startswith(f"{path.stem}_")
            yield check


def yosys(top: str, *, check: bool) -> list[str]:
    listed = "" if check else "dump -o /dev/stdout t:*_must_*"
    script = f"read_verilog -defer {RTL}/*.v; read_verilog {top}.v; hierarchy {'-check' * check} -top {top}; {listed}"
    return ["yosys", "-q", "-p", script]


def test_every_check_has_a_set_that_fails_it() -> None:
    found = list(written())
    assert len(found) == len(set(found))
    assert set(found) == wanted()
    assert {path.stem for path in RTL.glob("*.v")} == {*SETS, "qssm_banks"}  # which has no parameters


@pytest.mark.tool("verilator")
@pytest.mark.tool("yosys")
@pytest.mark.parametrize("tool", ["iverilog", "verilator", "yosys"])
def test_illegal_sets_are_refused(tmp_path: Path, tool: str) -> None:
    (tmp_path / "words.mem").write_text("0\n")
    texts = illegal_tops()
    if tool == "yosys":  # the others give up on a text once the widths of one instance make no sense
        texts = {"illegal": "".join(text.replace(" it ", f" {name} ") for name, text in texts.items())}
    for top, text in texts.items():
        (tmp_path / f"{top}.v").write_text(f"module {top};\n{text}endmodule\n")

    def refused(top: str) -> list[str]:
        command = {
            "iverilog": ["iverilog", "-g2005", "-y", str(RTL), "-s", top, "-o", "/dev/null", f"{top}.v"],
            "verilator": ["verilator", "--lint-only", "--error-limit", "0", "-y", str(RTL), f"{top}.v"],
            "yosys": yosys(top, check=False),
        }[tool]
        return CHECK.findall(said(command, tmp_path))

    with ThreadPoolExecutor(2) as pool:
        found = {check for checks in pool.map(refused, texts) for check in checks}
    assert wanted() - found == set()


@pytest.mark.tool("verilator")
@pytest.mark.tool("yosys")
@pytest.mark.parametrize(
    ("module", "given", "check"),
    [
        ("qssm_dot", {"IN": 5, "K": 2, "WEIGHTS": MEM, "BIASES": MEM}, "qssm_dot_IN_must_be_a_multiple_of_K"),
        ("qssm_norm", {"VW": 31}, "qssm_norm_VW_must_be_even_and_4_or_more"),
    ],
)
def test_a_refusal_ends_each_tool(tmp_path: Path, module: str, given: Parameters, check: str) -> None:
    (tmp_path / "one.v").write_text(f"module one;\n{instance(module, given, 'it')}endmodule\n")
    for command in (
        ["iverilog", "-g2005", "-y", str(RTL), "-s", "one", "-o", "/dev/null", "one.v"],
        ["verilator", "--lint-only", "-y", str(RTL), "one.v"],
        yosys("one", check=True),
    ):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode != 0
        assert set(CHECK.findall(result.stdout + result.stderr)) == {check}


@pytest.mark.tool("verilator")
@pytest.mark.tool("yosys")
def test_legal_sets_pass_in_silence(tmp_path: Path) -> None:
    (tmp_path / "words.mem").write_text("0\n")
    (tmp_path / "legal.v").write_text(legal_top())
    assert lint("legal", ["legal.v"], tmp_path, str(RTL)) == ""
    assert said(yosys("legal", check=True), tmp_path) == ""
