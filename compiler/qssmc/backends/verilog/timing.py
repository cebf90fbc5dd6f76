"""Timing: when a cell takes its operands and gives its results, to the clock; the schedule is computed from it.

A time is the clock of a transfer, counted from the first element of a sample. free is when the firing before has left
the cell. Every rule assumes that results are taken as soon as they are offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Times = list[int]
EVER = -(1 << 40)  # a value that stands ready at any time


@dataclass(frozen=True)
class Fired:
    """One firing: when each element of each operand is taken, when each of each result is offered, when it is over."""

    taken: Mapping[str, Times]
    given: Mapping[str, Times]
    done: int


@dataclass(frozen=True)
class Timing:
    """The rule of a kind of cell; this base itself is that of a constant, which holds its value and never fires.

    occupied: clocks between two firings, at least.
    """

    occupied: int = 0

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        """One firing, from when each element of each operand is offered."""
        raise TypeError("a cell that holds a constant never fires")


@dataclass(frozen=True)
class Pipe(Timing):
    """An element of each operand in, one out, some clocks later, and the next one every clock or every so many."""

    latency: int = 1
    every: int = 1
    wait: int = 0  # clocks that an operand is looked at before it is taken
    shared: str = ""  # an operand of one element that serves the whole vector

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        lanes = [times for port, times in valid.items() if port != self.shared]
        gate = valid[self.shared][0] if self.shared else EVER
        taken: Times = []
        at = free - self.every
        for offered in zip(*lanes, strict=True):
            at = max(max(*offered, gate) + self.wait, at + self.every)
            taken.append(at)
        used = {port: [taken[-1]] if port == self.shared else taken for port in valid}
        return Fired(used, {"m": [t + self.latency for t in taken]}, taken[-1] + self.every)


@dataclass(frozen=True)
class Select(Timing):
    """Some elements go through, in no time."""

    mask: tuple[bool, ...] = ()

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken = in_turn(valid["s"], free)
        return Fired({"s": taken}, {"m": [t for t, keep in zip(taken, self.mask, strict=True) if keep]}, taken[-1] + 1)


@dataclass(frozen=True)
class Join(Timing):
    """All of a, then all of b, in no time."""

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        both = in_turn([*valid["a"], *valid["b"]], free)
        cut = len(valid["a"])
        return Fired({"a": both[:cut], "b": both[cut:]}, {"m": both}, both[-1] + 1)


@dataclass(frozen=True)
class Gather(Timing):
    """The whole vector in, then its elements in another order."""

    count: int = 1

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken = in_turn(valid["s"], EVER)
        start = max(taken[-1] + 1, free)
        return Fired({"s": taken}, {"m": [start + 1 + i for i in range(self.count)]}, start + self.count)


@dataclass(frozen=True)
class Dot(Timing):
    """The whole vector in, then groups of rows, each delay after its beats; the next vector comes in meanwhile."""

    beats: int = 1
    rows: int = 1
    together: int = 1
    delay: int = 4

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken = in_turn(valid["s"], EVER)
        start = max(taken[-1] + 1, free)
        given = [
            start + (row // self.together + 1) * self.beats + self.delay + row % self.together
            for row in range(self.rows)
        ]
        groups = -(-self.rows // self.together)
        return Fired({"s": taken}, {"m": given}, start + groups * self.beats)


@dataclass(frozen=True)
class Segments(Timing):
    """A result after each run of elements."""

    counts: tuple[int, ...] = ()

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken: Times = []
        given: Times = []
        at = free - 1
        for count in self.counts:
            for _ in range(count):
                at = max(valid["s"][len(taken)], at + 1)
                taken.append(at)
            at = at if count else at + 1
            given.append(at + 1)
        return Fired({"s": taken}, {"m": given}, at + 1)


@dataclass(frozen=True)
class LayerTiming(Timing):
    """Beats follow each other, but one in which a head begins waits for its u; results come some clocks after a head's
    last beat, one a clock. begins, ends: beats of each head; occupied: clocks of a step, pauses included."""

    begins: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    delay: int = 13

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        at = max([free, *(valid[port][0] for port in ("t", "p") if port in valid)])
        offered = dict(zip(self.begins, valid["s"], strict=True))
        clocks: Times = []  # when each beat is decided on
        for beat in range(self.ends[-1] + 1):
            at = max(at, offered.get(beat, EVER))
            clocks.append(at)
            at += 1
        given: Times = []
        for beat in self.ends:
            given.append(max(clocks[beat] + 1 + self.delay, given[-1] + 1 if given else EVER))
        taken = [clocks[beat] for beat in self.begins]
        used = {port: taken[:1] if port in "tp" else taken for port in valid}
        # The last beat's state must be there before the next sample's first is read.
        return Fired(used, {"m": given}, at + self.occupied - len(clocks))


@dataclass(frozen=True)
class NormTiming(Timing):
    """The whole vector in, some clocks of thinking, then an element every so many."""

    think: int = 1
    every: int = 1

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken = in_turn(valid["s"], free)
        sent = [taken[-1] + self.think + i * self.every for i in range(len(taken))]
        return Fired({"s": taken}, {"m": [t + self.every for t in sent]}, sent[-1] + 1)


@dataclass(frozen=True)
class Reading(Timing):
    """The whole vector in, then a read of an array, then the columns; wait: for other reads of that array, at most."""

    settle: int = 1
    columns: int = 1
    wait: int = 0

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken = in_turn(valid["s"], free)
        at = max(taken[-1] + 1, *valid.get("p", [EVER])) + self.wait
        over = at + self.settle
        given = [over + 1 + i for i in range(self.columns)]
        used = {"s": taken, "p": [over]} if "p" in valid else {"s": taken}
        # The next read waits until the last column has left.
        return Fired(used, {"m": given}, max(over + 1, given[-1] + 1 - len(taken)))


@dataclass(frozen=True)
class Frame(Timing):
    """Elements leave the core when the token of their sample is there."""

    def fire(self, valid: Mapping[str, Times], free: int) -> Fired:
        taken = in_turn(valid["s"], max(free, valid["t"][0] if "t" in valid else EVER))
        used = {"s": taken, "t": [taken[-1]]} if "t" in valid else {"s": taken}
        return Fired(used, {"m": taken}, taken[-1] + 1)


@dataclass(frozen=True)
class StateTiming(Timing):
    """A state: the old value is given once the token has come; the new value is taken behind it."""

    extent: int = 1

    def give(self, token: int, free: int) -> tuple[int, Times]:
        """When the token is taken and the old value given."""
        at = max(token, free)
        return at, [at + 1 + i for i in range(self.extent)]

    def take(self, valid: Times, given: Times) -> tuple[Times, int]:
        """When the new value is taken, and when the next token can be."""
        taken: Times = []
        at = EVER
        for offered, gone in zip(valid, given, strict=True):
            at = max(offered, gone + 1, at + 1)
            taken.append(at)
        return taken, taken[-1] + 2


def in_turn(valid: Times, free: int) -> Times:
    """When elements are taken that come in one after another, one a clock."""
    taken: Times = []
    at = free - 1
    for offered in valid:
        at = max(offered, at + 1)
        taken.append(at)
    return taken
