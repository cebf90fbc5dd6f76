"""Toolchain: the programs that emitted code is built and run with, as a user names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qssmc_sim.emitted_verilog import SIMULATORS


@dataclass(frozen=True)
class Toolchain:
    """cc and cxx: commands of the C and the C++ compiler, None for those of CC and CXX, else gcc and g++; ap_types: a
    folder with the open ap_int headers, None for the stand-in of a design; simulator: of Verilog; seconds: that a
    build or a run may take until its next answer."""

    cc: str | None = None
    cxx: str | None = None
    ap_types: Path | None = None
    simulator: str = SIMULATORS[0]
    seconds: int = 600
