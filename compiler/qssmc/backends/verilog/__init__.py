"""The Verilog target: a streaming core of hand-written modules, with a schedule that the compiler computes."""

from qssmc.backends.verilog.emit import FOLDER, VerilogOptions, design, emit
from qssmc.backends.verilog.lower import SUPPORTED

__all__ = ["FOLDER", "SUPPORTED", "VerilogOptions", "design", "emit"]
