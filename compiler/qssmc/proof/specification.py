"""Specification: what the golden model's rule of each op computes, as terms.

Numbers of complex values alternate re, im, as golden's arrays hold them. That these rules and qssmc_sim.rules are the
same is checked on numbers whenever a proof is made (see `differs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qssmc.ir.ops import Op
from qssmc.proof.c_types import Unsupported
from qssmc.proof.evaluate import Array, Assignments
from qssmc.proof.terms import Term, Terms
from qssmc_sim.range_check import CheckedReach
from qssmc_sim.rules import rule_of

Numbers = list[Term]


def specify(terms: Terms, op: Op, operands: Sequence[Numbers]) -> Numbers:
    """The numbers of an op's value. Raises Unsupported for an op that has no rule here."""
    if op.mnemonic not in RULES:
        raise Unsupported(f"the op {op.mnemonic}, which has no rule as terms")
    return RULES[op.mnemonic](terms, op, *operands)


def differs(op: Op, operands: Sequence[CheckedReach], shapes: Sequence[tuple[int, ...]], count: int = 32) -> str | None:
    """Where this rule and golden's differ for operands drawn from their ranges; None if they do not."""
    terms = Terms()
    variables = [[terms.variable("", low, high) for low, high in reach.numbers] for reach in operands]
    drawn = Assignments(terms, count)
    arrays = [
        np.array([drawn.of(number) for number in numbers], np.int64).reshape(-1, count).T.reshape(count, *shape)
        for numbers, shape in zip(variables, shapes, strict=True)
    ]
    expected = rule_of(op)(*arrays)
    found = specify(terms, op, variables)
    wanted = np.broadcast_to(expected, (count, *op.type.array_shape)).reshape(count, -1)
    for index, number in enumerate(found):
        column: Array = drawn.of(number)
        for row in np.flatnonzero(column != wanted[:, index])[:1]:
            return f"%{op.name}[{index}] is {wanted[row, index]} for golden, {column[row]} as a term"
    return None if len(found) == wanted.shape[1] else f"%{op.name} has {len(found)} numbers as terms"


def _each(op: Op, attribute: str) -> list[int]:
    """A table with one number an element, or one for all, for every number of the op's value."""
    table = getattr(op, attribute).data
    values = table.ravel().tolist() if table.ndim else [int(table)] * op.type.shape[0]
    return [int(value) for value in values for _ in range(2 if op.type.complex else 1)]


def _weighted(terms: Terms, pairs: Sequence[tuple[int, Term]], constant: int = 0) -> Term:
    return terms.total([constant, *(terms.scale(x, w) for w, x in pairs)])


def _matvec(terms: Terms, op: Any, x: Numbers) -> Numbers:
    bias = op.bias.data.tolist() if op.mnemonic == "matvec" else [0] * len(op.weight.data)
    return [
        _weighted(terms, list(zip(row, x, strict=True)), b)
        for row, b in zip(op.weight.data.tolist(), bias, strict=True)
    ]


def _diag(terms: Terms, op: Any, x: Numbers) -> Numbers:
    found: Numbers = []
    for (re, im), x_re, x_im in zip(op.lambda_bar.data.tolist(), x[0::2], x[1::2], strict=True):
        found += [_weighted(terms, [(re, x_re), (-im, x_im)]), _weighted(terms, [(re, x_im), (im, x_re)])]
    return found


def _inject(terms: Terms, op: Any, u: Numbers) -> Numbers:
    if op.heads is not None:
        pairs = zip(op.heads.data.tolist(), op.b_bar.data.tolist(), strict=True)
        return [terms.scale(u[owner], part) for owner, pair in pairs for part in pair]
    rows = op.b_bar.data.tolist()
    return [_weighted(terms, [(pair[k], x) for pair, x in zip(row, u, strict=True)]) for row in rows for k in (0, 1)]


def _readout(terms: Terms, op: Any, x: Numbers) -> Numbers:
    c = op.c.data.tolist()
    sums: list[list[tuple[int, Term]]] = [[] for _ in range(op.type.shape[0])]
    if op.heads is None:
        owned = [(channel, state, pair) for channel, row in enumerate(c) for state, pair in enumerate(row)]
    else:
        owned = [(owner, state, c[state]) for state, owner in enumerate(op.heads.data.tolist())]
    for channel, state, (re, im) in owned:
        sums[channel] += [(re, x[2 * state]), (-im, x[2 * state + 1])]
    return [_weighted(terms, pairs) for pairs in sums]


def _requant(terms: Terms, op: Any, x: Numbers, phase: Numbers | None = None) -> Numbers:
    found: Numbers = []
    tables = (_each(op, name) for name in ("multiplier", "shift", "low", "high"))
    for number, multiplier, shift, low, high in zip(x, *tables, strict=True):
        rest: Term = (1 << shift) >> 1
        if phase is not None:
            up, down = max(shift - op.phase_bits, 0), max(op.phase_bits - shift, 0)
            rest = terms.floor_shift(terms.scale(phase[0], 1 << up), down)
        raised = terms.add(terms.scale(number, multiplier), rest)
        found.append(terms.clip(terms.floor_shift(raised, shift), low, high))
    return found


def _lut(terms: Terms, op: Any, x: Numbers) -> Numbers:
    first = op.first.data.ravel().tolist() * (len(x) if op.first.data.ndim == 0 else 1)
    rows = op.entries.data.tolist() if op.entries.data.ndim == 2 else [op.entries.data.tolist()] * len(x)
    return [terms.entry(row, terms.add(number, -start)) for number, start, row in zip(x, first, rows, strict=True)]


def _moved(op: Any) -> list[int]:
    """Which numbers of its operand a slice or a take gives."""
    lanes = 2 if op.type.complex else 1
    elements = range(op.start, op.stop) if op.mnemonic == "slice" else op.indices.data.tolist()
    return [lanes * element + k for element in elements for k in range(lanes)]


def _add(terms: Terms, op: Op, *xs: Numbers) -> Numbers:
    return [terms.total(numbers) for numbers in zip(*xs, strict=True)]


def _pair(terms: Terms, op: Op, x: Numbers) -> Numbers:
    half = len(x) // 2
    return [number for both in zip(x[:half], x[half:], strict=True) for number in both]


def _advance(terms: Terms, op: Any, x: Numbers) -> Numbers:
    return [terms.modulo(terms.add(number, op.step), op.bits) for number in x]


def _scaled(attribute: str, power: bool) -> Callable[..., Numbers]:
    def rule(terms: Terms, op: Op, x: Numbers) -> Numbers:
        factors = [1 << n if power else n for n in _each(op, attribute)]
        return [terms.scale(number, factor) for number, factor in zip(x, factors, strict=True)]

    return rule


RULES: dict[str, Callable[..., Numbers]] = {
    "constant": lambda terms, op: [int(n) for n in op.value.data.ravel()],
    "matvec": _matvec,
    "xbar": _matvec,
    "diag": _diag,
    "inject": _inject,
    "readout": _readout,
    "scale": _scaled("factor", power=False),
    "shift_left": _scaled("amount", power=True),
    "offset": lambda terms, op, x: [terms.add(n, int(v)) for n, v in zip(x, op.value.data.tolist(), strict=True)],
    "add": _add,
    "mul": lambda terms, op, a, b: [terms.multiply(x, y) for x, y in zip(a, b, strict=True)],
    "slice": lambda terms, op, x: [x[index] for index in _moved(op)],
    "take": lambda terms, op, x: [x[index] for index in _moved(op)],
    "concat": lambda terms, op, *xs: [number for x in xs for number in x],
    "unpair": lambda terms, op, x: [*x[0::2], *x[1::2]],
    "pair": _pair,
    "advance": _advance,
    "requant": _requant,
    "lut": _lut,
}
