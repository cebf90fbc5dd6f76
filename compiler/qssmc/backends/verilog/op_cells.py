"""Op cells: the cells of each single op, for what no layer, array or shared product takes as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.bounds import Bound
from qssmc.backends.verilog.cells import Ints
from qssmc.backends.verilog.circuit import Net, width_of
from qssmc.backends.verilog.make import Maker
from qssmc.backends.verilog.products import indices_of
from qssmc.ir.ops import (
    Add,
    Advance,
    Concat,
    Constant,
    Diag,
    Inject,
    Lut,
    Matvec,
    Mul,
    Normalize,
    Offset,
    Op,
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

Nets = tuple[Net, ...]  # of a value: one, or re and im


@dataclass
class OpCells:
    """Adds the cells of an op to a circuit. bounds: proven of every op; name: makes a name free.

    A method is given the op, what its names end with, whether it is worked on at the end of a sequence, and the nets of
    its operands; it gives those of its result.
    """

    make: Maker
    bounds: Mapping[str, Bound]
    name: Callable[[str], str]

    def _parts(self, op: Op, suffix: str) -> list[str]:
        parts = ("_re", "_im") if op.type.complex else ("",)
        return [self.name(f"{op.name}{suffix}{part}") for part in parts]

    def constant(self, op: Constant, suffix: str, last: bool) -> Nets:
        return (self.make.constant(self.name(op.name + suffix), op.value.data, width_of(op.type), last),)

    def matvec(self, op: Matvec | Xbar, suffix: str, last: bool, x: Nets) -> Nets:
        bias = op.bias.data if isinstance(op, Matvec) else np.zeros(op.type.shape[0], np.int64)
        return (self.make.dot(self.name(op.name + suffix), x[0], op.weight.data, bias, width_of(op.type)),)

    def diag(self, op: Diag, suffix: str, last: bool, x: Nets) -> Nets:
        a, width = op.lambda_bar.data, width_of(op.type)
        sums = []
        for part, (own, other) in zip(("_re", "_im"), ((0, 1), (1, 0)), strict=True):
            one, two = (
                self.make.scale(self.name(f"{op.name}{suffix}{part}{k}"), x[lane], a[:, k], width)
                for k, lane in ((0, own), (1, other))
            )
            sums.append(self.make.add(self.name(f"{op.name}{suffix}{part}"), one, two, width, subtract=part == "_re"))
        return tuple(sums)

    def inject(self, op: Inject, suffix: str, last: bool, u: Nets) -> Nets:
        b, width = op.b_bar.data, width_of(op.type)
        names = self._parts(op, suffix)
        if op.heads is None:
            zero = np.zeros(op.type.shape[0], np.int64)
            return tuple(self.make.dot(name, u[0], b[..., k], zero, width) for k, name in enumerate(names))
        spread = self.make.take(self.name(f"{op.name}{suffix}_u"), u[0], op.heads.data)
        return tuple(self.make.scale(name, spread, b[:, k], width) for k, name in enumerate(names))

    def readout(self, op: Readout, suffix: str, last: bool, x: Nets) -> Nets:
        c, width, name = op.c.data, width_of(op.type), op.name + suffix
        if op.heads is None:
            zero = np.zeros(op.channels, np.int64)
            re, im = (self.make.dot(self.name(f"{name}_{k}"), x[k], c[..., k], zero, width) for k in (0, 1))
            return (self.make.add(self.name(name), re, im, width, subtract=True),)
        order = np.argsort(op.heads.data, kind="stable")
        re, im = (
            self.make.scale(
                self.name(f"{name}_{k}"), self.make.take(self.name(f"{name}_{k}_x"), x[k], order), c[order, k], width
            )
            for k in (0, 1)
        )
        terms = self.make.add(self.name(f"{name}_terms"), re, im, width, subtract=True)
        counts = np.bincount(op.heads.data, minlength=op.channels)
        return (self.make.segment(self.name(name), terms, counts, width),)

    def scale(self, op: Scale, suffix: str, last: bool, x: Nets) -> Nets:
        factors = _each(op.factor.data, op)
        width = width_of(op.type)
        return tuple(self.make.scale(n, net, factors, width) for n, net in zip(self._parts(op, suffix), x, strict=True))

    def offset(self, op: Offset, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.offset(self.name(op.name + suffix), x[0], op.value.data, width_of(op.type)),)

    def add(self, op: Add, suffix: str, last: bool, *terms: Nets) -> Nets:
        width, sums = width_of(op.type), []
        for k, name in enumerate(self._parts(op, suffix)):
            total = terms[0][k]
            for i, term in enumerate(terms[1:], 2):
                step = name if i == len(terms) else self.name(f"{name}_{i}")
                total = self.make.add(step, total, term[k], width)
            sums.append(total)
        return tuple(sums)

    def mul(self, op: Mul, suffix: str, last: bool, a: Nets, b: Nets) -> Nets:
        return (self.make.product(self.name(op.name + suffix), a[0], b[0], width_of(op.type)),)

    def shift_left(self, op: ShiftLeft, suffix: str, last: bool, x: Nets) -> Nets:
        amounts, width = _each(op.amount.data, op), width_of(op.type)
        names = self._parts(op, suffix)
        if not amounts.any():
            return x
        return tuple(self.make.shift(name, net, amounts, width) for name, net in zip(names, x, strict=True))

    def take(self, op: Take | Slice, suffix: str, last: bool, x: Nets) -> Nets:
        chosen = indices_of(op)
        names = self._parts(op, suffix)
        return tuple(self.make.take(name, net, chosen) for name, net in zip(names, x, strict=True))

    def concat(self, op: Concat, suffix: str, last: bool, *parts: Nets) -> Nets:
        whole = []
        for k, name in enumerate(self._parts(op, suffix)):
            net = parts[0][k]
            for i, part in enumerate(parts[1:], 2):
                net = self.make.concat(name if i == len(parts) else self.name(f"{name}_{i}"), net, part[k])
            whole.append(net)
        return tuple(whole)

    def unpair(self, op: Unpair, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.concat(self.name(op.name + suffix), x[0], x[1]),)

    def pair(self, op: Pair, suffix: str, last: bool, x: Nets) -> Nets:
        half = op.type.shape[0]
        names = self._parts(op, suffix)
        return tuple(self.make.take(name, x[0], np.arange(k * half, (k + 1) * half)) for k, name in enumerate(names))

    def requant(self, op: Requant, suffix: str, last: bool, x: Nets, phase: Nets | None = None) -> Nets:
        multiplier, shift, low, high = (_each(t.data, op) for t in (op.multiplier, op.shift, op.low, op.high))
        names = self._parts(op, suffix)
        if phase is None and self._is_identity(op, multiplier, shift, low, high):
            return x
        floor, ceiling = op.type.bounds
        rows = (shift, np.maximum(low, floor), np.minimum(high, ceiling))
        inner = self.bounds[op.name].inner_width
        found = []
        for name, net in zip(names, x, strict=True):
            source = net
            if (multiplier != 1).any():
                source = self.make.scale(self.name(f"{name}_scaled"), net, multiplier, inner)
            by = None if phase is None else (phase[0], op.phase_bits)
            found.append(self.make.requant(name, source, rows, width_of(op.type), inner, by))
        return tuple(found)

    def _is_identity(self, op: Requant, multiplier: Ints, shift: Ints, low: Ints, high: Ints) -> bool:
        """Whether nothing is rounded and, by proof, nothing clamped."""
        proven: Bound = self.bounds[op.inputs[0]]
        axis = (slice(None), None) if op.type.complex else slice(None)
        inside = (proven.value.low >= low[axis]).all() and (proven.value.high <= high[axis]).all()
        return bool((multiplier == 1).all() and (shift == 0).all() and inside)

    def lut(self, op: Lut, suffix: str, last: bool, x: Nets) -> Nets:
        first = _each(op.first.data, op)
        return (self.make.lut(self.name(op.name + suffix), x[0], op.entries.data, first, width_of(op.type)),)

    def normalize(self, op: Normalize, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.norm(self.name(op.name + suffix), x[0], op, width_of(op.type)),)

    def advance(self, op: Advance, suffix: str, last: bool, x: Nets) -> Nets:
        return (self.make.advance(self.name(op.name + suffix), x[0], op.step, op.bits),)


def _each(data: NDArray[Any], op: Op) -> Ints:
    return np.array(np.broadcast_to(data, op.type.shape), np.int64)


RULES: dict[type[Op], Callable[..., Nets]] = {
    Matvec: OpCells.matvec,
    Xbar: OpCells.matvec,
    Diag: OpCells.diag,
    Inject: OpCells.inject,
    Readout: OpCells.readout,
    Scale: OpCells.scale,
    Offset: OpCells.offset,
    Add: OpCells.add,
    Mul: OpCells.mul,
    ShiftLeft: OpCells.shift_left,
    Take: OpCells.take,
    Slice: OpCells.take,
    Concat: OpCells.concat,
    Unpair: OpCells.unpair,
    Pair: OpCells.pair,
    Requant: OpCells.requant,
    Lut: OpCells.lut,
    Normalize: OpCells.normalize,
    Advance: OpCells.advance,
}
