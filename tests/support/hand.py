"""Small graphs by hand: one for each kind of thing that the IR has to be able to say."""

from __future__ import annotations

import numpy as np

from qssmc.ir import Builder, Graph, Grid, Table, Type
from qssmc.passes.prove import prove
from support.graphs import random_s4d

INT = Table.integer
REAL = Table.real


def clamp(b: Builder, name: str, x: str, top: int, shift: int = 0) -> str:
    """A saturating requant to -top..top."""
    low, high = INT(-top), INT(top)
    return b.add("requant", name, x, multiplier=INT(1), shift=INT(shift), low=low, high=high)


def float_model() -> Graph:
    """Every op of the float stage: a continuous S4D layer with LayerNorm and GLU, answers per step and at the end."""
    b = Builder("float_model", "float")
    u = b.source("input", "u", Type((3,)), "input")
    heads = INT([0, 0, 1])
    a, dt = REAL([[-0.5, 3.0], [-0.25, -1.0], [-1.0, 0.0]]), REAL([0.1, 0.1, 0.05])
    e = b.add("matvec", "e", u, weight=REAL([[1.0, -2.0, 0.5], [0.0, 0.25, 1.0]]), bias=REAL([0.5, -0.5]))
    x = b.source("state", "x", Type((3,), complex=True), "layers.0.ssm")
    decayed = b.add("decay", "ax", x, a=a, dt=dt, method="zoh", origin="layers.0.ssm")
    driven = b.add("drive", "bu", e, a=a, b=REAL(np.ones((3, 2))), dt=dt, method="bilinear", heads=heads)
    b.updates[x] = b.add("add", "xn", decayed, driven)
    y = b.add("readout", "cx", "xn", c=REAL([[1.0, 0.5], [0.25, 2.0], [-1.0, 1.0]]), heads=heads, channels=2)
    act = b.add("activation", "act", b.add("scale", "y", y, factor=REAL([2.0, 0.5])), kind="gelu")
    mixed = b.add("glu", "mixed", b.add("concat", "both", act, e))
    normed = b.add("layernorm", "norm", mixed, gamma=REAL([1.0, 2.0]), beta=REAL([0.0, 1e-300]), eps=1e-5)
    total = b.source("state", "total", Type((2,)))
    b.updates[total] = b.add("add", "total_n", total, b.add("offset", "shifted", normed, value=REAL([0.125, 0.0])))
    count = b.source("state", "count", Type((1,)))
    b.updates[count] = b.add("add", "count_n", count, b.add("constant", "one", value=REAL([1.0])))
    b.output("trace", b.add("mul", "squared", normed, normed), "step")
    b.output("mean", b.add("divide", "pooled", total, count), "last")
    return b.graph()


def quantised() -> Graph:
    """Tables on grids (scalar, per row, empty), casts, calibration ranges, and awkward numbers and origins."""
    b = Builder("quantised", "quantised")
    u = b.source("input", "u", Type((2,)), 'say "ß" \\ to \u2028 it\n from "x" = 3')
    weight = REAL([[0.5, -0.25], [1.0, 0.0]], Grid.of([[0.25], [0.5]], [[4], [3]]))
    w = b.add("matvec", "w", u, weight=weight, bias=REAL([5e-324, -0.0], Grid.of(0.1, 8)), origin="layers[0].lin")
    c = b.add("cast", "c", w, scale=REAL(0.1, Grid.of(0.1, 16)), low=REAL(-np.inf), high=REAL([np.inf, 1e22]))
    b.add("constant", "nothing", value=REAL(np.zeros(0), Grid.of(np.zeros(0), np.zeros(0, np.int64))), origin="日本")
    b.output("y", c, "step")
    graph = b.graph()
    ranges = {"w": REAL(np.linspace(-1e-9, 1.7e308, 14).reshape(7, 2))}
    return Graph(graph.name, graph.stage, graph.ops, {}, graph.outputs, ranges, {"c": REAL([0.1, 0.3])})


def mimo() -> Graph:
    """An integer S5 layer: b_bar and c are dense complex matrices, heads is None."""
    b = Builder("mimo", "integer")
    u = b.source("input", "u", Type((2,), 4))
    x = b.source("state", "x", Type((3,), 64, complex=True))
    moved = b.add("diag", "ax", x, lambda_bar=INT([[7, 1], [-6, 2], [0, -5]]))
    driven = b.add("inject", "bu", u, b_bar=INT(np.arange(12).reshape(3, 2, 2) - 6))
    b.updates[x] = clamp(b, "xn", b.add("add", "xs", moved, driven), 31, 3)
    b.output("y", b.add("readout", "cx", "xn", c=INT(np.arange(12).reshape(2, 3, 2) - 5), channels=2), "step")
    return prove(b.graph())


def crossbar() -> Graph:
    """The state update and the readout as one crossbar operation over (re, im, u), then pairs again."""
    b = Builder("crossbar", "integer")
    u = b.source("input", "u", Type((1,), 4))
    x = b.source("state", "x", Type((2,), 64, complex=True))
    rows = b.add("concat", "rows", b.add("unpair", "lanes", x), u)
    weight = INT([[6, 0, -2, 0, 1], [0, 5, 0, -3, 2], [2, 0, 6, 0, 0], [0, 3, 0, 5, 1], [1, 1, -1, 2, 3]])
    all_at_once = b.add("xbar", "columns", rows, weight=weight)
    b.updates[x] = clamp(b, "xn", b.add("pair", "xp", b.add("slice", "xs", all_at_once, start=0, stop=4)), 15, 3)
    b.output("y", b.add("slice", "y", all_at_once, start=4, stop=5), "step")
    return prove(b.graph())


def delay_line() -> Graph:
    """Two saturated samples kept for two steps, in a state that slices and concat assemble; no other arithmetic."""
    b = Builder("delay_line", "integer")
    u = b.source("input", "u", Type((1,), 4))
    line = b.source("state", "line", Type((2,), 64))
    b.updates[line] = b.add("concat", "line_n", clamp(b, "now", u, 7), clamp(b, "then", b.add(
        "slice", "first", line, start=0, stop=1), 7))  # fmt: skip
    b.output("y", b.add("slice", "old", line, start=1, stop=2), "step")
    b.output("kept", line, "last")
    return prove(b.graph())


def dithered() -> Graph:
    """Complex states of three heads, of which one is empty, rounded with a phase; a counter of its own is read too."""
    b = Builder("dithered", "integer")
    u = b.source("input", "u", Type((4,), 6))
    phase = b.source("state", "phase", Type((1,), 64))
    b.updates[phase] = b.add("advance", "phase_n", phase, step=40503, bits=16, origin="dither")
    x = b.source("state", "x", Type((5,), 64, complex=True))
    heads = INT([0, 0, 0, 2, 2])
    some = b.add("take", "some", u, indices=INT([3, 0, 2]))
    moved = b.add("diag", "ax", x, lambda_bar=INT([[-7, 1], [-6, 2], [0, -5], [-200, 9], [3, 3]]))
    kept = b.add("shift_left", "x1", x, amount=INT([5, 7, 0, 17, 3]))
    driven = b.add("inject", "bu", some, b_bar=INT([[1, 0], [-3, 0], [2, 0], [4, 0], [0, 0]]), heads=heads)
    total = b.add("add", "xs", kept, moved, driven)
    b.updates[x] = b.add(
        "requant", "xn", total, phase, multiplier=INT(1), shift=INT([5, 7, 0, 17, 3]),
        low=INT([-127, -127, -7, -2047, -31]), high=INT([127, 127, 7, 2047, 31]), phase_bits=16,
    )  # fmt: skip
    y = b.add("readout", "cx", "xn", c=INT([[1, 2], [3, -4], [5, 6], [-7, 8], [1, 1]]), heads=heads, channels=3)
    b.output("y", y, "step")
    b.output("phase", b.add("concat", "both", phase, "phase_n"), "step")
    return prove(b.graph())


def all_by_hand() -> list[Graph]:
    return [float_model(), quantised(), mimo(), crossbar(), delay_line(), dithered()]


def random_shapes() -> list[Graph]:
    """S4D graphs that differ in every knob, with ragged and with empty heads."""
    return [
        random_s4d([3, 2, 4]),
        random_s4d([2, 0, 1], seed=1, layers=2, d_input=3, output="step"),
        random_s4d([1, 3], seed=2, norm=True, increment=False, multiplier=True, state_bits=12),
        random_s4d([0, 0], seed=3),
    ]
