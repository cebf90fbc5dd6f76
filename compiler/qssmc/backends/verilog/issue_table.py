"""Issue table: which state each lane of the SSM engine works on in each clock, in the fewest clocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class IssueTable:
    """states: which state each lane works on in each beat, which is a clock of the step (-1: none), (beats, lanes).

    begins, ends: the beats in which each head begins and ends; mine: the lanes of a head
    that begins above another in a beat, (beats, lanes). A beat begins one head at most, and where it ends two, the
    second began in it.
    """

    states: Ints
    mine: NDArray[np.bool_]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def count(self) -> int:
        """Clocks (beats) of a step."""
        return len(self.states)

    @property
    def split(self) -> bool:
        """Whether any beat holds two heads."""
        return bool(self.mine.any())


def issue_table(heads: Ints, channels: int, lanes: int) -> IssueTable:
    """States of a head side by side, in as few beats as there can be; a head without states takes an empty lane.

    A head that begins beside the end of another costs logic, so that none does where it saves no beat.
    """
    counts = tuple(int(count) for count in np.bincount(heads, minlength=channels))
    shared = _plan(counts, lanes, alone=False)
    if _Filling(counts, lanes).run(shared).count == sum(-(-max(1, count) // lanes) for count in counts):
        shared = _plan(counts, lanes, alone=True)
    filled = _Filling(counts, lanes).run(shared)
    own = [np.flatnonzero(heads == head) for head in range(channels)]
    states = np.full((filled.count, lanes), -1, np.int64)
    for head, places in enumerate(filled.places):
        for state, (beat, lane) in zip(own[head], places, strict=False):
            states[beat, lane] = state
    mine = np.zeros(states.shape, np.bool_)
    for beat, lane in filled.splits.items():
        mine[beat, lane:] = True
    return IssueTable(states, mine, tuple(filled.begins), tuple(filled.ends))


def _plan(counts: tuple[int, ...], lanes: int, *, alone: bool) -> list[int | None]:
    """How many lanes of the beat in which the head before ends each head takes, or None where it begins a beat.

    fill: lanes taken of the last beat; single: its last head began in it too. Where a second head ends in a beat, its
    result waits for a beat in which none ends; there is one before the next such beat, for there the first of the two
    has begun in a beat before, and behind a second end a head begins a beat.
    """

    @cache
    def best(head: int, fill: int, single: bool) -> tuple[int, int | None]:
        if head == len(counts):
            return 0, None
        count, free = max(1, counts[head]), lanes - fill

        def after(left: int, began: bool) -> int:
            beats = -(-left // lanes)
            return beats + best(head + 1, left - (beats - 1) * lanes, began and beats == 1)[0]

        found: list[tuple[int, int | None]] = [(after(count, True), None)]
        if not alone and not single and free:
            for taken in range(min(free, count) + 1):
                whole = taken == count
                found.append((best(head + 1, lanes, True)[0] if whole else after(count - taken, False), taken))
        return min(found, key=lambda pair: pair[0])

    for head in reversed(range(len(counts))):  # so that no call is as deep as there are heads
        for state in ((fill, single) for fill in range(1, lanes + 1) for single in (False, True)):
            best(head, *state)
    choices: list[int | None] = []
    fill, single = lanes, True
    for head, states in enumerate(counts):
        choice = best(head, fill, single)[1]
        choices.append(choice)
        left = max(1, states) - (choice or 0)
        beats = -(-left // lanes)
        fill = left - (beats - 1) * lanes if left else lanes
        single = left == 0 or (choice is None and beats == 1)
    return choices


class _Filling:
    """Lays states out by a plan."""

    def __init__(self, counts: tuple[int, ...], lanes: int) -> None:
        self.counts, self.lanes = counts, lanes
        self.count = 0
        self.places: list[list[tuple[int, int]]] = []
        self.splits: dict[int, int] = {}
        self.begins: list[int] = []
        self.ends: list[int] = []

    def run(self, plan: list[int | None]) -> _Filling:
        """All heads; returns itself."""
        fill = self.lanes
        for count, taken in zip(self.counts, plan, strict=True):
            needed, places = max(1, count), []
            if taken is not None:
                self.splits[self.count - 1] = fill
                places = [(self.count - 1, fill + i) for i in range(taken)]
            self.begins.append(self.count if taken is None else self.count - 1)
            left = needed - (taken or 0)
            places += [(self.count + i // self.lanes, i % self.lanes) for i in range(left)]
            self.count += -(-left // self.lanes)
            fill = (left - 1) % self.lanes + 1 if left else self.lanes
            self.ends.append(self.count - 1)
            self.places.append(places)
        return self
