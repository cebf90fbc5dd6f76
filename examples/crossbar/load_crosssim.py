"""Load a weight map into CrossSim: one numeric core an array, its matrix the exported conductances over g_max.

    python examples/crossbar/load_crosssim.py out/crossbar

The numeric core computes in float64. The parameters below describe the map's window, so that device errors, read noise,
drift and wire resistance can be switched on where they are ideal here.
"""

from __future__ import annotations

import numpy as np
from lines import Core, Currents, Difference, Volts, compare, main

from qssmc.crossbar import Array, CrossbarMap, WindowRecord

INSTALL = "pip install git+https://github.com/sandialabs/cross-sim"


def load(array: Array, window: WindowRecord) -> Core:
    """A numeric core with a row for every column line of the array: its matrix is the one that a vector follows."""
    from simulator import CrossSimParameters
    from simulator.backend import ComputeBackend
    from simulator.cores import NumericCore

    parameters = CrossSimParameters()
    parameters.xbar.device.Vread = window.v_read
    parameters.xbar.device.Rmin = 1e6 / window.g_max  # ohms of µS
    parameters.xbar.device.infinite_on_off_ratio = window.g_min == 0
    if window.g_min > 0:
        parameters.xbar.device.Rmax = 1e6 / window.g_min
    ComputeBackend().__init__(False)  # on the CPU; AnalogCore would do it
    numeric = NumericCore(parameters)
    numeric.set_matrix(array.conductance.T / window.g_max)

    def core(volts: Volts) -> Currents:
        return np.asarray(numeric.run_xbar_mvm(volts.T).T * window.g_max)

    return core


def run(crossbar: CrossbarMap, draws: int, seed: int) -> Difference:
    """Every read of a map through CrossSim."""
    window = crossbar.file.window
    return compare(crossbar, lambda array: load(array, window), float(np.finfo(np.float64).eps), draws, seed)


if __name__ == "__main__":
    main("CrossSim", "simulator", run, INSTALL)
