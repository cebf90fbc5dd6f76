"""Emit: the files of the crossbar target."""

from __future__ import annotations

from qssmc.backends import verilog as verilog_backend
from qssmc.backends.crossbar.host import host_files
from qssmc.backends.crossbar.weight_map import map_of
from qssmc.crossbar.files import map_files
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph

FOLDER, HOST = "crossbar", "host"


def emit(graph: Graph, fused: Graph, options: CrossbarOptions) -> dict[str, bytes]:
    """The weight map, the C of the host, and the Verilog of a core that does without one.

    graph: of the arrays, proven; fused: what they were laid from, which of oscillators has the converters already.
    These have no core yet.
    """
    crossbar = map_of(fused if options.form == "oscillator" else graph, fused, options)
    files = map_files(crossbar)
    files |= {f"{HOST}/{name}": text.encode() for name, text in host_files(graph, crossbar).items()}
    if options.form == "oscillator":
        return {f"{FOLDER}/{path}": content for path, content in files.items()}
    core = verilog_backend.emit(graph, crossbar=crossbar)
    files |= {path: text.encode() for path, text in core.items()}
    return {f"{FOLDER}/{path}": content for path, content in files.items()}
