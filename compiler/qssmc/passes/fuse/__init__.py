"""Fuse: SSM kernels as crossbar operations, one a head."""

from qssmc.crossbar.options import FORMS, Form
from qssmc.passes.fuse.walk import Fuse

__all__ = ["FORMS", "Form", "Fuse"]
