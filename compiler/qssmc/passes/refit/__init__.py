"""Refit: weights that are read linearly, by least squares on what the quantised graph really feeds them."""

from qssmc.passes.refit.compensate import Compensate
from qssmc.passes.refit.walk import Refit

__all__ = ["Compensate", "Refit"]
