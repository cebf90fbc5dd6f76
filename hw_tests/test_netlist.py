"""The netlist of iCE40 cells that yosys makes of a small core, multipliers among them, gives what golden gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cores import replay, write
from module_bench import SEED
from qssmc_sim.emitted_verilog import EmittedVerilog
from support.graphs import random_s4d
from support.one_op import extreme_samples


def cells() -> Path:
    """Yosys' models of the iCE40's cells."""
    yosys = shutil.which("yosys")
    assert yosys is not None
    return Path(yosys).parent.parent / "share" / "yosys" / "ice40" / "cells_sim.v"


@pytest.mark.tool("yosys")
def test_the_netlist_is_the_core(tmp_path: Path) -> None:
    graph = random_s4d([3, 1], seed=1)
    folder = write(graph, tmp_path, 1)
    top, netlist = f"{graph.name}_top", tmp_path / "netlist.v"
    script = [
        "read_verilog -defer rtl/*.v", f"read_verilog {top}.v", f"hierarchy -check -top {top}",
        f"synth_ice40 -dsp -top {top}", f"write_verilog -noattr {netlist}",
    ]  # fmt: skip
    subprocess.run(["yosys", "-q", "-p", "; ".join(script)], cwd=folder, check=True)
    assert "SB_MAC16 " in netlist.read_text()
    defaults = ["-DNO_ICE40_DEFAULT_ASSIGNMENTS"]
    with EmittedVerilog(folder, extra=defaults, sources=[cells(), netlist]) as emitted:
        for pauses in ({}, {"idle": 60, "stall": 90}):
            replay(graph, emitted, extreme_samples(graph, SEED, 2, 6), seed=SEED, **pauses)
