"""What verilator, Icarus and yosys say of Verilog texts: nothing, where these are as they should be."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def said(command: Sequence[str], folder: Path) -> str:
    """All that a command prints, run in a folder."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip()


def lint(top: str, sources: Sequence[str], folder: Path, library: str) -> str:
    """The warnings of verilator and Icarus about a top; library: the folder of the modules that it uses."""
    verilator = ["verilator", "--lint-only", "-Wall", "--top-module", top, "-y", library, *sources]
    icarus = ["iverilog", "-g2005", "-Wall", "-y", library, "-s", top, "-o", "/dev/null", *sources]
    return said(verilator, folder) + said(icarus, folder)
