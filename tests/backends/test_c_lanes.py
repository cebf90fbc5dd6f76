"""The order of states in memory: complete, one head a lane, parts that are prefixes, and wide enough for vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qssmc.backends.c.lanes import assign, by_heads
from qssmc.backends.c.scalar import arithmetic, literal, storage
from support.graphs import random_s4d


@given(st.lists(st.integers(0, 9), min_size=1, max_size=120))
def test_layout_holds_each_state_once_and_one_head_a_lane(owners: list[int]) -> None:
    heads = np.array(owners, np.int64)
    lanes = by_heads(heads)
    order = lanes.order.reshape(lanes.levels, lanes.width)
    assert sorted(order[order >= 0]) == list(range(len(heads)))
    channels = [*np.tile(lanes.heads, lanes.full), *lanes.rest]
    for lane, channel in enumerate(channels):
        members = order[:, lane]
        assert set(heads[members[members >= 0]]) <= {channel}
        assert (members >= 0).any() == (channel in owners)
    assert (order[:, len(channels) :] == -1).all()
    assert set(owners) <= set(lanes.heads.tolist())
    assert lanes.heads.tolist() == sorted(set(lanes.heads.tolist()))
    assert np.array_equal(lanes.place(np.arange(len(heads)), -1), lanes.order)


@pytest.mark.parametrize(("heads", "levels", "width"), [(16, 8, 64), (64, 16, 128)])
def test_even_heads_need_no_padding(heads: int, levels: int, width: int) -> None:
    lanes = by_heads(np.repeat(np.arange(heads), 32))
    assert (lanes.levels, lanes.width) == (levels, width)
    assert np.array_equal(lanes.heads, np.arange(heads))
    assert len(lanes.rest) == 0


def test_a_few_empty_heads_keep_the_channels_in_order_and_many_do_not() -> None:
    few = by_heads(np.repeat(np.arange(16), [4, 0, 3, 4, 2, 4, 4, 4, 4, 0, 4, 4, 3, 4, 4, 4]))
    assert np.array_equal(few.heads, np.arange(16))
    many = by_heads(np.repeat([3, 200], 8))
    assert many.heads.tolist() == [3, 200]


def test_padding_of_pruned_heads_stays_small() -> None:
    counts = [12, 5, 7, 2, 9, 3, 8, 8, 10, 2, 6, 7, 11, 4, 2, 12]
    lanes = by_heads(np.repeat(np.arange(16), counts))
    assert lanes.width % 32 == 0
    assert lanes.positions <= 1.8 * sum(counts)


def test_one_layout_serves_all_values_of_an_ssm() -> None:
    layouts = assign(random_s4d([3, 1, 2], layers=2))
    assert {name for name, lanes in layouts.items() if lanes is layouts["l0_x"]} == {
        "l0_x", "l0_ax", "l0_x1", "l0_bu", "l0_bu1", "l0_xs", "l0_xn",
    }  # fmt: skip
    assert layouts["l1_x"] is not layouts["l0_x"]


@pytest.mark.parametrize(
    ("low", "high", "kept", "computed"),
    [
        (0, 127, "int8_t", "int16_t"),
        (0, 255, "uint8_t", "int16_t"),
        (-1, 255, "int16_t", "int16_t"),
        (0, 65535, "uint16_t", "int32_t"),
        (0, 65536, "int32_t", "int32_t"),
        (0, (1 << 32) - 1, "int64_t", "int64_t"),
        (-(1 << 63), 0, "int64_t", "int64_t"),
    ],
)
def test_types_are_the_smallest_that_hold_the_interval(low: int, high: int, kept: str, computed: str) -> None:
    assert (storage(low, high).text, arithmetic(low, high).text) == (kept, computed)


def test_nothing_holds_65_bits() -> None:
    with pytest.raises(ValueError, match="no type of 64 bits"):
        storage(0, 1 << 63)


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (-5, "(-5)"), (-(1 << 31), "(-2147483647 - 1)"), (1 << 31, "INT64_C(2147483648)")],
)
def test_literals(value: int, text: str) -> None:
    assert literal(value) == text
