"""Realise: fused kernels on real arrays, with real converters."""

from qssmc.passes.realise.converters import Convert
from qssmc.passes.realise.plan import Plan, PlannedRead, plan
from qssmc.passes.realise.walk import Realise

__all__ = ["Convert", "Plan", "PlannedRead", "Realise", "plan"]
