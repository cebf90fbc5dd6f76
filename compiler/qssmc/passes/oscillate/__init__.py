"""Oscillate: diagonal state-space layers as leaky oscillators, each with one array cell that sets its frequency."""

from qssmc.passes.oscillate.build import Oscillate
from qssmc.passes.oscillate.converters import Converters

__all__ = ["Converters", "Oscillate"]
