"""The IR: a synchronous dataflow graph that fires once a sample, as data that prints, parses, checks and runs."""

from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph, Output
from qssmc.ir.table import Grid, Table
from qssmc.ir.text import parse, print_graph
from qssmc.ir.types import Type
from qssmc.ir.verify import IRError, verify

__all__ = ["Builder", "Graph", "Grid", "IRError", "Output", "Table", "Type", "parse", "print_graph", "verify"]
