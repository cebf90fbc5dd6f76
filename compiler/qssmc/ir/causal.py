"""Causal: real recurrences and convolutions over time as ops of one step, with a shift register of delayed values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.build import Builder
from qssmc.ir.ops import Add, Matvec, Offset, Scale, TypeFault
from qssmc.ir.table import Table

Real = NDArray[np.float64]


def real_recurrence(b: Builder, stem: str, poles: Real, drive: str, origin: str) -> str:
    """x' = poles x + drive for real poles and a real drive, both (H,); returns x'."""
    x = b.state(b.fresh(f"{stem}_x"), b.type(drive), origin)
    ax = b.add(Scale(factor=Table.real(poles)), b.fresh(f"{stem}_ax"), x, origin=origin)
    b.updates[x] = b.add(Add(), b.fresh(f"{stem}_xn"), ax, drive, origin=origin)
    return b.updates[x]


def delayed(b: Builder, stem: str, x: str, steps: int, origin: str) -> list[str]:
    """x, and x of one to so many steps ago, zero before the first sample: a shift register of plain states."""
    found = [x]
    for step in range(1, steps + 1):
        state = b.state(b.fresh(f"{stem}_d{step}"), b.type(x), origin)
        b.updates[state] = found[-1]
        found.append(state)
    return found


def causal_convolution(
    b: Builder, stem: str, x: str, weight: Real, bias: Real, origin: str, *, groups: int = 1, dilation: int = 1
) -> str:
    """y_t = bias + sum_k weight[..., K-1-k] x_(t - k dilation), as torch's Conv1d with that padding on the left.

    weight: (out, in / groups, K); bias: (out,). A depthwise one (a channel a group) becomes a factor a tap and
    channel, any other a matrix a tap. Raises TypeFault where the shapes do not fit.
    """
    out, columns, taps = weight.shape
    width = b.type(x).shape[0]
    if columns * groups != width or out % groups or bias.shape != (out,):
        raise TypeFault(f"a convolution of {columns * groups} channels, {groups} groups, does not fit {width} channels")
    register = delayed(b, stem, x, (taps - 1) * dilation, origin)
    read = [(register[k * dilation], weight[:, :, taps - 1 - k]) for k in range(taps)]
    if groups == width == out:
        terms = [
            b.add(Scale(factor=Table.real(tap[:, 0])), b.fresh(f"{stem}_w{k}"), value, origin=origin)
            for k, (value, tap) in enumerate(read)
        ]
        total = _sum(b, stem, terms, origin)
        return b.add(Offset(value=Table.real(bias)), b.fresh(f"{stem}_y"), total, origin=origin)
    none = np.zeros(out)
    terms = [
        b.add(
            Matvec(weight=Table.real(_blocks(tap, groups)), bias=Table.real(none if k else bias)),
            b.fresh(f"{stem}_w{k}"),
            value,
            origin=origin,
        )
        for k, (value, tap) in enumerate(read)
    ]
    return _sum(b, stem, terms, origin)


def _sum(b: Builder, stem: str, terms: Sequence[str], origin: str) -> str:
    return terms[0] if len(terms) == 1 else b.add(Add(), b.fresh(f"{stem}_sum"), *terms, origin=origin)


def _blocks(tap: Real, groups: int) -> Real:
    """The matrix (out, in) of a tap (out, in / groups), in blocks along its diagonal."""
    rows, columns = tap.shape[0] // groups, tap.shape[1]
    found = np.zeros((tap.shape[0], columns * groups))
    for group in range(groups):
        own = slice(group * rows, (group + 1) * rows)
        found[own, group * columns : (group + 1) * columns] = tap[own]
    return found
