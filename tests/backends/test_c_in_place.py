"""A state is overwritten in place only when nobody reads its old value any more, near or far, itself or by a view."""

from __future__ import annotations

from pathlib import Path

import pytest

from qssmc.ir import Builder, Graph, Table, Type
from qssmc.passes.prove import prove
from support.emitted import clamp, compare_every_op, compare_outputs

INT = Table.integer


def old_value_read(later: int, by_view: bool) -> Graph:
    """A state whose old value is read `later` blocks after its new one is known, but does not leave itself."""
    b = Builder("late", "integer")
    u = b.source("input", "u", Type((3,), 6))
    x = b.source("state", "x", Type((3,), 64))
    new = b.updates[x] = clamp(b, "new", b.add("add", "sum", x, u), 100, 1)
    last = new
    for n in range(later - 1):  # each a block of its own
        weight = INT([[1, n, 0], [0, 1, -1], [2, 0, 1]])
        last = b.add("matvec", f"m{n}", last, weight=weight, bias=INT([0, 1, n]))
    old = b.add("slice", "view", x, start=0, stop=3) if by_view else x
    if later == 1:
        y = b.add("matvec", "y", old, weight=INT([[1, 2, 3], [-1, 0, 1]]), bias=INT([0, 0]))
    else:
        y = b.add("add", "y", old, last)
    b.output("y", y, "step")
    return prove(b.graph())


@pytest.mark.parametrize("by_view", [False, True], ids=["itself", "view"])
@pytest.mark.parametrize("later", [1, 2, 3])
def test_old_value_is_read_before_it_is_lost(later: int, by_view: bool, tmp_path: Path) -> None:
    graph = old_value_read(later, by_view)
    compare_every_op(graph, tmp_path / "trace")
    compare_outputs(graph, tmp_path / "plain")
