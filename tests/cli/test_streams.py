"""Standard streams that are closed or whose reader has gone end without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("inspect tests/golden/align.ir >&-", 0),
        ("inspect tests/golden/align.ir | head -n 0; exit ${PIPESTATUS[0]}", 141),
        ("inspect no.pt --json >&-", 2),
    ],
)
def test_closed_streams(ending: str, code: int) -> None:
    command = f"{sys.executable} -m qssmc {ending}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in result.stderr
    assert result.returncode == code
    assert result.stderr.count("\n") <= 1
