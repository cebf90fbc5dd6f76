"""qssmc: a compiler from trained, quantised diagonal state-space models to verified fixed-point code."""

from importlib.metadata import version

__version__ = version("qssmc")
