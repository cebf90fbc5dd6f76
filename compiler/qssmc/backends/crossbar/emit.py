"""Emit: the files of the crossbar target."""

from __future__ import annotations

from qssmc.backends.crossbar.weight_map import map_of
from qssmc.crossbar.files import map_files
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph

FOLDER = "crossbar"


def emit(graph: Graph, fused: Graph, options: CrossbarOptions) -> dict[str, bytes]:
    """The weight map. graph: of the arrays, proven; fused: what they were laid from."""
    return {f"{FOLDER}/{path}": content for path, content in map_files(map_of(graph, fused, options)).items()}
