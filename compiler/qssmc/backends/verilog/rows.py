"""Rows: how many rows of a matrix product an engine works on at a time, and which rows several products share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qssmc.backends.verilog.circuit import Net


@dataclass(frozen=True)
class Form:
    """An engine of rows times elements products a clock; serial: bits of x a clock, where adders do them, else 0."""

    serial: int
    rows: int
    elements: int

    @property
    def multipliers(self) -> int:
        """How many it needs."""
        return 0 if self.serial else self.rows * self.elements


def digits(bits: int, serial: int) -> int:
    """Clocks of a number of so many bits."""
    return -(-bits // serial) if serial else 1


def form_of(x: Net, out: int, clocks: int) -> Form:
    """The fewest multipliers that give out rows of x in so many clocks, and no row faster than it can leave."""
    for serial in (1, 2):
        if x.last or out * x.extent * digits(x.width, serial) <= clocks:
            return Form(serial, 1, 1)
    found = []
    for elements in range(1, x.extent + 1):
        steps, odd = divmod(x.extent, elements)
        groups = clocks // max(1, steps)
        rows = -(-out // max(1, groups))
        if not odd and groups and rows <= steps:  # a group's rows leave while the next one's are worked on
            found.append((rows * elements, elements, rows))
    if not found:
        return Form(0, min(out, max(1, x.extent)), 1)
    _, elements, rows = min(found)
    return Form(0, rows, elements)


def rows_left(x: Net, outs: Sequence[int], clocks: int) -> list[int]:
    """Of products of the same x with so many rows each, how many rows at the end of each one engine does for all.

    An engine has whole rows: 16 rows in three groups need six at a time, of which the last group leaves two idle. Where
    each product has an engine for the rows that fill all groups, and another serves what is left of all, fewer
    multipliers may do. Nothing is left where that saves fewer than two, for the other engine has its own control.
    """
    best = sum(form_of(x, out, clocks).multipliers for out in outs) - 1
    found = [0] * len(outs)
    for groups in range(2, min(outs, default=0) + 1):
        left = [out % groups for out in outs]
        whole = [form_of(x, out - rest, clocks) for out, rest in zip(outs, left, strict=True)]
        shared = form_of(x, sum(left), clocks)
        need = sum(form.multipliers for form in (*whole, shared))
        if any(left) and need < best:
            best, found = need, left
    return found
