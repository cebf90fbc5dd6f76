"""Simulators of the IR: the golden model in numpy integers, and the float interpreter of the stages before it."""

from qssmc_sim.machine import Machine, Result, run

__all__ = ["Machine", "Result", "run"]
