"""Integer graphs for tests: small ones by hand and random S4D-like ones of any shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import (
    Add,
    Advance,
    Constant,
    Diag,
    Inject,
    Lut,
    Matvec,
    Mul,
    Normalize,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
)
from qssmc.passes.prove import prove


def random_s4d(
    states: Sequence[int],
    *,
    seed: int = 0,
    layers: int = 1,
    d_input: int = 1,
    d_output: int = 10,
    output: str = "last",
    state_bits: int = 8,
    increment: bool = True,
    norm: bool = False,
    multiplier: bool = False,
    dither: bool = False,
) -> Graph:
    """A proven integer graph: encoder, S4D layers with GLU mixing and residual, pooled or per-step decoder.

    states[h] is the number of complex states of head h, so heads may be ragged or empty. increment writes the pole as
    1 + D * 2^-e, which needs a left shift of the state; multiplier puts real-scale multipliers into the requants;
    dither rounds the states with a phase.
    """
    make = _Random(np.random.default_rng(seed), multiplier)
    width = len(states)
    b = Builder("random", "integer")
    u = b.input("u", Type((d_input,), 8, False), "input")
    if dither:
        make.phase = (b.state("phase", Type((1,), 64), "dither"),)
        b.updates["phase"] = b.add(Advance(step=40503, bits=16), "phase_n", "phase", origin="dither")
    x = make.dense(b, "encoder", u, width)
    for layer in range(layers):
        x = _block(b, make, f"l{layer}", x, states, state_bits, increment, norm)
    if output == "step":
        b.output("y", make.matvec(b, "decoder", x, d_output), "step")
    else:
        _pool(b, make, x, width, d_output)
    return prove(b.graph())


class _Random:
    """Random tables and the ops around them."""

    def __init__(self, random: np.random.Generator, multiplier: bool) -> None:
        self.random, self.multiplier = random, multiplier
        self.phase: tuple[str, ...] = ()

    def integers(self, bits: int, *shape: int) -> Table:
        """Signed integers of a width."""
        return Table.integer(self.random.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape))

    def matvec(self, b: Builder, name: str, x: str, out: int) -> str:
        """Four-bit weights, wide bias."""
        weight = self.integers(4, out, b.type(x).shape[0])
        return b.add(Matvec(weight=weight, bias=self.integers(8, out)), name, x, origin=name)

    def requant(self, b: Builder, name: str, x: str, shift: int, bits: int = 6) -> str:
        """Back to a few bits, each element with its own shift and, on request, multiplier."""
        shape = b.type(x).shape
        top = (1 << (bits - 1)) - 1
        factor = Table.integer(1)
        if self.multiplier:
            shift += 12
            factor = Table.integer(self.random.integers(1 << 11, 1 << 12, shape))
        return b.add(
            Requant(
                multiplier=factor,
                shift=Table.integer(shift + self.random.integers(0, 2, shape)),
                low=Table.integer(-top - 1),
                high=Table.integer(top),
            ),
            name,
            x,
            origin=name,
        )

    def dense(self, b: Builder, name: str, x: str, out: int) -> str:
        """A matrix product brought back to activations."""
        return self.requant(b, f"{name}_q", self.matvec(b, name, x, out), 5)


def _block(
    b: Builder, make: _Random, at: str, x: str, states: Sequence[int], bits: int, increment: bool, norm: bool
) -> str:
    width = len(states)
    inner = x
    if norm:
        inner = make.requant(b, f"{at}_normq", b.add(Normalize(eps=5, frac=12), f"{at}_norm", x, origin=at), 9)
    y = _ssm(b, make, at, inner, states, bits, increment)
    entries = Table.integer(np.maximum(np.arange(-32, 32), -3))
    act = b.add(Lut(entries=entries, first=Table.integer(-32)), f"{at}_act", y, origin=f"{at}.activation")
    mix = make.matvec(b, f"{at}_mix", act, 2 * width)
    value = make.requant(b, f"{at}_value", b.add(Slice(start=0, stop=width), f"{at}_a", mix), 6)
    gate_in = make.requant(b, f"{at}_gate_in", b.add(Slice(start=width, stop=2 * width), f"{at}_b", mix), 6)
    rows = np.sort(make.random.integers(0, 64, (width, 64)), axis=1)
    gate = b.add(Lut(entries=Table.integer(rows), first=Table.integer(-32)), f"{at}_gate", gate_in, origin=at)
    product = b.add(Mul(), f"{at}_product", value, gate, origin=f"{at}.glu")
    aligned = b.add(ShiftLeft(amount=Table.integer(make.random.integers(3, 6, width))), f"{at}_skip", x, origin=at)
    return make.requant(b, f"{at}_out", b.add(Add(), f"{at}_sum", product, aligned, origin=at), 5)


def _ssm(b: Builder, make: _Random, at: str, u: str, states: Sequence[int], bits: int, increment: bool) -> str:
    count, width = int(sum(states)), len(states)
    heads = Table.integer(np.repeat(np.arange(width), states))
    top = (1 << (bits - 1)) - 1
    x = b.state(f"{at}_x", Type((count,), 64, complex=True), f"{at}.ssm")
    pole = make.integers(8, count, 2)
    frac = make.random.integers(7, 12, count)
    if increment:
        pole = Table.integer(np.stack([-np.abs(pole.data[:, 0]), pole.data[:, 1]], axis=-1))
    else:
        pole, frac = Table.integer(pole.data * 89 // 128), np.full(count, 7)
    terms = [b.add(Diag(lambda_bar=pole), f"{at}_ax", x, origin=f"{at}.ssm")]
    if increment:
        terms.append(b.add(ShiftLeft(amount=Table.integer(frac)), f"{at}_x1", x, origin=f"{at}.ssm"))
    bu = b.add(Inject(b_bar=make.integers(4, count, 2), heads=heads), f"{at}_bu", u, origin=f"{at}.ssm")
    aligned = b.add(ShiftLeft(amount=Table.integer(np.maximum(frac - 6, 0))), f"{at}_bu1", bu, origin=f"{at}.ssm")
    total = b.add(Add(), f"{at}_xs", *terms, aligned, origin=f"{at}.ssm")
    new = b.add(
        Requant(
            multiplier=Table.integer(1),
            shift=Table.integer(frac),
            low=Table.integer(-top),
            high=Table.integer(top),
            phase_bits=16 if make.phase else 0,
        ),
        f"{at}_xn",
        total,
        *make.phase,
        origin=f"{at}.ssm",
    )
    b.updates[x] = new
    c = make.integers(4, count, 2)
    y = b.add(Readout(c=c, heads=heads, channels=width), f"{at}_cx", new, origin=f"{at}.ssm")
    du = b.add(Scale(factor=make.integers(4, width)), f"{at}_du", u, origin=f"{at}.ssm")
    return make.requant(b, f"{at}_y", b.add(Add(), f"{at}_ys", y, du, origin=f"{at}.ssm"), 5 + max(0, bits - 8))


def _pool(b: Builder, make: _Random, x: str, width: int, d_output: int) -> None:
    """Sums over time and the number of steps, both saturating; the answer is weight @ sum + bias * steps."""
    top = (1 << 19) - 1
    clamp = {"multiplier": Table.integer(1), "shift": Table.integer(0)}
    total = b.state("total", Type((width,), 64), "pool")
    added = b.add(Add(), "total_s", total, x, origin="pool")
    low, high = Table.integer(-top), Table.integer(top)
    b.updates[total] = b.add(Requant(**clamp, low=low, high=high), "total_n", added, origin="pool")
    steps = b.state("steps", Type((1,), 64), "pool")
    one = b.add(Constant(value=Table.integer([1])), "one", origin="pool")
    more = b.add(Add(), "steps_s", steps, one, origin="pool")
    b.updates[steps] = b.add(
        Requant(**clamp, low=Table.integer(0), high=Table.integer(top)), "steps_n", more, origin="pool"
    )
    weights = b.add(
        Matvec(weight=make.integers(4, d_output, width), bias=Table.integer(np.zeros(d_output, np.int64))),
        "decoder",
        total,
        origin="decoder",
    )
    bias = b.add(
        Matvec(weight=make.integers(8, d_output, 1), bias=Table.integer(np.zeros(d_output, np.int64))),
        "decoder_bias",
        steps,
        origin="decoder",
    )
    b.output("logits", b.add(Add(), "logits", weights, bias, origin="decoder"), "last", mean=True)
