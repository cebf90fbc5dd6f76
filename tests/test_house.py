"""The house: documentation runs, every op is complete, arrows go down only, and the wheel holds all that it must."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from qssmc.analysis import bounds
from qssmc.ir.ops import OPS, STAGES, Input, Op, State
from qssmc_sim.rules import RULES

ROOT = Path(__file__).parent.parent
SOURCES = {"qssmc": ROOT / "compiler", "qssmc_sim": ROOT / "runtime_sim", "qssmc_templates": ROOT / "templates"}


def modules() -> list[str]:
    """Every module of the three packages, but those that run a program when imported."""
    found = []
    for package, root in SOURCES.items():
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[-1] != "__main__":
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", modules())
def test_docstrings_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    assert module.__doc__ or not inspect.getsource(module).strip(), f"{name} must say what it is in its first sentence"
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder().find(module):
        runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_doctests_are_found_at_all() -> None:
    prove = importlib.import_module("qssmc.passes.prove")
    assert any(test.examples for test in doctest.DocTestFinder().find(prove))


def test_the_list_of_ops_is_complete() -> None:
    ops = importlib.import_module("qssmc.ir.ops")
    defined = {item for item in vars(ops).values() if inspect.isclass(item) and issubclass(item, Op)}
    assert {item for item in defined if item.mnemonic} == set(OPS)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.mnemonic)
def test_every_op_is_documented_and_typed(op: type[Op]) -> None:
    # A dataclass without a docstring gets its signature as one.
    assert op.__doc__ is not None
    assert not op.__doc__.startswith(f"{op.__name__}(")
    assert "rule" in vars(op)
    assert op.mnemonic


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.mnemonic)
def test_every_op_has_a_golden_rule(op: type[Op]) -> None:
    assert (op in RULES) != (op in (Input, State))


@pytest.mark.parametrize("op", STAGES["integer"], ids=lambda op: op.mnemonic)
def test_every_integer_op_has_a_bound(op: type[Op]) -> None:
    assert (op in bounds._RULES) != (op is State)


def test_no_rule_is_left_over() -> None:
    assert set(RULES) <= set(OPS)
    assert set(bounds._RULES) <= set(STAGES["integer"])


def test_arrows_go_down_only() -> None:
    tool = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert tool is not None, "lint-imports is missing: pip install import-linter"
    result = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("qssmc/stray.py", "", "stray"),
        ("qssmc/attic/__init__.py", "", "attic"),
        ("qssmc/ir/stray.py", "import qssmc.cli\n", "qssmc.ir is not allowed to import qssmc.cli"),
    ],
)
def test_a_module_out_of_its_place_breaks_the_contracts(tmp_path: Path, path: str, text: str, sentence: str) -> None:
    """In a copy of the tree: the contracts themselves find what is in no row, and what imports upward."""
    for root in SOURCES.values():
        shutil.copytree(root, tmp_path / root.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    added = tmp_path / "compiler" / path
    added.parent.mkdir(exist_ok=True)
    added.write_text(text)
    tool = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert tool is not None
    roots = os.pathsep.join(str(tmp_path / root.name) for root in SOURCES.values())
    environment = {**os.environ, "PYTHONPATH": roots}
    command = [tool, "--no-cache"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert sentence in " ".join(result.stdout.split())


@pytest.mark.parametrize("name", modules())
def test_the_first_line_of_a_module_is_one_sentence(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__ is not None
    first, _, rest = module.__doc__.partition("\n")
    assert first.endswith("."), first
    assert not re.search(r"[a-z0-9)]\. [A-Z]", first), first
    assert not rest or rest.startswith("\n"), f"{name}: an empty line must follow the first sentence"


def test_no_two_public_classes_share_a_name() -> None:
    """Over the three packages, classes within functions aside: a name in a message or a search means one thing."""
    places: dict[str, list[str]] = {}
    for root in SOURCES.values():
        for path in sorted(root.rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    shared = [f"{name}: {', '.join(found)}" for name, found in sorted(places.items()) if len(found) > 1]
    assert shared == [], "\n".join(shared)


def test_no_file_of_the_compiler_is_longer_than_450_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES["qssmc"].rglob("*.py")}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 450} == {}


def test_every_line_of_the_list_of_slow_tests_names_something() -> None:
    """A file, a folder or a test that is gone from the tree must be gone from the list."""
    lines = [line for line in (ROOT / "tests" / "slow.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    for line in lines:
        path, *names = line.split("::")
        assert (ROOT / path).exists(), line
        text = "" if (ROOT / path).is_dir() else (ROOT / path).read_text()
        assert all(re.search(rf"\b(?:def|class) {name}\b", text) for name in names), line


def test_the_wheel_holds_every_module_and_template(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(root).as_posix()
        for package, root in SOURCES.items()
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - held == set()
    assert {name.split("/")[0] for name in held} == set(SOURCES)


def test_torch_is_a_range_for_users_and_one_version_for_development() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [need for extra in metadata["optional-dependencies"].values() for need in extra if need.startswith("torch")]
    assert asked
    assert all(need == "torch>=2.4,<3" for need in asked)
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    (pinned,) = (line.removeprefix("torch==") for line in lines if line.startswith("torch=="))
    assert (2, 4) <= tuple(int(part) for part in pinned.split(".")[:2]) < (3,)
