"""What the tests of the C target share: writing the emitted files, and comparing C and golden op by op."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from qssmc.backends.c import emit, vector_texts
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import (
    Add,
    Advance,
    Concat,
    Constant,
    Diag,
    Inject,
    Matvec,
    Mul,
    Offset,
    Pair,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    Unpair,
)
from qssmc.passes.prove import prove
from qssmc_sim import Machine, run
from qssmc_sim.emitted_c import EmittedC
from support.one_op import Dice, extreme_samples

INT = Table.integer
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic")
SANITIZE = ("-O0", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")


def write(graph: Graph, folder: Path, samples: Any = None) -> Path:
    """The emitted files, and the vectors of some samples beside them; returns the folder of the C files."""
    files = emit(graph)
    if samples is not None:
        files |= vector_texts(graph, samples, run(graph, samples).outputs)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder / "c"


def compare_every_op(graph: Graph, folder: Path, *, cc: str = "gcc", level: str = "-O1", steps: int = 12) -> None:
    """Every op's values at every step, and after the last, must be those of the golden model."""
    samples = extreme_samples(graph, 7, 4, steps)
    golden = Machine(graph, len(samples))
    with EmittedC(write(graph, folder), trace=True, cc=cc, flags=(*STRICT, level)) as emitted:
        emitted.reset(len(samples))
        for t in range(steps):
            _same(golden.step(samples[:, t]), emitted.step_batch(samples[:, t]), f"step {t}")
        _same(golden.last(), emitted.last_batch(), "last")


def compare_outputs(graph: Graph, folder: Path, *, cc: str = "gcc", level: str = "-O3", steps: int = 12) -> None:
    """The outputs of whole sequences, from a build without trace, must be those of the golden model."""
    samples = extreme_samples(graph, 8, 4, steps)
    with EmittedC(write(graph, folder), cc=cc, flags=(*STRICT, level, "-march=native")) as emitted:
        _same(run(graph, samples).outputs, emitted.run(samples), "run")


def replay(folder: Path, *, cc: str = "gcc", flags: tuple[str, ...] = SANITIZE) -> subprocess.CompletedProcess[str]:
    """Build main.c and replay the vectors beside the C files."""
    (model,) = (path for path in folder.glob("*.c") if path.name not in ("main.c", "harness.c"))
    program = folder / "replay_test"
    sources = [str(folder / "main.c"), str(model)]
    subprocess.run([cc, *STRICT, *flags, "-o", str(program), *sources], check=True)
    vectors = folder.parent / "vectors"
    command = [str(program), str(vectors / "samples.txt"), str(vectors / "expected.txt")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _same(wanted: Any, got: Any, where: str) -> None:
    assert set(wanted) == set(got), where
    for name, values in wanted.items():
        assert got[name].shape == values.shape, (where, name)
        assert np.array_equal(got[name], values), (where, name)


# --- graphs that the random ones do not reach ------------------------------------------------------------------------


def clamp(b: Builder, name: str, x: str, top: int, shift: int = 0) -> str:
    """A saturating requant to -top..top."""
    return b.add(
        Requant(multiplier=INT(1), shift=INT(shift), low=INT(-top), high=INT(top)), name, x, origin="a /* b */ c"
    )


def old_value_read_late() -> Graph:
    """States whose old value is still read, or leaves, after the new one is known, and one value for two states."""
    b = Builder("late", "integer")
    u = b.input("u", Type((2,), 6))
    first = b.state("first", Type((2,), 64))
    second = b.state("second", Type((2,), 64))
    new = clamp(b, "new", b.add(Add(), "sum", first, u), 100, 1)
    b.updates[first] = b.updates[second] = new
    weight = INT([[1, 2], [3, -4], [5, 6]])
    mixed = b.add(Matvec(weight=weight, bias=INT([0, 0, 1])), "mixed", new)
    b.output("old", b.add(Add(), "late_sum", b.add(Slice(start=1, stop=3), "part", mixed), first), "step")
    b.output("raw", first, "step")
    b.output("both", b.add(Concat(), "both", second, first), "last")
    return prove(b.graph())


def register_of_states() -> Graph:
    """A shift register, states read by the next and by a sum: old values are read after the one before has moved."""
    b = Builder("register", "integer")
    u = b.input("u", Type((3,), 6))
    now = clamp(b, "now", b.add(Scale(factor=INT([1, -2, 3])), "scaled", u), 40)
    read, before = [now], now
    for step in range(4):
        state = b.state(f"d{step}", Type((3,), 64))
        b.updates[state] = clamp(b, f"d{step}_n", before, 40) if step else now
        read.append(state)
        before = state
    terms = [b.add(Scale(factor=INT([k + 1, 2, -k])), f"w{k}", x) for k, x in enumerate(read) if k % 2 == 0]
    b.output("y", b.add(Add(), "y", *terms), "step")
    seen = b.add(Slice(start=0, stop=3), "seen", read[1])
    b.output("z", b.add(Offset(value=INT([1, 2, 3])), "moved", seen), "step")
    return prove(b.graph())


def quarrelling_heads() -> Graph:
    """Inject and readout that assign the states to different heads, so that no order of lanes serves both."""
    b = Builder("quarrel", "integer")
    u = b.input("u", Type((3,), 5))
    x = b.state("x", Type((5,), 64, complex=True))
    moved = b.add(Diag(lambda_bar=INT([[7, 1], [-6, 2], [0, -5], [3, 3], [-7, 0]])), "ax", x)
    b_bar = INT([[5, 1], [2, -3], [4, 4], [0, 7], [-8, 1]])
    one = b.add(Inject(b_bar=b_bar, heads=INT([2, 0, 1, 1, 0])), "bu", u)
    two = b.add(Inject(b_bar=INT(b_bar.data[::-1]), heads=INT([0, 0, 2, 1, 2])), "bv", u)
    b.updates[x] = clamp(b, "xn", b.add(Add(), "xs", moved, one, two), 31, 3)
    y = b.add(Readout(c=b_bar, heads=INT([1, 3, 1, 0, 3]), channels=4), "cx", "xn")
    b.output("y", y, "step")
    return prove(b.graph())


def complex_pieces() -> Graph:
    """Complex values sliced, joined, scaled, shifted and leaving as outputs."""
    b = Builder("pieces", "integer")
    u = b.input("u", Type((6,), 7))
    z = b.add(Pair(), "z", u)
    x = b.state("x", Type((3,), 64, complex=True))
    wide = b.add(ShiftLeft(amount=INT([0, 5, 2])), "wide", b.add(Scale(factor=INT([3, -2, 1])), "zs", z))
    new = clamp(b, "new", b.add(Add(), "sum", wide, x), 77, 2)
    head = b.add(Slice(start=0, stop=1), "head", new)
    tail = b.add(Slice(start=1, stop=3), "tail", new)
    b.updates[x] = b.add(Concat(), "turned", tail, head)
    b.output("z", new, "step")
    b.output("x", x, "last")
    return prove(b.graph())


def awkward_names() -> Graph:
    """Values named like C keywords, like the emitter's own variables and like what it derives from other names."""
    b = Builder("int", "integer")
    u = b.input("sample", Type((3,), 6))
    names = ["double", "s", "i", "x", "x_i", "x_i_", "memset", "out", "model_int_step", "qssm_isqrt", "uint8_t"]
    value = u
    for k, name in enumerate(names):
        value = b.add(Offset(value=INT([k, -k, 1])), name, value)
        if k % 2:
            value = b.add(Matvec(weight=INT(np.eye(3, dtype=np.int64)), bias=INT([0, 0, 0])), f"m{k}", value)
    b.output("for", value, "step")
    b.output("u", u, "step")
    return prove(b.graph())


def wide_numbers() -> Graph:
    """Values that need 33 to 64 bits, shifts of 0 among others, and per-element clamps."""
    b = Builder("wide", "integer")
    u = b.input("u", Type((3,), 20))
    big = b.add(Scale(factor=INT([1 << 30, -(1 << 35), 12345678901])), "big", u)
    moved = b.add(Offset(value=INT([-(1 << 50), 1 << 40, 3])), "moved", big)
    some = b.add(
        Requant(
            multiplier=INT([3, 1, -5]),
            shift=INT([0, 7, 40]),
            low=INT([-(1 << 55), -(1 << 31), -9]),
            high=INT([1 << 55, 1 << 33, 1 << 30]),
        ),
        "some",
        moved,
        origin="some",
    )
    plain = b.add(
        Requant(multiplier=INT(1), shift=INT([30, 29, 1]), low=INT(-(1 << 40)), high=INT(1 << 40)), "plain", moved
    )
    tiny = b.add(Requant(multiplier=INT(1), shift=INT([1, 40, 20]), low=INT(-999), high=INT(999)), "tiny", u)
    squared = b.add(Mul(), "squared", u, u)
    total = b.add(Add(), "total", plain, squared, squared)
    b.output("some", some, "step")
    b.output("tiny", tiny, "step")
    b.output("total", b.add(ShiftLeft(amount=INT([0, 3, 11])), "up", total), "step")
    return prove(b.graph())


def no_input() -> Graph:
    """A counter: nothing of the sample is read, and a constant vector is multiplied by a matrix."""
    b = Builder("counter", "integer")
    b.input("u", Type((1,), 8, False))
    n = b.state("n", Type((2,), 64))
    steps = b.add(Constant(value=INT([1, -2])), "steps")
    b.updates[n] = clamp(b, "next_n", b.add(Add(), "n_s", n, steps), 9)
    b.output("y", b.add(Matvec(weight=INT([[2, 5]]), bias=INT([300])), "y", steps), "step")
    b.output("n", n, "last")
    return prove(b.graph())


def products() -> Graph:
    """Matrix products of wide sums: odd and even numbers of inputs; outputs that fill 8 vectors of 8, or 1, or none."""
    random = np.random.default_rng(2)
    b = Builder("products", "integer")
    u = b.input("u", Type((13,), 12))
    parts = []
    for ins, outs in ((13, 145), (12, 64), (3, 8), (2, 9), (7, 3), (1, 8), (12, 1)):
        x = b.add(Slice(start=13 - ins, stop=13), f"x{ins}_{outs}", u)
        weight, bias = random.integers(-128, 128, (outs, ins)), random.integers(-(1 << 20), 1 << 20, outs)
        weight[0], weight[-1] = 127, -128
        parts.append(b.add(Matvec(weight=INT(weight), bias=INT(bias * (ins % 2))), f"y{ins}_{outs}", x))
    low = b.add(Requant(multiplier=INT(1), shift=INT(5), low=INT(0), high=INT(63)), "low", u)
    wide = INT(random.integers(-30000, 30000, (20, 13)))
    parts.append(b.add(Matvec(weight=wide, bias=INT(np.zeros(20, np.int64))), "of_low", low))
    b.output("y", b.add(Concat(), "all", *parts), "step")
    return prove(b.graph())


def counter(b: Builder, bits: int = 16, step: int = 40503, name: str = "phase") -> str:
    """A phase that counts."""
    phase = b.state(name, Type((1,), 64))
    b.updates[phase] = b.add(Advance(step=step, bits=bits), f"{name}_n", phase)
    return phase


def aligned_state(dither: bool = False) -> Graph:
    """A state update as alignment writes it: the old state first, sums of sums, shifts of 5 to 17 bits.

    Dithered, of 5 to 14: a term of 17 bits has no place in 16-bit lanes.
    """
    random = np.random.default_rng(1)
    heads = INT(np.repeat(np.arange(4), 20))
    frac = np.concatenate([[5, 13, 14] if dither else [5, 16, 17], random.integers(6, 13, 77)])
    step = np.minimum(frac - 4, 8)
    step[3] = 1
    b = Builder("aligned", "integer")
    u = b.input("u", Type((4,), 7))
    x = b.state("x", Type((80,), 64, complex=True))
    moved = b.add(Diag(lambda_bar=INT(random.integers(-127, 128, (80, 2)))), "ax", x)
    kept = b.add(Add(), "kept", b.add(ShiftLeft(amount=INT(frac)), "x1", x), moved)
    q = clamp(b, "q", u, 40)
    driven = b.add(Inject(b_bar=INT(random.integers(-7, 8, (80, 2))), heads=heads), "bu", q)
    total = b.add(Add(), "xs", kept, b.add(ShiftLeft(amount=INT(step)), "bu1", driven))
    phase = [counter(b)] if dither else []
    b.updates[x] = b.add(
        Requant(multiplier=INT(1), shift=INT(frac), low=INT(-127), high=INT(127), phase_bits=16 if dither else 0),
        "xn",
        total,
        *phase,
        origin="aligned",
    )
    y = b.add(Readout(c=INT(random.integers(-8, 8, (80, 2))), heads=heads, channels=4), "y", "xn")
    b.output("y", y, "step")
    return prove(b.graph())


def dithered_widths() -> Graph:
    """Phases of 1, 9, 31 and 32 bits, old and new, over shifts of 0 to 45 bits, alike and not, in 16 to 64 bits."""
    b = Builder("widths", "integer")
    u = b.input("u", Type((4,), 16))
    wide = b.add(Scale(factor=INT(1 << 33)), "wide", u)
    uses = [(u, [2, 9, 5, 14]), (u, [3, 17, 0, 31]), (u, 6), (u, 0), (u, 20), (wide, [3, 45, 0, 36]), (wide, 33)]
    parts = []
    for bits in (1, 9, 31, 32):
        phase = counter(b, bits, (0x9E3779B9 >> (32 - bits)) | 1, f"p{bits}")
        for k, (x, shift) in enumerate(uses):
            for factor in (1, -3):
                name, read = f"r{bits}_{k}_{abs(factor)}", (phase, b.updates[phase])[k % 2]
                parts.append(dithered(b, name, x, read, bits, shift, 1 << 50, factor))
    b.output("y", b.add(Concat(), "all", *parts), "step")
    one = dithered(b, "one", b.add(Slice(start=0, stop=1), "first", u), "p9", 9, 3, 127)
    moved = b.add(Offset(value=INT([127])), "moved", one)
    b.output("z", dithered(b, "by_itself", moved, moved, 8, 4, 99), "step")
    return prove(b.graph())


def dithered(
    b: Builder, name: str, x: str, phase: str, bits: int, shift: int | list[int], top: int, factor: int = 1
) -> str:
    """A requant to -top..top with a phase."""
    tables = {"multiplier": INT(factor), "shift": INT(shift), "low": INT(-top), "high": INT(top)}
    return b.add(Requant(**tables, phase_bits=bits), name, x, phase)


def shifted_sum(seed: int, dither: bool = False) -> Graph:
    """A requant of a random tree of sums, left shifts and scales of one input, complex or not."""
    dice = Dice(seed)
    b = Builder("tree", "integer")
    extent = dice.below(6, 1)
    u = b.input("u", Type((2 * extent,), dice.below(17, 1)))
    leaves = [b.add(Pair(), "z", u)] if dice.below(2) else [b.add(Slice(start=0, stop=extent), "z", u)]
    for n in range(dice.below(7, 2)):
        x = leaves[dice.below(len(leaves))]
        kind = dice.below(3)
        if kind == 0:
            leaves.append(b.add(Add(), f"v{n}", x, leaves[dice.below(len(leaves))]))
        elif kind == 1:
            leaves.append(b.add(ShiftLeft(amount=dice.per_element(0, 9, extent)), f"v{n}", x))
        else:
            leaves.append(b.add(Scale(factor=dice.per_element(-31, 31, extent)), f"v{n}", x))
    shift, ends = dice.per_element(0, 20, extent), dice.per_element(0, 1 << dice.below(20), extent)
    low = Table.integer(-ends.data - 1)
    phase, bits = ([counter(b, 12, 2531)], 12) if dither else ([], 0)
    b.add(Requant(multiplier=INT(1), shift=shift, low=low, high=ends, phase_bits=bits), "r", leaves[-1], *phase)
    b.output("r", b.add(Unpair(), "lanes", "r") if b.type("r").complex else "r", "step")
    return prove(b.graph().without_dead_ops())


def by_hand() -> list[Graph]:
    """All of these."""
    return [
        old_value_read_late(),
        register_of_states(),
        quarrelling_heads(),
        complex_pieces(),
        awkward_names(),
        wide_numbers(),
        no_input(),
        aligned_state(),
        aligned_state(dither=True),
        dithered_widths(),
        products(),
    ]
