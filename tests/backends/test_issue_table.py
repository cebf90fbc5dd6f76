"""Which states the SSM engine's lanes do in each beat: all of them once, and by the rules that the engine relies on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qssmc.backends.verilog.issue_table import IssueTable, issue_table


def laid(counts: list[int], lanes: int) -> IssueTable:
    return issue_table(np.repeat(np.arange(len(counts)), counts), len(counts), lanes)


def whole_beats(counts: list[int], lanes: int) -> int:
    """Where no beat holds two heads."""
    return sum(-(-max(1, count) // lanes) for count in counts)


@given(st.lists(st.integers(0, 11), min_size=1, max_size=9), st.integers(1, 8))
@example([5, 6, 1, 3], 4)
def test_rules(counts: list[int], lanes: int) -> None:
    heads = np.repeat(np.arange(len(counts)), counts)
    beats = laid(counts, lanes)
    assert sorted(beats.states[beats.states >= 0]) == list(range(len(heads)))
    assert list(beats.begins) == sorted(set(beats.begins)), "a beat begins two heads"
    assert beats.begins[0] == 0
    waiting = False
    for beat, (states, mine) in enumerate(zip(beats.states, beats.mine, strict=True)):
        ending = [head for head, end in enumerate(beats.ends) if end == beat]
        beginning = [head for head, begin in enumerate(beats.begins) if begin == beat]
        below = {int(heads[s]) for s in states[~mine] if s >= 0}
        above = {int(heads[s]) for s in states[mine] if s >= 0}
        assert len(below) <= 1
        assert above <= set(beginning)
        assert len(ending) <= 2
        if mine.any():  # the lanes above are those of the head that begins, beside the end of another that began before
            assert mine[-1]
            assert not mine[0]
            assert ending[0] not in beginning
        if len(ending) == 2:
            assert mine.any()
            assert beginning == ending[1:]
            assert not waiting, "the result before has not left"
        waiting = len(ending) == 2 or (waiting and bool(ending))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 6))
def test_never_more_beats_than_whole_ones(counts: list[int], lanes: int) -> None:
    beats = laid(counts, lanes)
    assert -(-sum(counts) // lanes) <= beats.count <= whole_beats(counts, lanes)
    assert beats.split == (beats.count < whole_beats(counts, lanes))


@pytest.mark.parametrize(
    ("counts", "lanes", "count"),
    [
        ([5, 3], 4, 2),  # nothing is left empty
        ([5, 6, 1, 3], 4, 4),
        ([4, 4], 4, 2),
        ([1, 1, 1], 4, 3),  # a beat begins one head
        ([7, 8, 5, 4, 5, 4, 7, 5, 13, 13, 10, 1, 2, 4, 4, 4], 4, 25),  # 30 where none is shared
        ([7, 8, 5, 4, 5, 4, 7, 5, 13, 13, 10, 1, 2, 4, 4, 4], 2, 48),
    ],
)
def test_counts(counts: list[int], lanes: int, count: int) -> None:
    assert laid(counts, lanes).count == count


def test_many_heads() -> None:
    assert laid([3] * 2000, 2).count == 3000
