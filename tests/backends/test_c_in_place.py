"""A state is overwritten in place only when nobody reads its old value any more, near or far, itself or by a view."""

from __future__ import annotations

from pathlib import Path

import pytest

from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Matvec, Slice
from qssmc.passes.prove import prove
from support.emitted import clamp, compare_every_op, compare_outputs

INT = Table.integer


def old_value_read(later: int, by_view: bool) -> Graph:
    """A state whose old value is read `later` blocks after its new one is known, but does not leave itself."""
    b = Builder("late", "integer")
    u = b.input("u", Type((3,), 6))
    x = b.state("x", Type((3,), 64))
    new = b.updates[x] = clamp(b, "new", b.add(Add(), "sum", x, u), 100, 1)
    last = new
    for n in range(later - 1):  # each a block of its own
        weight = INT([[1, n, 0], [0, 1, -1], [2, 0, 1]])
        last = b.add(Matvec(weight=weight, bias=INT([0, 1, n])), f"m{n}", last)
    old = b.add(Slice(start=0, stop=3), "view", x) if by_view else x
    if later == 1:
        y = b.add(Matvec(weight=INT([[1, 2, 3], [-1, 0, 1]]), bias=INT([0, 0])), "y", old)
    else:
        y = b.add(Add(), "y", old, last)
    b.output("y", y, "step")
    return prove(b.graph())


@pytest.mark.parametrize("by_view", [False, True], ids=["itself", "view"])
@pytest.mark.parametrize("later", [1, 2, 3])
def test_old_value_is_read_before_it_is_lost(later: int, by_view: bool, tmp_path: Path) -> None:
    graph = old_value_read(later, by_view)
    compare_every_op(graph, tmp_path / "trace")
    compare_outputs(graph, tmp_path / "plain")
