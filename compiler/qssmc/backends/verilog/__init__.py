"""The Verilog target: a streaming core of hand-written modules, with a schedule that the compiler computes."""

from qssmc.backends.verilog.design import Pace, VerilogOptions, design
from qssmc.backends.verilog.emit import FOLDER, emit
from qssmc.backends.verilog.estimate import ESTIMATE
from qssmc.backends.verilog.lower import supports

__all__ = ["ESTIMATE", "FOLDER", "Pace", "VerilogOptions", "design", "emit", "supports"]
