"""Forms: what the columns of a fused kernel mean, and the matrix of one head in each form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.integer_layers import IntegerLayer, Integers
from qssmc.crossbar.options import Form


@dataclass(frozen=True)
class FormRule:
    """increment: state columns give what the register adds; late: y comes of the old state, one step late."""

    increment: bool
    late: bool


RULES: dict[Form, FormRule] = {
    "incremental": FormRule(increment=True, late=True),
    "incremental-lookahead": FormRule(increment=True, late=False),
    "delayed": FormRule(increment=False, late=True),
    "lookahead": FormRule(increment=False, late=False),
}


def head_matrix(layer: IntegerLayer, head: int, shift: Integers, rule: FormRule) -> Integers:
    """The matrix of a head, (columns, rows): rows u, re of every state, im of every state, and, if late, the last u.

    Columns are re of every state, im of every state, then y. shift: (S,), the right shift of the state's rounding, used
    for increments (the register's x stands for x 2^shift) and for looking ahead.
    """
    mine = layer.states_of(head)
    count = len(mine)
    a, b, c = layer.a[mine].copy(), layer.b[mine], layer.c[mine]
    late = int(rule.late)
    matrix = np.zeros((2 * count + 1, 1 + 2 * count + late), np.int64)
    re, im, y = np.arange(count), np.arange(count) + count, 2 * count
    if rule.late:
        answer, through = np.concatenate([c[:, 0], -c[:, 1]]), (0, layer.d[head])
        matrix[y, -1] = through[1]
    else:
        answer, first = _ahead(layer.a[mine], b, c, int(layer.d[head]), shift[mine])
        matrix[y, 0] = first
    if rule.increment:
        a[:, 0] -= np.int64(1) << shift[mine]
    matrix[re, 0], matrix[im, 0] = b[:, 0], b[:, 1]
    matrix[re, 1 + re], matrix[re, 1 + im] = a[:, 0], -a[:, 1]
    matrix[im, 1 + re], matrix[im, 1 + im] = a[:, 1], a[:, 0]
    matrix[y, 1 : 1 + 2 * count] = answer
    return matrix


def _ahead(a: Integers, b: Integers, c: Integers, d: int, shift: Integers) -> tuple[Integers, int]:
    """c a / 2^shift on the grid that the head's c lie on, and c b / 2^shift + d on that of d: rounded half up."""
    unit = _valuation(np.append(c.ravel(), d)) if not c.any() else _valuation(c.ravel())
    re = c[:, 0] * a[:, 0] - c[:, 1] * a[:, 1]
    im = c[:, 0] * a[:, 1] + c[:, 1] * a[:, 0]
    answer = np.concatenate([_rounded(re, shift, unit), -_rounded(im, shift, unit)])
    fine = int(shift.max(initial=0))
    driven = int(((c[:, 0] * b[:, 0] - c[:, 1] * b[:, 1]) << (fine - shift)).sum())
    unit = _valuation(np.array([d])) if d else unit
    first = int(_rounded(np.array([driven]), np.array([fine]), unit)[0]) + d
    return answer, first


def _rounded(value: Integers, shift: Integers, unit: int) -> Integers:
    """value / 2^shift to the nearest multiple of 2^unit."""
    down = shift + unit
    half = (np.int64(1) << down) >> 1
    return np.asarray(((value + half) >> down) << unit, np.int64)


def _valuation(values: NDArray[np.int64]) -> int:
    """How often 2 divides all of the values; 0 for nothing but zeros."""
    whole = int(np.bitwise_or.reduce(np.abs(values), initial=0))
    return (whole & -whole).bit_length() - 1 if whole else 0
