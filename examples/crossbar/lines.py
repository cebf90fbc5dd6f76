"""Lines: what the two loaders beside this file share: row voltages, column currents, how exact these must be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from qssmc.crossbar import Array, CrossbarMap, Read, read_map
from qssmc.errors import QssmcError

Volts = NDArray[np.float64]  # (draws, row lines)
Currents = NDArray[Any]  # (draws, column lines), in µA
Core = Callable[[Volts], Currents]
_DRIVES: dict[str, Callable[[NDArray[np.int64]], NDArray[np.int64]]] = {
    "signed": lambda code: code,
    "inverted": lambda code: -code,
    "positive": lambda code: np.maximum(code, 0),
    "negative": lambda code: np.maximum(-code, 0),
}


@dataclass(frozen=True)
class Difference:
    """The largest of all products: in levels of a cell, and in parts of what the core's floats may round off."""

    levels: float
    parts: float
    reads: int


def row_volts(array: Array, read: Read, codes: NDArray[np.int64], v_read: float) -> Volts:
    """The voltage of every row line of the array for codes (draws, rows of the read); lines not named stay at 0 V."""
    volts = np.zeros((len(codes), array.conductance.shape[0]))
    for at, row in enumerate(read.rows):
        for line in row.lines:
            volts[:, line.line] = _DRIVES[line.drive](codes[:, at]) * (v_read / 2 ** (row.bits - 1))
    return volts


def compare(crossbar: CrossbarMap, load: Callable[[Array], Core], epsilon: float, draws: int, seed: int) -> Difference:
    """Read every array that `load` made, on random codes of full range, beside what the map's weights give in integers.

    epsilon: of the core's floats. A sum of n rounded products is exact to n * epsilon times the sum of their sizes.
    """
    generator = np.random.default_rng(seed)
    v_read, levels, parts = crossbar.file.window.v_read, 0.0, 0.0
    for array in crossbar.arrays:
        core = load(array)
        for read in array.reads:
            top = 1 << (read.rows[0].bits - 1)  # every row of a map has as many bits
            codes = generator.integers(-top, top, (draws, len(read.rows)))
            volts = row_volts(array, read, codes, v_read)
            plus, minus = ([getattr(column, side) for column in read.columns] for side in ("plus", "minus"))
            level = np.array([column.unit for column in read.columns]) * (v_read / top)  # µA of one level and one code
            currents = core(volts).astype(np.float64)
            products = (currents[:, plus] - currents[:, minus]) / level
            sizes = np.abs(volts) @ array.conductance
            allowed = (len(array.conductance) + 4) * epsilon * (sizes[:, plus] + sizes[:, minus]) / level
            off = np.abs(products - codes @ crossbar.weights(read.op).T)
            levels, parts = max(levels, float(off.max(initial=0.0))), max(parts, _largest(off, allowed))
    return Difference(levels, parts, len(crossbar.ops))


def _largest(off: NDArray[np.float64], allowed: NDArray[np.float64]) -> float:
    """The largest part of what is allowed; where nothing is, anything is too much."""
    return float(np.divide(off, allowed, out=np.where(off > 0, np.inf, 0.0), where=allowed > 0).max(initial=0.0))


def main(tool: str, package: str, run: Callable[[CrossbarMap, int, int], Difference], install: str) -> NoReturn:
    """Read the command line and the map, compare, print, and exit.

    0: equal to float precision. 1: not. 2: bad options or map. 4: the tool's package is not installed.
    """
    parser = argparse.ArgumentParser(description=f"Load a weight map into {tool} and compare its products.")
    parser.add_argument("map", type=Path, help="a map.json, or the folder that holds it, such as out/crossbar")
    parser.add_argument("--draws", type=int, default=32, help="random codes of each read (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the codes (default %(default)s)")
    given = parser.parse_args()
    if given.draws < 1:
        parser.error("--draws must be at least 1")
    try:
        crossbar = read_map(given.map)
        found = run(crossbar, given.draws, given.seed)
    except QssmcError as error:
        _leave(error.exit_code, str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package:
            raise
        _leave(4, f"{tool} is not installed (there is no module {error.name}); install it with: {install}")
    print(
        f"{tool}: {found.reads} reads of {len(crossbar.arrays)} arrays, {given.draws} draws each: "
        f"largest difference {found.levels:.3g} levels, {found.parts:.3g} of what rounding allows"
    )
    sys.exit(int(found.parts > 1.0))


def _leave(status: int, sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(status)
