"""The ops once more, in Python integers and fractions on nested lists, written from their docstrings alone.

Slow and plain on purpose: the golden model and the bounds are tested against it. Real vectors are lists of integers,
complex ones lists of (re, im). `note` is called with every intermediate result on the way to a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from qssmc.ir import Graph, Table
from qssmc.ir.ops import Op

Note = Callable[[int], None]
Value = list[Any]


def value_of(op: Op, operands: list[Value], note: Note) -> Value:
    """The value of an integer op."""
    return RULES[op.mnemonic](op, note, *operands)


def run_exact(graph: Graph, samples: list[list[int]], note: Callable[[str, int], None]) -> dict[str, Value]:
    """Outputs by name of one sequence: a list of values for per-step outputs, one value for end-of-sequence ones."""
    states = {op.name: zero(op) for op in graph.states}
    found: dict[str, Value] = {output.name: [] for output in graph.outputs if output.when == "step"}

    def values_of(sample: list[int] | None) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for op in graph.ops:
            if op.mnemonic == "input":
                if sample is not None:
                    values[op.name] = sample
            elif op.mnemonic == "state":
                values[op.name] = states[op.name]
            elif all(name in values for name in op.inputs):
                values[op.name] = value_of(op, [values[name] for name in op.inputs], lambda v, op=op: note(op.name, v))
        return values

    for sample in samples:
        values = values_of(sample)
        for output in graph.outputs:
            if output.when == "step":
                found[output.name].append(values[output.value])
        states = {name: values[value] for name, value in graph.updates.items()}
    closing = values_of(None)
    return found | {output.name: closing[output.value] for output in graph.outputs if output.when == "last"}


def zero(op: Op) -> Value:
    """The value of a state at reset."""
    return [(0, 0) if op.type.complex else 0] * op.type.shape[0]


HALF = Fraction(1, 2)


def rounded(x: int, multiplier: int, shift: int, low: int, high: int, phase: Fraction = HALF) -> int:
    """The rounding law: floor(x * multiplier / 2^shift + phase), saturated; phase 1/2 is round half up."""
    return max(low, min(high, math.floor(Fraction(x * multiplier, 1 << shift) + phase)))


def cast(x: Fraction, scale: Fraction, low: Fraction, high: Fraction, phase: Fraction = HALF) -> Fraction:
    """Onto a grid: scale times floor(x / scale + phase), clamped between low and high."""
    return scale * max(low, min(high, Fraction(math.floor(x / scale + phase))))


def _sum(terms: list[int], note: Note) -> int:
    total = 0
    for term in terms:
        note(term)
        total += term
        note(total)
    return total


def _at(table: Table, i: int) -> int:
    return int(table.data if table.shape == () else table.data[i])


def _per_element(x: Value, f: Callable[[int, int], int]) -> Value:
    """f(element, i), for re and im alike."""
    return [tuple(f(part, i) for part in e) if isinstance(e, tuple) else f(e, i) for i, e in enumerate(x)]


def _times(a: list[int], b: tuple[int, int], note: Note) -> tuple[int, int]:
    """The complex product, with its four products noted as they are formed."""
    for product in (a[0] * b[0], a[1] * b[1], a[0] * b[1], a[1] * b[0]):
        note(product)
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _inject(op: Any, note: Note, u: Value) -> Value:
    b = op.b_bar.data.tolist()
    if op.heads is not None:
        return [(re * u[h], im * u[h]) for (re, im), h in zip(b, op.heads.data.tolist(), strict=True)]
    return [tuple(_sum([row[h][k] * u[h] for h in range(len(u))], note) for k in (0, 1)) for row in b]


def _readout(op: Any, note: Note, x: Value) -> Value:
    c = op.c.data.tolist()
    y = []
    for h in range(op.channels):
        if op.heads is None:
            chosen = list(zip(c[h], x, strict=True))
        else:
            chosen = [(c[s], x[s]) for s, owner in enumerate(op.heads.data.tolist()) if owner == h]
        terms = []
        for weight, state in chosen:
            _times(weight, state, lambda _: None)
            note(weight[1] * state[1])
            terms += [weight[0] * state[0], -weight[1] * state[1]]
        y.append(_sum(terms, note))
    return y


def _requant(op: Any, note: Note, x: Value, phase: Value | None = None) -> Value:
    threshold = HALF if phase is None else Fraction(phase[0], 2**op.phase_bits)

    def one(element: int, i: int) -> int:
        multiplier, shift = _at(op.multiplier, i), _at(op.shift, i)
        note(element * multiplier)
        note(element * multiplier + math.floor(threshold * 2**shift))
        return rounded(element, multiplier, shift, _at(op.low, i), _at(op.high, i), threshold)

    return _per_element(x, one)


def _advance(op: Any, note: Note, x: Value) -> Value:
    for element in x:
        note(element + op.step)
    return [(element + op.step) % 2**op.bits for element in x]


def _lut(op: Any, note: Note, x: Value) -> Value:
    rows = op.entries.data.tolist()
    shared = len(op.entries.shape) == 1
    found = []
    for i, element in enumerate(x):
        place = element - _at(op.first, i)
        assert place >= 0, "below the table"
        found.append((rows if shared else rows[i])[place])
    return found


def _normalize(op: Any, note: Note, x: Value) -> Value:
    n, s = len(x), _sum(x, note) * op.centred
    v = n * _sum([e * e for e in x], note) - s * s + op.eps
    reciprocal = 2**op.frac // max(1, math.isqrt(v))
    for partial in (s * s, n * sum(e * e for e in x), v, reciprocal, *(n * e for e in x), *(n * e - s for e in x)):
        note(partial)
    return [(n * e - s) * reciprocal for e in x]


def _matvec(op: Any, note: Note, x: Value) -> Value:
    rows = zip(op.weight.data.tolist(), op.bias.data.tolist(), strict=True)
    return [_sum([w * e for w, e in zip(row, x, strict=True)] + [bias], note) for row, bias in rows]


def _add(op: Any, note: Note, *xs: Value) -> Value:
    if op.type.complex:
        return [tuple(_sum([e[k] for e in terms], note) for k in (0, 1)) for terms in zip(*xs, strict=True)]
    return [_sum(list(terms), note) for terms in zip(*xs, strict=True)]


RULES: dict[str, Callable[..., Value]] = {
    "constant": lambda op, note: op.value.data.tolist(),
    "matvec": _matvec,
    "xbar": lambda op, note, x: [
        _sum([w * e for w, e in zip(row, x, strict=True)], note) for row in op.weight.data.tolist()
    ],
    "diag": lambda op, note, x: [_times(a, e, note) for a, e in zip(op.lambda_bar.data.tolist(), x, strict=True)],
    "inject": _inject,
    "readout": _readout,
    "scale": lambda op, note, x: _per_element(x, lambda e, i: e * _at(op.factor, i)),
    "offset": lambda op, note, x: _per_element(x, lambda e, i: e + _at(op.value, i)),
    "add": _add,
    "mul": lambda op, note, a, b: [p * q for p, q in zip(a, b, strict=True)],
    "slice": lambda op, note, x: x[op.start : op.stop],
    "take": lambda op, note, x: [x[i] for i in op.indices.data.tolist()],
    "advance": _advance,
    "concat": lambda op, note, *xs: [e for x in xs for e in x],
    "unpair": lambda op, note, x: [re for re, _ in x] + [im for _, im in x],
    "pair": lambda op, note, x: list(zip(x[: len(x) // 2], x[len(x) // 2 :], strict=True)),
    "requant": _requant,
    "shift_left": lambda op, note, x: _per_element(x, lambda e, i: e * 2 ** _at(op.amount, i)),
    "lut": _lut,
    "normalize": _normalize,
}
