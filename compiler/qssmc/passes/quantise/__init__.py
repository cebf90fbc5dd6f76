"""Quantise: real values onto grids of few bits, by one of two schemes."""

from qssmc.passes.quantise.options import QuantiseOptions, parse_bits
from qssmc.passes.quantise.walk import Quantise

__all__ = ["Quantise", "QuantiseOptions", "parse_bits"]
