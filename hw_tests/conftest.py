"""What all hardware tests share: the modules beside this file and those of tests/ are importable; tools are needed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

_TOOLS = {name: name for name in ("iverilog", "nextpnr-ice40", "verilator", "yosys", "z3")}
_TOOLS["icepack"] = "fpga-icestorm"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tool(name): needs a program; fails where it is not installed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    wanted = {str(mark.args[0]) for mark in item.iter_markers("tool")} | {"iverilog"}
    for name in sorted(wanted):
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: apt-get install {_TOOLS[name]}", pytrace=False)
