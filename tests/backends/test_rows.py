"""How rows of products are dealt to engines: they keep up, and what pieces leave to a shared one saves multipliers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qssmc.backends.verilog.circuit import Net
from qssmc.backends.verilog.rows import digits, form_of, rows_left

SIZES = st.integers(1, 24)


@given(SIZES, SIZES, st.integers(1, 200))
def test_an_engine_keeps_up_where_any_can(extent: int, out: int, clocks: int) -> None:
    x = Net("x", 7, extent)
    form = form_of(x, out, clocks)
    steps = extent // form.elements * digits(x.width, form.serial)
    assert extent % form.elements == 0
    if extent <= clocks and out <= extent:  # one row a clock leaves, and a multiplier a row keeps up
        assert -(-out // form.rows) * steps <= clocks
        assert form.multipliers <= out
    if not form.serial and out > form.rows:  # rows of a group leave, one a clock, while the next group is worked on
        assert form.rows <= steps


@given(SIZES, st.lists(SIZES, min_size=1, max_size=4), st.integers(1, 200))
def test_what_is_left_saves_multipliers_or_is_nothing(extent: int, outs: list[int], clocks: int) -> None:
    x = Net("x", 7, extent)
    left = rows_left(x, outs, clocks)
    apart = sum(form_of(x, out, clocks).multipliers for out in outs)
    if any(left):
        assert all(0 <= rest < out for rest, out in zip(left, outs, strict=True))
        own = sum(form_of(x, out - rest, clocks).multipliers for out, rest in zip(outs, left, strict=True))
        assert own + form_of(x, sum(left), clocks).multipliers <= apart - 2


@pytest.mark.parametrize(
    ("outs", "clocks", "left", "multipliers"),
    [([16, 16], 25, [1, 1], 22), ([16, 16], 32, [0, 0], 16), ([16], 25, [0], 12), ([17, 16], 25, [2, 1], 22)],
)
def test_known_ones(outs: list[int], clocks: int, left: list[int], multipliers: int) -> None:
    x = Net("x", 7, 16)
    assert rows_left(x, outs, clocks) == left
    own = [form_of(x, out - rest, clocks).multipliers for out, rest in zip(outs, left, strict=True)]
    shared = form_of(x, sum(left), clocks).multipliers if any(left) else 0
    assert sum(own) + shared == multipliers
