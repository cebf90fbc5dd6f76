"""Host: C for everything but the products, and the arrays in software behind the same HAL."""

from __future__ import annotations

from typing import Any

from qssmc.backends import c as c_backend
from qssmc.backends.c.emit import FOLDER
from qssmc.backends.environment import environment
from qssmc.backends.wrapping import wrapped
from qssmc.crossbar.map import Array, CrossbarMap
from qssmc.ir.graph import Graph

_DRIVES = {"signed": "SIGNED", "inverted": "INVERTED", "positive": "POSITIVE", "negative": "NEGATIVE"}
HAL, SIMULATED = "xbar_hal.h", "xbar_sim.c"


def host_files(graph: Graph, crossbar: CrossbarMap) -> dict[str, str]:
    """The C of a graph of arrays, whose products are asked from the HAL, and the HAL over the map's cells.

    Raises UnsupportedModelError where a reading needs more than 32 bits.
    """
    emitted = c_backend.emit(graph, crossbar.ops)
    files = {path.removeprefix(f"{FOLDER}/"): text for path, text in emitted.items()}
    view = {
        "name": graph.name,
        "columns": crossbar.file.size.columns,
        "arrays": [_array(array) for array in crossbar.arrays],
        "most_lines": max(
            sum(len(row.lines) for row in read.rows) for array in crossbar.arrays for read in array.reads
        ),
    }
    files[HAL] = environment("crossbar").get_template(HAL).render()
    files[SIMULATED] = wrapped(environment("crossbar").get_template(f"{SIMULATED}.j2").render(**view))
    return files


def _array(array: Array) -> dict[str, Any]:
    reads = [
        {
            "op": read.op,
            "lines": [
                f"{{{line.line}, {at}, {_DRIVES[line.drive]}}}"
                for at, row in enumerate(read.rows)
                for line in row.lines
            ],
            "pairs": [f"{{{column.plus}, {column.minus}}}" for column in read.columns],
        }
        for read in array.reads
    ]
    return {"name": array.name, "levels": [", ".join(map(str, row)) for row in array.levels.tolist()], "reads": reads}
