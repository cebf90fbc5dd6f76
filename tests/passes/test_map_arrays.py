"""Arrays: with ideal converters nothing is lost, whatever the encoding, the bits and the packing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qssmc.analysis.array_layout import converter_of, lay_out
from qssmc.analysis.array_layout.shelves import shelve
from qssmc.analysis.array_layout.slices import slices_of
from qssmc.crossbar import CrossbarOptions
from qssmc.crossbar.options import ConductanceWindow
from qssmc.errors import UsageError
from qssmc.ir.ops import Requant, Xbar
from qssmc.passes.fuse import Fuse
from qssmc.passes.map_arrays import MapArrays
from qssmc.passes.prove import prove
from qssmc_sim import run
from support.arrays import SHAPES, laid, model, samples

WAYS: dict[str, dict[str, Any]] = {
    "4 bits": {},
    "ternary": {"weight_bits": 2},
    "8 bits": {"weight_bits": 8},
    "four lanes": {"encoding": "four-lane", "size": (24, 32)},
    "small arrays": {"size": (16, 20)},
    "several reads": {"size": (32, 40), "reads": 4},
    "one head each": {"packing": "one-head"},
    "all matrices": {"dense": True, "size": (16, 24)},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("way", WAYS)
def test_ideal_converters_lose_nothing(shape: str, way: str) -> None:
    options = CrossbarOptions(adc_bits=None, **WAYS[way])
    graph = model(shape)
    fused = prove(Fuse(options.form, options.dense)(graph))
    arrays = prove(MapArrays(options)(fused))
    given = samples(graph)
    wanted, got = run(fused, given).outputs, run(arrays, given).outputs
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name])
    products = [op for op in arrays.ops if isinstance(op, Xbar)]
    assert all(op.weight.shape[1] <= options.size[0] for op in products)
    assert max(np.abs(op.weight.data).max() for op in products) <= options.top


@pytest.mark.parametrize("bits", [1, 3, 7])
def test_slices_make_the_column_again(bits: int) -> None:
    random = np.random.default_rng(bits)
    for _ in range(50):
        column, gains = random.integers(-5000, 5000, 6), random.integers(-3, 4, 6)
        found = slices_of(column, gains, bits)
        made = sum(piece.digits * 2.0 ** (piece.exponent + gains) for piece in found)
        np.testing.assert_array_equal(made, column)
        assert all(np.abs(piece.digits).max() < 1 << bits for piece in found)


def test_no_line_is_used_twice_and_packing_saves_arrays() -> None:
    fused = prove(Fuse()(model("ragged")))
    shared, alone = (lay_out(fused, CrossbarOptions(packing=packing)) for packing in ("shared", "one-head"))
    assert shared.arrays < alone.arrays == 3
    for read in shared.reads:
        rows = [row.line for row in read.rows]
        assert len(set(rows)) == len(rows)
        assert max(rows) < 64
        assert max(max(column.plus, column.minus) for column in read.columns) < 64


def test_reads_fill_an_array_in_both_directions() -> None:
    """The more reads a step may take, the fewer arrays and the fuller ones."""
    fused = prove(Fuse()(model("ragged")))
    plans = [lay_out(fused, CrossbarOptions(size=(24, 28), reads=reads)) for reads in (1, 3, 12)]
    most = [max(Counter(read.array for read in found.reads).values()) for found in plans]
    assert [found.arrays for found in plans] == [3, 2, 1]
    assert lay_out(prove(Fuse()(model("dithered, two layers"))), CrossbarOptions(size=(24, 28), reads=4)).arrays == 2
    assert most[0] == 1
    assert most[1] <= 3 < most[2] <= 12


@pytest.mark.parametrize("encoding", ["two-lane", "four-lane"])
def test_a_read_sees_no_cell_of_another_tile(encoding: str) -> None:
    """What the cells of an array make of a read's rows and columns is its weight, though other tiles lie around it."""
    found = laid("ragged", CrossbarOptions(size=(24, 40), reads=12, encoding=encoding))  # type: ignore[arg-type]
    products = {op.name.split("_flush")[0]: op for op in found.stages["convert"].ops if isinstance(op, Xbar)}
    assert len(products) > len(found.crossbar.arrays)
    for name, op in products.items():
        np.testing.assert_array_equal(found.crossbar.weights(name), op.weight.data)
    programmed = sum(int((array.levels > 0).sum()) for array in found.crossbar.arrays)
    lanes = 1 if encoding == "two-lane" else 2
    assert programmed == lanes * sum(int(np.count_nonzero(op.weight.data)) for op in products.values())


@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(1, 20)), min_size=1, max_size=40),
    st.sampled_from([1, 2, 5, 40]),
)
def test_shelves_overlap_nowhere(extents: list[tuple[int, int]], most: int) -> None:
    spots = shelve(extents, (16, 20), most)
    taken: dict[int, np.ndarray] = {}
    for (rows, columns), spot in zip(extents, spots, strict=True):
        cells = taken.setdefault(spot.array, np.zeros((16, 20), int))
        there = cells[spot.row : spot.row + rows, spot.column : spot.column + columns]
        assert there.shape == (rows, columns)
        there += 1
        assert there.max() == 1
    places = [(spot.array, spot.place) for spot in spots]
    assert len(set(places)) == len(places)
    assert all(place < most for _, place in places)
    assert sorted(taken) == list(range(len(taken)))


def test_rounding_dacs_and_narrow_adcs_change_the_answer_and_stay_in_range() -> None:
    found = laid("empty head, per step", CrossbarOptions(adc_bits=3, dac_bits=3))
    ideal, real = (run(found.stages[name], found.samples).outputs for name in ("fuse", "convert"))
    assert any((ideal[name] != real[name]).any() for name in ideal)
    for array in found.crossbar.arrays:
        for read in array.reads:
            assert {(column.low, column.high) for column in read.columns} == {(-4, 3)}


def test_bad_arrays_are_said() -> None:
    fused = prove(Fuse()(model("ragged")))
    with pytest.raises(
        UsageError, match=r"an array of 3x3 cannot hold one state of %l0_kernel_h\d, which takes \d rows"
    ):
        lay_out(fused, CrossbarOptions(size=(3, 3)))
    with pytest.raises(UsageError, match="holds 3 levels 10 µS apart, but --cell-bits 4 needs 8"):
        CrossbarOptions(window=ConductanceWindow(1.0, 21.0, 10.0))
    with pytest.raises(UsageError, match="must rise from 0 on, but the window is 5 to 2 µS"):
        ConductanceWindow(5.0, 2.0)


@pytest.mark.parametrize("shape", ["ragged", "dithered, two layers"])
@pytest.mark.parametrize("adc_bits", [2, 4, 6])
def test_converters_hold_all_of_the_calibration(shape: str, adc_bits: int) -> None:
    """The step is as fine as the range allows, and no finer: nothing that calibration saw is clipped."""
    found = laid(shape, CrossbarOptions(adc_bits=adc_bits))
    converted, checked = found.stages["convert"], 0

    def see(t: int, values: Any) -> None:
        nonlocal checked
        for op in converted.ops:
            if not isinstance(op, Requant) or converter_of(converted, op) is None or op.name not in values:
                continue
            z, shift = values[op.inputs[0]], op.shift.data
            most = np.where(len(op.inputs) == 2, (1 << shift) - 1, (1 << shift) >> 1)
            assert (z >> shift >= op.low.data).all()
            assert ((z + most) >> shift <= op.high.data).all()
            checked += 1

    run(found.stages["realise"], found.samples, see)
    assert checked > 0
