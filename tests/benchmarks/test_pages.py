"""Every page of benchmarks/ starts, and says how it is run."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PAGES = sorted(path.parent.name for path in BENCHMARKS.glob("*/__main__.py"))


def test_every_folder_but_the_shared_one_is_a_page() -> None:
    folders = {path.parent.name for path in BENCHMARKS.glob("*/__init__.py")}
    assert folders == {*PAGES, "shared"}
    assert not [path.name for path in BENCHMARKS.glob("*.py") if path.name != "__init__.py"]


@pytest.mark.parametrize("module", [*(f"{page}.__main__" for page in PAGES), "crossbar.complexity"])
def test_a_page_says_how_it_is_run(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    main = import_module(f"benchmarks.{module}").main
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert f"usage: python -m benchmarks.{module.removesuffix('.__main__')} " in capsys.readouterr().out


def test_every_page_has_a_command_in_the_makefile() -> None:
    makefile = (BENCHMARKS.parent / "Makefile").read_text()
    assert [page for page in PAGES if f"python -m benchmarks.{page}" not in makefile] == []
