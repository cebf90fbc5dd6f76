"""The README: its support table is what the command prints, and every command it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qssmc.cli import main
from qssmc.cli.commands import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_support_table_is_the_printed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["supported-ops", "--markdown"]) == 0
    for table in capsys.readouterr().out.strip().split("\n\n"):
        assert table in README, "renew the tables in README.md with: qssmc supported-ops --markdown"


def test_commands_and_targets_exist() -> None:
    known = {entry.name for entry in COMMANDS}
    named = {word for word in re.findall(r"qssmc ([a-z][a-z-]*)", README) if word not in {"compiles", "is"}}
    assert named <= known
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    command = re.search(r"`qssmc (compile detector\.qssm [^`]*)`", README)
    assert command
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert main(["-q", *command[1].split(), "--force"]) == 0
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_files_it_links_to_exist() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
