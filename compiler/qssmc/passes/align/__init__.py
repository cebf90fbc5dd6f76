"""Align: the quantised graph in integers; every sum on one binary point, by shifts where possible."""

from qssmc.passes.align.walk import Align

__all__ = ["Align"]
