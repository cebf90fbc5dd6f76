"""The weight map: what a lab programs into its arrays, and what its rows and columns mean, as frozen records.

The records are the format: their JSON Schema is docs/crossbar_map.schema.json. Numbers of cells stand beside the JSON
in one .npz, as "<array>.levels" (int16) and "<array>.conductance" (float64, µS), both (rows, columns).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

FORMAT, VERSION = "qssmc.crossbar-map", 1
MAP, CELLS = "map.json", "arrays.npz"

Drive = Literal["signed", "inverted", "positive", "negative"]
Line = Annotated[int, Field(ge=0, description="number of a row or column line of the array, from 0")]


class Record(BaseModel):
    """A frozen part of the map that takes no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WindowRecord(Record):
    """What a cell can be."""

    g_min: float = Field(ge=0, description="conductance of level 0, in µS")
    g_max: float = Field(gt=0, description="conductance of the largest level of a column, in µS")
    v_read: float = Field(gt=0, description="voltage of a row whose code is at full scale, in V")


class RowLine(Record):
    """A row driver: it drives v_read * f(code) / 2^(bits - 1) volts."""

    line: Line
    drive: Drive = Field(description="f(code): code, -code, max(code, 0) or max(-code, 0)")


class MapRow(Record):
    """One logical row of a read: where its DAC code comes from and the line or lines that it drives."""

    register_: str = Field(alias="register", description="the value in the graph, with .re or .im, that is converted")
    element: int = Field(ge=0, description="which element of that value")
    gain: int = Field(description="code = value * 2^gain, rounded half up where the gain is negative")
    bits: int = Field(ge=2, le=62, description="of the signed DAC code")
    lines: tuple[RowLine, ...] = Field(min_length=1, max_length=2)


class Column(Record):
    """One logical column of a read: the pair of lines whose difference is converted, and where the code goes."""

    register_: str = Field(alias="register", description="the value in the graph, with .re or .im, that it adds to")
    element: int = Field(ge=0, description="which element of that value")
    exponent: int = Field(ge=0, description="the code counts times 2^exponent, in the accumulator before that register")
    shift: int = Field(ge=0, le=62, description="code = clamp(floor((z + d) / 2^shift), low, high)")
    low: int = Field(description="least ADC code")
    high: int = Field(description="largest ADC code")
    dithered: bool = Field(description="d = floor(phase * 2^shift / 2^phase_bits), else half of 2^shift")
    plus: Line
    minus: Line
    unit: float = Field(gt=0, description="µS per level: z = sum of f(code) * (G[plus] - G[minus]) / unit")


class Read(Record):
    """One row drive of one array in a step: every row named here at once, all others at 0 V."""

    op: str = Field(description="the xbar op of the graph; its operand's elements are rows, its own are columns")
    phase: int = Field(ge=0, description="reads of one phase can go together; a phase needs the ones before it")
    rows: tuple[MapRow, ...]
    columns: tuple[Column, ...]


class ArrayEntry(Record):
    """One physical array and how it is read in every step."""

    name: str
    reads: tuple[Read, ...] = Field(min_length=1)


class Dither(Record):
    """The phase that moves the thresholds of dithered ADCs: it starts at 0 and grows by step, modulo 2^bits, a step."""

    bits: int = Field(ge=1, le=32)
    step: int = Field(ge=0)


class Size(Record):
    """Lines of every array."""

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)


class MapFile(Record):
    """The weight map of a compiled model."""

    format: Literal["qssmc.crossbar-map"]
    version: Literal[1]
    name: str = Field(description="the model")
    form: Literal["incremental", "incremental-lookahead", "delayed", "lookahead", "oscillator"] = Field(
        description="incremental: state columns give what the register adds, else the new state; "
        "lookahead: y of this step, else of the step before"
    )
    encoding: Literal["two-lane", "four-lane"]
    size: Size
    weight_bits: int = Field(ge=2, le=8, description="levels of a cell: 0 to 2^(weight_bits - 1) - 1")
    dac_bits: int | None = Field(description="bits that the user's DACs have; null: as many as the codes have")
    adc_bits: int | None = Field(description="bits that the user's ADCs have; null: ideal")
    window: WindowRecord
    dither: Dither | None
    cells: str = Field(description="the .npz beside this file")
    step: tuple[str, ...] = Field(description="what the periphery does in every step, in order, in words")
    arrays: tuple[ArrayEntry, ...] = Field(min_length=1)


class Array(Record):
    """An array with its cells. levels: (rows, columns), from 0; conductance: (rows, columns), in µS."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    name: str
    levels: NDArray[np.int64]
    conductance: NDArray[np.float64]
    reads: tuple[Read, ...]


class CrossbarMap(Record):
    """A map with its cells, as read_map gives it."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    file: MapFile
    arrays: tuple[Array, ...]

    @property
    def ops(self) -> tuple[str, ...]:
        """The names of all reads."""
        return tuple(read.op for array in self.arrays for read in array.reads)

    def find(self, op: str) -> tuple[Array, Read]:
        """The array and the read of an xbar op. Raises KeyError for a name that no read has."""
        for array in self.arrays:
            for read in array.reads:
                if read.op == op:
                    return array, read
        raise KeyError(op)

    def weights(self, op: str) -> NDArray[np.int64]:
        """The weight of an xbar op, (columns, rows), from the levels of its cells."""
        array, read = self.find(op)
        return weights_of(array.levels, read)

    def weights_of_conductances(self, op: str) -> NDArray[np.float64]:
        """The same from the conductances, as the array computes it: (columns, rows), in levels."""
        array, read = self.find(op)
        units = np.array([column.unit for column in read.columns])[:, None]
        return np.asarray(weights_of(array.conductance, read) / units)


_SIGN: dict[Drive, int] = {"signed": 1, "inverted": -1, "positive": 1, "negative": -1}


def weights_of(cells: NDArray[Any], read: Read) -> NDArray[Any]:
    """(columns, rows): plus minus minus, on the line whose code has the row's own sign or, inverted, the other one."""
    plus = [column.plus for column in read.columns]
    minus = [column.minus for column in read.columns]
    lines = [row.lines[0].line for row in read.rows]
    signs = np.array([_SIGN[row.lines[0].drive] for row in read.rows], dtype=cells.dtype)
    taken = cells[lines]
    return np.ascontiguousarray((taken[:, plus] - taken[:, minus]).T * signs)
