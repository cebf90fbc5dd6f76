"""Cells: adds a cell to a circuit, under a free name, with the parameters of its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.verilog.circuit import Cell, Circuit, Memory, Net, Parameter, Word
from qssmc.backends.verilog.timing import Timing

Ints = NDArray[np.int64]


@dataclass
class CellMaker:
    """Adds cells to a circuit. clocks: what a sample may take, which tells where a serial multiplier is fast enough."""

    circuit: Circuit
    clocks: int
    about: str = ""

    def cell(
        self,
        module: str,
        name: str,
        parameters: dict[str, Parameter],
        inputs: dict[str, tuple[Net, int]],
        outputs: dict[str, Net],
        timing: Timing,
        *,
        multipliers: int = 0,
        work: int = 0,
        product: int = 0,
        ram: int = 0,
        saturates: bool = False,
    ) -> Cell:
        """Append a cell under a free name."""
        taken = {cell.name for cell in self.circuit.cells}
        while name in taken:
            name += "_"
        cell = Cell(
            module, name, self.about, parameters, inputs, outputs, timing, multipliers, work, product, ram, saturates
        )
        self.circuit.cells.append(cell)
        return cell

    def net(self, name: str, width: int, like: Net, extent: int | None = None) -> Net:
        """A net that fires when another does."""
        return Net(name, width, like.extent if extent is None else extent, like.last)

    def table(self, words: Sequence[int], width: int, word: str = "WORD", file: str = "FILE") -> dict[str, Parameter]:
        """The parameters of a word an element: FIXED and a word where all are equal, else a memory."""
        if len({value & ((1 << width) - 1) for value in words}) == 1:
            return {"FIXED": 1, word: Word(words[0], width)}
        return {"FIXED": 0, file: Memory(tuple(words), width)}
