"""Realise: fused kernels on real arrays, with real converters."""

from qssmc.passes.map_arrays.converters import Convert
from qssmc.passes.map_arrays.plan import Plan, PlannedRead, plan
from qssmc.passes.map_arrays.walk import Realise

__all__ = ["Convert", "Plan", "PlannedRead", "Realise", "plan"]
