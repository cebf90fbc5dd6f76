"""The house: documentation runs, every op is complete, arrows go down only, and the wheel holds all that it must."""

from __future__ import annotations

import doctest
import importlib
import inspect
import shutil
import subprocess
import sys
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
