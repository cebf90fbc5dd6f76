"""Small graphs by hand: one for each kind of thing that the IR has to be able to say."""

from __future__ import annotations

import numpy as np

from qssmc.ir import Builder, Graph, Grid, Table, Type
from qssmc.ir.ops import (
    Activation,
    Add,
    Advance,
    Cast,
    Concat,
    Constant,
    Decay,
    Diag,
    Divide,
    Drive,
    Glu,
    Inject,
    LayerNorm,
    Matvec,
    Mul,
    Offset,
    Pair,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    Take,
    Unpair,
    Xbar,
)
from qssmc.passes.prove import prove
from support.graphs import random_s4d

INT = Table.integer
REAL = Table.real


def clamp(b: Builder, name: str, x: str, top: int, shift: int = 0) -> str:
    """A saturating requant to -top..top."""
    low, high = INT(-top), INT(top)
    return b.add(Requant(multiplier=INT(1), shift=INT(shift), low=low, high=high), name, x)


def float_model() -> Graph:
    """Every op of the float stage: a continuous S4D layer with LayerNorm and GLU, answers per step and at the end."""
    b = Builder("float_model", "float")
    u = b.input("u", Type((3,)), "input")
    heads = INT([0, 0, 1])
    a, dt = REAL([[-0.5, 3.0], [-0.25, -1.0], [-1.0, 0.0]]), REAL([0.1, 0.1, 0.05])
    e = b.add(Matvec(weight=REAL([[1.0, -2.0, 0.5], [0.0, 0.25, 1.0]]), bias=REAL([0.5, -0.5])), "e", u)
    x = b.state("x", Type((3,), complex=True), "layers.0.ssm")
    decayed = b.add(Decay(a=a, dt=dt, method="zoh"), "ax", x, origin="layers.0.ssm")
    driven = b.add(Drive(a=a, b=REAL(np.ones((3, 2))), dt=dt, method="bilinear", heads=heads), "bu", e)
    b.updates[x] = b.add(Add(), "xn", decayed, driven)
    y = b.add(Readout(c=REAL([[1.0, 0.5], [0.25, 2.0], [-1.0, 1.0]]), heads=heads, channels=2), "cx", "xn")
    act = b.add(Activation(kind="gelu"), "act", b.add(Scale(factor=REAL([2.0, 0.5])), "y", y))
    mixed = b.add(Glu(), "mixed", b.add(Concat(), "both", act, e))
    normed = b.add(LayerNorm(gamma=REAL([1.0, 2.0]), beta=REAL([0.0, 1e-300]), eps=1e-5), "norm", mixed)
    total = b.state("total", Type((2,)))
    b.updates[total] = b.add(Add(), "total_n", total, b.add(Offset(value=REAL([0.125, 0.0])), "shifted", normed))
    count = b.state("count", Type((1,)))
    b.updates[count] = b.add(Add(), "count_n", count, b.add(Constant(value=REAL([1.0])), "one"))
    b.output("trace", b.add(Mul(), "squared", normed, normed), "step")
    b.output("mean", b.add(Divide(), "pooled", total, count), "last")
    return b.graph()


def quantised() -> Graph:
    """Tables on grids (scalar, per row, empty), casts, calibration ranges, and awkward numbers and origins."""
    b = Builder("quantised", "quantised")
    u = b.input("u", Type((2,)), 'say "ß" \\ to \u2028 it\n from "x" = 3')
    weight = REAL([[0.5, -0.25], [1.0, 0.0]], Grid.of([[0.25], [0.5]], [[4], [3]]))
    w = b.add(Matvec(weight=weight, bias=REAL([5e-324, -0.0], Grid.of(0.1, 8))), "w", u, origin="layers[0].lin")
    c = b.add(Cast(scale=REAL(0.1, Grid.of(0.1, 16)), low=REAL(-np.inf), high=REAL([np.inf, 1e22])), "c", w)
    b.add(Constant(value=REAL(np.zeros(0), Grid.of(np.zeros(0), np.zeros(0, np.int64)))), "nothing", origin="日本")
    b.output("y", c, "step")
    graph = b.graph()
    ranges = {"w": REAL(np.linspace(-1e-9, 1.7e308, 14).reshape(7, 2))}
    return Graph(graph.name, graph.stage, graph.ops, {}, graph.outputs, ranges, {"c": REAL([0.1, 0.3])})


def mimo() -> Graph:
    """An integer S5 layer: b_bar and c are dense complex matrices, heads is None."""
    b = Builder("mimo", "integer")
    u = b.input("u", Type((2,), 4))
    x = b.state("x", Type((3,), 64, complex=True))
    moved = b.add(Diag(lambda_bar=INT([[7, 1], [-6, 2], [0, -5]])), "ax", x)
    driven = b.add(Inject(b_bar=INT(np.arange(12).reshape(3, 2, 2) - 6)), "bu", u)
    b.updates[x] = clamp(b, "xn", b.add(Add(), "xs", moved, driven), 31, 3)
    b.output("y", b.add(Readout(c=INT(np.arange(12).reshape(2, 3, 2) - 5), channels=2), "cx", "xn"), "step")
    return prove(b.graph())


def crossbar() -> Graph:
    """The state update and the readout as one crossbar operation over (re, im, u), then pairs again."""
    b = Builder("crossbar", "integer")
    u = b.input("u", Type((1,), 4))
    x = b.state("x", Type((2,), 64, complex=True))
    rows = b.add(Concat(), "rows", b.add(Unpair(), "lanes", x), u)
    weight = INT([[6, 0, -2, 0, 1], [0, 5, 0, -3, 2], [2, 0, 6, 0, 0], [0, 3, 0, 5, 1], [1, 1, -1, 2, 3]])
    all_at_once = b.add(Xbar(weight=weight), "columns", rows)
    b.updates[x] = clamp(b, "xn", b.add(Pair(), "xp", b.add(Slice(start=0, stop=4), "xs", all_at_once)), 15, 3)
    b.output("y", b.add(Slice(start=4, stop=5), "y", all_at_once), "step")
    return prove(b.graph())


def delay_line() -> Graph:
    """Two saturated samples kept for two steps, in a state that slices and concat assemble; no other arithmetic."""
    b = Builder("delay_line", "integer")
    u = b.input("u", Type((1,), 4))
    line = b.state("line", Type((2,), 64))
    b.updates[line] = b.add(
        Concat(), "line_n", clamp(b, "now", u, 7), clamp(b, "then", b.add(Slice(start=0, stop=1), "first", line), 7)
    )
    b.output("y", b.add(Slice(start=1, stop=2), "old", line), "step")
    b.output("kept", line, "last")
    return prove(b.graph())


def dithered() -> Graph:
    """Complex states of three heads, of which one is empty, rounded with a phase; a counter of its own is read too."""
    b = Builder("dithered", "integer")
    u = b.input("u", Type((4,), 6))
    phase = b.state("phase", Type((1,), 64))
    b.updates[phase] = b.add(Advance(step=40503, bits=16), "phase_n", phase, origin="dither")
    x = b.state("x", Type((5,), 64, complex=True))
    heads = INT([0, 0, 0, 2, 2])
    some = b.add(Take(indices=INT([3, 0, 2])), "some", u)
    moved = b.add(Diag(lambda_bar=INT([[-7, 1], [-6, 2], [0, -5], [-200, 9], [3, 3]])), "ax", x)
    kept = b.add(ShiftLeft(amount=INT([5, 7, 0, 17, 3])), "x1", x)
    driven = b.add(Inject(b_bar=INT([[1, 0], [-3, 0], [2, 0], [4, 0], [0, 0]]), heads=heads), "bu", some)
    total = b.add(Add(), "xs", kept, moved, driven)
    b.updates[x] = b.add(
        Requant(
            multiplier=INT(1),
            shift=INT([5, 7, 0, 17, 3]),
            low=INT([-127, -127, -7, -2047, -31]),
            high=INT([127, 127, 7, 2047, 31]),
            phase_bits=16,
        ),
        "xn",
        total,
        phase,
    )
    y = b.add(Readout(c=INT([[1, 2], [3, -4], [5, 6], [-7, 8], [1, 1]]), heads=heads, channels=3), "cx", "xn")
    b.output("y", y, "step")
    b.output("phase", b.add(Concat(), "both", phase, "phase_n"), "step")
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
