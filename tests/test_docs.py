"""The documents: their paths exist, their commands are known, Python blocks run, and tables are those of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from qssmc.cli.commands import COMMANDS
from qssmc.passes.pipeline import PASSES

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "compiler" / "qssmc"
PLACES = (ROOT, SOURCE, ROOT / "docs")
DOCS = [ROOT / "docs" / "architecture.md", *sorted((ROOT / "docs").glob("adding-*.md")), ROOT / "CONTRIBUTING.md"]
ARCHITECTURE = DOCS[0].read_text(encoding="utf-8")
TEXTS = [pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in DOCS]
_BLOCK = r"^```{}\n(.*?)^```"


def section(text: str, title: str) -> str:
    """What stands below a heading."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title!r}"
    return found[1]


def blocks() -> list[ParameterSet]:
    """Python blocks that stand alone: what imports nothing is an extract that shows a part of a file."""
    return [
        pytest.param(block, id=f"{path.stem}-{i}")
        for path in DOCS
        for i, block in enumerate(re.findall(_BLOCK.format("python"), path.read_text(), re.MULTILINE | re.DOTALL))
        if re.search(r"^(?:from|import) ", block, re.MULTILINE)
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_paths_exist(text: str) -> None:
    """In backticks with a slash, from the root, the compiler or docs/; capitals stand for a name of the reader's."""
    for name in re.findall(r"`([A-Za-z_.][\w./-]*/[\w./-]*)`", text):
        if re.search("NAME|NN|DIR|OUT", name) is None:
            assert any((place / name).exists() for place in PLACES), f"{name} does not exist"
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert any((place / link).exists() for place in (ROOT, ROOT / "docs")), f"{link} does not exist"


@pytest.mark.parametrize("text", TEXTS)
def test_commands_exist(text: str) -> None:
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(_BLOCK.format("(?:sh)?"), text, re.MULTILINE | re.DOTALL)
    named = {name for piece in code for name in re.findall(r"(?:^|\n)qssmc ([a-z][a-z-]*)", piece)}
    assert named <= {entry.name for entry in COMMANDS}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {name for piece in code for name in re.findall(r"(?:^|\n)make ([a-z-]+)", piece)} <= targets


@pytest.mark.parametrize("text", TEXTS)
def test_documents_are_short(text: str) -> None:
    assert len(text.splitlines()) <= 130


@pytest.mark.parametrize("block", blocks())
def test_python_blocks_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "<document>", "exec"), {"__name__": "document"})


def test_the_packages_are_those_of_the_contract_and_of_the_tree() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section(ARCHITECTURE, "Packages"), re.MULTILINE)
    told = [tuple(re.findall(r"`(\w+)`", row)) for row in rows]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert told == [tuple(layer.split(" | ")) for layer in layers if layer not in ("errors", "regular_file")]
    assert {name for row in told for name in row} == {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def test_the_table_of_passes_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) → (\w+) \| (.*?) \|$", ARCHITECTURE, re.MULTILINE)
    assert rows == [(one.name, one.before, one.after, one.reason) for one in PASSES]


def test_the_passes_stand_in_the_order_of_the_pipeline() -> None:
    text = (SOURCE / "passes" / "pipeline.py").read_text()
    assert re.findall(r'\bRow\(\s*"(\w+)",', text) == [one.name for one in PASSES]
