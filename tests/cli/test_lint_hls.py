"""`qssmc lint-hls`: the emitted projects are clean, and every rule finds its broken example."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from qssmc.cli import main
from qssmc.verification.hls_lint import lint_hls
from support.emitted_hls import write
from support.graphs import random_s4d


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = random_s4d([3, 0, 5, 2], norm=True, output="step")
    return write(graph, tmp_path_factory.mktemp("lint"), lanes=2).parent


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("output", ["step", "last"])
def test_emitted_projects_are_clean(lanes: int, output: str, tmp_path: Path) -> None:
    graph = random_s4d([3, 0, 5, 2], layers=2, norm=True, multiplier=True, output=output)
    assert lint_hls(write(graph, tmp_path, lanes=lanes).parent) == []


# What stands in a process instead of its first statement, and the rule that finds it.
STATEMENTS = {
    "    int i = 0; while (i < 3) { i++; }": "loop",
    "    for (int i = 0; i < put_here(3); i++) { }": "loop",
    "    int n = put_here(3); for (int i = 0; i < n; i++) { }": "loop",
    "    int *p = new int[3]; (void)p;": "heap",
    "    float x = 1; (void)x;": "float",
    "    int y = 1.5 > 1; (void)y;": "float",
    "    int (*f)(int) = nullptr; (void)f;": "function pointer",
    "    goto end; end: ;": "goto",
    "#pragma omp parallel": "pragma",
    "#pragma HLS allocation instances=mul": "pragma",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_broken_statements_are_found(
    statement: str, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = Path(shutil.copytree(clean, tmp_path / "design"))
    path = design / "hls" / "random.cpp"
    helper = "static int put_here(int n) { return n; }\n"
    text, count = re.subn(
        r"(static void run_l0_ssm\([^{]*{\n)", lambda m: f"{helper}{m[1]}{statement}\n", path.read_text(), count=1
    )
    assert count == 1
    path.write_text(text)
    assert {fault.rule for fault in lint_hls(design)} == {STATEMENTS[statement]}
    capsys.readouterr()
    assert main(["-q", "lint-hls", str(design)]) == 1
    assert f": {STATEMENTS[statement]}: " in capsys.readouterr().err


def test_recursion_and_virtual_functions_are_found(clean: Path, tmp_path: Path) -> None:
    design = Path(shutil.copytree(clean, tmp_path / "design"))
    path = design / "hls" / "random.cpp"
    more = (
        "static int odd(int n);\nstatic int even(int n) { return n == 0 ? 1 : odd(n - 1); }\n"
        "static int odd(int n) { return n == 0 ? 0 : even(n - 1); }\n"
        "int use() { return even(2); }\nstruct Base { virtual int f() { return 1; } };\n"
    )
    path.write_text(path.read_text() + more)
    found = lint_hls(design)
    assert {fault.rule for fault in found} == {"recursion", "virtual"}
    assert any("even" in fault.what and "odd" in fault.what for fault in found)


@pytest.mark.parametrize("change", ["second reader", "no reader"])
def test_streams_with_another_number_of_ends_are_found(change: str, clean: Path, tmp_path: Path) -> None:
    design = Path(shutil.copytree(clean, tmp_path / "design"))
    path = design / "hls" / "random.cpp"
    text = path.read_text()
    call = re.search(r"    run_l0_ssm\(.*\);\n", text)
    assert call
    path.write_text(text.replace(call[0], call[0] * 2 if change == "second reader" else ""))
    assert {fault.rule for fault in lint_hls(design)} == {"stream"}


def test_folders_that_hold_no_project(tmp_path: Path, clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "lint-hls", str(tmp_path)]) == 2
    assert "holds no HLS project" in capsys.readouterr().err
    design = Path(shutil.copytree(clean, tmp_path / "design"))
    (design / "hls" / "random.cpp").write_text("{")
    assert main(["-q", "lint-hls", str(design)]) == 2
    assert "is not C++" in capsys.readouterr().err
