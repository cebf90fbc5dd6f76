"""Synthesis: from an emitted core to a placed netlist, a bitstream and a report, with open tools."""

from qssmc.synth.boards import BOARDS, FAMILIES, Board, Fpga
from qssmc.synth.flow import Synthesis, synthesise
from qssmc.synth.tools import CHOICES, Choice

__all__ = ["BOARDS", "CHOICES", "FAMILIES", "Board", "Choice", "Fpga", "Synthesis", "synthesise"]
