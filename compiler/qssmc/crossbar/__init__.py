"""Crossbar: the options of arrays, and the weight map that says what to program into them."""

from qssmc.crossbar.files import map_files, read_map
from qssmc.crossbar.map import Array, Column, CrossbarMap, MapFile, MapRow, Read, RowLine, WindowRecord
from qssmc.crossbar.options import CrossbarOptions

__all__ = [
    "Array",
    "Column",
    "CrossbarMap",
    "CrossbarOptions",
    "MapFile",
    "MapRow",
    "Read",
    "RowLine",
    "WindowRecord",
    "map_files",
    "read_map",
]
