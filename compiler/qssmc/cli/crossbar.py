"""`qssmc crossbar check`: whether a weight map is sound, and the matrices that its cells make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.crossbar import CrossbarMap, MapFile, read_map
from qssmc.errors import UsageError, VerificationError


@click.group("crossbar")
@common_options
def crossbar() -> None:
    """Work with the weight map that `qssmc compile --target crossbar` writes to OUT/crossbar.

    It is what a lab programs into its arrays and what each of their lines means; docs/crossbar_map.md explains it on
    one page, and examples/crossbar loads it into aihwkit and CrossSim.
    """


@crossbar.command("check", short_help="Check a map and make its matrices again from its cells.")
@configurable
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--matrices", type=click.Path(path_type=Path), help="Write the matrices of all reads to this .npz.")
@common_options
@click.pass_obj
def check(terminal: Terminal, /, file: Path, matrices: Path | None) -> None:
    """Check the weight map FILE (map.json, or the folder that holds it) and make its matrices again from its cells."""
    found = read_map(file)
    made = {op: found.weights(op) for op in found.ops}
    for op, weights in made.items():
        measured = found.weights_of_conductances(op)
        if np.abs(measured - weights).max(initial=0.0) > 1e-6:
            raise VerificationError(f"{file}: the conductances of {op} do not make the weights that its levels make")
    if matrices is not None:
        if matrices.suffix != ".npz":
            raise UsageError(f"--matrices must name an .npz file, not {matrices}")
        np.savez(matrices, **made)  # type: ignore[arg-type]
    record = summary(found)
    cells = f"{record['programmed']:,} of {record['cells']:,} cells programmed ({record['utilisation_percent']:.2f} %)"
    terminal.result(
        record,
        f"{file}: sound. {record['arrays']} arrays of {record['size']} in {record['reads']} reads a step, {cells}; "
        f"{len(made)} matrices of {record['weights']:,} weights are the same from levels and from conductances.",
    )


@crossbar.command("schema", short_help="Print the JSON Schema of map.json.")
@common_options
@click.pass_obj
def schema(terminal: Terminal, /) -> None:
    """Print the JSON Schema of map.json, as it stands in docs/crossbar_map.schema.json."""
    text = MapFile.model_json_schema()
    terminal.result(text, json.dumps(text, indent=1, ensure_ascii=False))


def summary(found: CrossbarMap) -> dict[str, Any]:
    """What a map holds, in numbers."""
    rows, columns = found.file.size.rows, found.file.size.columns
    programmed = sum(int((array.levels > 0).sum()) for array in found.arrays)
    cells = rows * columns * len(found.arrays)
    return {
        "sound": True,
        "name": found.file.name,
        "form": found.file.form,
        "encoding": found.file.encoding,
        "size": f"{rows}x{columns}",
        "arrays": len(found.arrays),
        "reads": len(found.ops),
        "cells": cells,
        "programmed": programmed,
        "utilisation_percent": round(100.0 * programmed / cells, 4),
        "weights": sum(found.weights(op).size for op in found.ops),
    }
