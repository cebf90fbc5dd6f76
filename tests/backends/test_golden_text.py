"""The emitted C, HLS C++ and Verilog of three tiny graphs, as whole texts: a review shows what a change does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

import pytest

from qssmc.backends import c, hls, verilog
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Diag, Inject, Lut, Matvec, Readout, Requant, ShiftLeft
from qssmc.passes.prove import prove
from support.graphs import random_s4d

INT = Table.integer
EMIT: Mapping[str, Callable[[Graph], dict[str, str]]] = {"c": c.emit, "hls": hls.emit, "verilog": verilog.emit}
# The files that are a model's own, by the end of their names; the others are the same for all models, or build tools.
OWN = {
    "c": (".c", ".h", "_tables.h", "_trace.c"),
    "hls": (".cpp", ".h", "_tables.h", "_types.h"),
    "verilog": ("_top.v",),
}


def one_head() -> Graph:
    """One head of two states, whose output is summed up over the steps."""
    b = Builder("one_head", "integer")
    u = b.input("u", Type((1,), 8, False), "input")
    x = b.state("x", Type((2,), 64, complex=True), "ssm")
    heads = INT([0, 0])
    moved = b.add(Diag(lambda_bar=INT([[-9, 21], [-30, 44]])), "ax", x, origin="ssm")
    kept = b.add(ShiftLeft(amount=INT([7, 6])), "kept", x, origin="ssm")
    driven = b.add(Inject(b_bar=INT([[5, 0], [7, 0]]), heads=heads), "bu", u, origin="ssm")
    total = b.add(Add(), "xs", kept, moved, driven, origin="ssm")
    b.updates[x] = _requant(b, "xn", total, INT([7, 6]), 127)
    y = b.add(Readout(c=INT([[3, -2], [-6, 4]]), heads=heads, channels=1), "cx", "xn", origin="ssm")
    pooled = b.state("pooled", Type((1,), 64), "pool")
    summed = b.add(Add(), "summed", pooled, _requant(b, "y", y, INT([4]), 127), origin="pool")
    b.updates[pooled] = _requant(b, "pooled_n", summed, INT([0]), (1 << 19) - 1)
    b.output("mean", b.add(Matvec(weight=INT([[3], [-5]]), bias=INT([100, 0])), "out", pooled, origin="out"), "last")
    return prove(b.graph())


def two_layers() -> Graph:
    """Two layers with normalisation, GLU and residual."""
    graph = random_s4d([2, 1], layers=2, norm=True, d_output=2)
    return Graph("two_layers", graph.stage, graph.ops, graph.updates, graph.outputs)


def lookup() -> Graph:
    """A table of results, given at every step."""
    b = Builder("lookup", "integer")
    u = b.input("u", Type((2,), 3), "input")
    entries = INT([value * value - 5 for value in range(-4, 4)])
    b.output("y", b.add(Lut(entries=entries, first=INT(-4)), "squares", u, origin="squares"), "step")
    return prove(b.graph())


def _requant(b: Builder, name: str, x: str, shift: Table, top: int) -> str:
    return b.add(Requant(multiplier=INT(1), shift=shift, low=INT(-top - 1), high=INT(top)), name, x, origin=name)


@pytest.mark.parametrize("target", list(EMIT))
@pytest.mark.parametrize("make", [one_head, two_layers, lookup], ids=lambda make: make.__name__)
def test_emitted_text_is_as_it_was(make: Callable[[], Graph], target: str, golden: Callable[[str, str], None]) -> None:
    files = EMIT[target](make())
    assert EMIT[target](make()) == files
    name = make.__name__
    own = {PurePosixPath(path).name: text for path, text in files.items()}
    for end in OWN[target]:
        golden(f"emitted/{target}/{name}{end}", own[f"{name}{end}"])


def test_no_golden_file_is_left_over(request: pytest.FixtureRequest) -> None:
    folder = request.path.parents[1] / "golden/emitted"
    wanted = {
        f"{target}/{make.__name__}{end}"
        for target in OWN
        for make in (one_head, two_layers, lookup)
        for end in OWN[target]
    }
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == wanted
