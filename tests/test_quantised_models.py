"""docs/quantised-models.md: its Python block runs, and says what the document says it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "quantised-models.md").read_text(encoding="utf-8")


def test_the_model_of_the_document_says_what_stands_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,), (told,) = (re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.M | re.S) for kind in ("python", "text"))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block, "<document>", "exec"), {"__name__": "document"})
    lines = [line for line in said.getvalue().splitlines() if line.startswith("trained quantised")]
    assert lines == told.splitlines()
    assert (tmp_path / "trained" / "report" / "trained_quantisation.json").is_file()


def test_the_readme_names_the_document() -> None:
    assert "docs/quantised-models.md" in (ROOT / "README.md").read_text(encoding="utf-8")
