"""The crossbar simulator: designs on arrays of memristive cells, and what such cells and wires do wrong."""

from qssmc_sim.crossbar.device import PRESETS, Device, preset
from qssmc_sim.crossbar.draw import CORRECTIONS, Correction, Drawn, Setup, draw, learn_readouts
from qssmc_sim.crossbar.errors import ArrayError, array_errors, error_over_time
from qssmc_sim.crossbar.machine import ArrayMachine
from qssmc_sim.crossbar.trials import Trials, run_trials

__all__ = [
    "CORRECTIONS",
    "PRESETS",
    "ArrayError",
    "ArrayMachine",
    "Correction",
    "Device",
    "Drawn",
    "Setup",
    "Trials",
    "array_errors",
    "draw",
    "error_over_time",
    "learn_readouts",
    "preset",
    "run_trials",
]
