"""What all tests share: the modules beside this file are importable, and golden texts are compared or renewed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))

# Examples are drawn the same way on every run; a slow machine is no failure.
settings.register_profile(
    "qssmc", derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("qssmc")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew instead of comparing")


def slow() -> tuple[str, ...]:
    """Folders, files and tests of slow.txt, as the starts of test ids."""
    lines = (TESTS / "slow.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what slow.txt names, so that -m "not slow" leaves it out."""
    named = set(slow())
    for item in items:
        path, *names = item.nodeid.split("[")[0].split("::")
        folders = [parent.as_posix() for parent in Path(path).parents]
        if named & {path, "::".join([path, *names]), *folders}:
            item.add_marker("slow")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with tests/golden/NAME, or writes it there with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = TESTS / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"there is no tests/golden/{name}: run pytest --update-golden, and read what it wrote"
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; run pytest --update-golden if that is meant"

    return compare
