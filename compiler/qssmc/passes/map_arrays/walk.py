"""MapArrays: logical crossbar operations become what real arrays do: codes in, one small product a read, codes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.array_layout import ArrayLayout, PlannedRead, lay_out, products_of
from qssmc.analysis.array_layout.readers import ReadDither, dither_of
from qssmc.crossbar.names import ADC, original
from qssmc.crossbar.options import CrossbarOptions
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Concat, Constant, Requant, ShiftLeft, Take, Xbar
from qssmc.ir.table import Grid, Table
from qssmc.ir.verify import verify
from qssmc.passes.rewrite import Rebuilder

Integers = NDArray[np.int64]
_OPEN = (1 << 61) - 1  # beyond what a converter without limits can give


@dataclass(frozen=True)
class MapArrays:
    """Fused, proven integer graph to the graph of the arrays of a layout, with converters that lose nothing.

    Rows are driven by DAC codes, all of one width and full scale; with dac_bits, wider values are rounded to them. Each
    read is one xbar op whose weights are levels of cells; its columns' ADC codes are shifted and added in digital.
    """

    options: CrossbarOptions

    def __call__(self, graph: Graph) -> Graph:
        return _Walk(graph, lay_out(graph, self.options)).built()


class _Walk:
    """names: the value that stands for each op; codes: of a read's converters, by its name and the step's suffix."""

    def __init__(self, graph: Graph, laid: ArrayLayout) -> None:
        self.source, self.layout = graph, laid
        self.b = Rebuilder(graph, "integer")
        self.names: dict[str, str] = {}
        self.codes: dict[tuple[str, str], str] = {}
        self.products = {op.name: op for op in graph.ops if isinstance(op, Xbar)}
        self.dithers = {name: dither_of(graph, op) for name, op in products_of(graph).items()}

    def built(self) -> Graph:
        """The graph of the arrays."""
        for op in self.source.ops:
            self.need(op.name)
        self.b.updates = {state: self.names[value] for state, value in self.source.updates.items()}
        self.b.outputs = [replace(o, value=self.names[o.value]) for o in self.source.outputs]
        graph = self.b.graph()
        scales = {name: table for name, table in self.source.scales.items() if name in graph.by_name}
        kept = {name: table for name, table in self.source.kept.items() if name in graph.by_name}
        return verify(replace(graph, scales=scales, kept=kept)).without_dead_ops()

    def need(self, name: str) -> str:
        """The value that stands for an op, which is made now if it is not there yet."""
        if name not in self.names:
            op = self.source[name]
            if isinstance(op, Xbar):
                self.names[name] = self.product(op)
            else:
                self.names[name] = self.b.append(replace(op, inputs=tuple(self.need(value) for value in op.inputs)))
        return self.names[name]

    # --- products ----------------------------------------------------------------------------------------------------

    def product(self, op: Xbar) -> str:
        """All columns of a logical product, its slices and parts shifted and added."""
        name, suffix = original(op.name), op.name[len(original(op.name)) :]
        terms: list[list[int]] = [[] for _ in range(op.type.shape[0])]
        values, start = [], 0
        for read in self.layout.reads_of(name):
            values.append(self.read(read, suffix))
            for at, column in enumerate(read.columns):
                if column.op == name:
                    terms[column.column].append(start + at)
            start += len(read.columns)
        origin = op.origin
        zero = self.b.add(Constant(value=Table.integer([0])), self.b.fresh(f"{op.name}_none"), origin=origin)
        pool = self.b.add(Concat(), self.b.fresh(f"{op.name}_slices"), *values, zero, origin=origin)
        sums = [
            self.b.add(Take(indices=Table.integer(chosen)), self.b.fresh(f"{op.name}_{turn}"), pool, origin=origin)
            for turn, chosen in enumerate(_turns(terms, start))
        ]
        return sums[0] if len(sums) == 1 else self.b.add(Add(), op.name, *sums, origin=origin)

    def read(self, read: PlannedRead, suffix: str) -> str:
        """What the ADC codes of one row drive stand for, each in the units of its product."""
        if (read.name, suffix) not in self.codes:
            members = list(dict.fromkeys(row.op for row in read.rows))
            there = [name for name in members if name + suffix in self.products]
            rows = [at for at, row in enumerate(read.rows) if row.op in there]
            operand = self.operand(read, suffix, there)
            origin = ", ".join(dict.fromkeys(self.products[name + suffix].origin for name in there))
            weight = Table.integer(read.weight[:, rows], Grid.of(1.0, self.layout.options.weight_bits))
            product = self.b.add(Xbar(weight=weight), read.name + suffix, operand, origin=origin)
            self.codes[read.name, suffix] = self.converted(read, product, suffix, origin)
        return self.codes[read.name, suffix]

    def operand(self, read: PlannedRead, suffix: str, members: Sequence[str]) -> str:
        """The DAC codes of a read's rows, in its order."""
        parts: list[str] = []
        at: dict[tuple[str, int], int] = {}
        for name in members:
            codes = self.dac(self.products[name + suffix])
            chosen = [row.row for row in read.rows if row.op == name]
            at |= {(name, row): len(at) + place for place, row in enumerate(chosen)}
            indices = Table.integer(chosen)
            stem = self.b.fresh(f"{read.name}{suffix}_of_{name}")
            parts.append(self.b.add(Take(indices=indices), stem, codes, origin=self.products[name + suffix].origin))
        whole = parts[0] if len(parts) == 1 else self.b.add(Concat(), self.b.fresh(f"{read.name}{suffix}_rows"), *parts)
        order = Table.integer([at[row.op, row.row] for row in read.rows if row.op in members])
        return self.b.add(Take(indices=order), self.b.fresh(f"{read.name}{suffix}_codes"), whole)

    def dac(self, op: Xbar) -> str:
        """A product's operand as DAC codes of full scale."""
        key = (op.name, "")
        if key not in self.codes:
            gains, top = self.layout.gains[original(op.name)], 1 << (self.layout.dac_bits - 1)
            value = self.need(op.inputs[0])
            if (gains < 0).any():
                value = self.b.add(
                    Requant(
                        multiplier=Table.integer(1),
                        shift=Table.integer(np.maximum(-gains, 0)),
                        low=Table.integer(-top),
                        high=Table.integer(top - 1),
                    ),
                    self.b.fresh(f"{op.name}_rounded"),
                    value,
                    origin=op.origin,
                )
            if (gains > 0).any():
                amount = Table.integer(np.maximum(gains, 0))
                value = self.b.add(ShiftLeft(amount=amount), self.b.fresh(f"{op.name}_dac"), value, origin=op.origin)
            self.codes[key] = value
        return self.codes[key]

    # --- converters --------------------------------------------------------------------------------------------------

    def converted(self, read: PlannedRead, product: str, suffix: str, origin: str) -> str:
        """What the codes of all columns stand for, in order: state columns dithered by the phase of their rounding."""
        dithers = [self.dithers[column.op] for column in read.columns]
        is_state = [d is not None and d.shift[c.column] >= 0 for d, c in zip(dithers, read.columns, strict=True)]
        parts: list[str] = []
        order = np.zeros(len(read.columns), np.int64)
        for kind, wanted in (("dithered", True), ("plain", False)):
            at = [index for index, state in enumerate(is_state) if state == wanted]
            if not at:
                continue
            order[at] = sum(self.b.type(part).shape[0] for part in parts) + np.arange(len(at))
            taken = product
            if len(at) < len(is_state):
                taken = self.b.add(
                    Take(indices=Table.integer(at)), f"{read.name}{suffix}_{kind}", product, origin=origin
                )
            exponent = np.array([read.columns[index].exponent for index in at], np.int64)
            phase = self.phase(dithers[at[0]], suffix) if wanted else ()
            code = self.b.add(
                Requant(
                    multiplier=Table.integer(1),
                    shift=Table.integer(np.maximum(-exponent, 0)),
                    low=Table.integer(-_OPEN),
                    high=Table.integer(_OPEN),
                    phase_bits=_phase_bits(dithers[at[0]]) if wanted else 0,
                ),
                f"{read.name}{suffix}_{kind}{ADC}",
                taken,
                *phase,
                origin=origin,
            )
            amount = Table.integer(np.maximum(exponent, 0))
            value = self.b.fresh(f"{read.name}{suffix}_{kind}_value")
            parts.append(self.b.add(ShiftLeft(amount=amount), value, code, origin=origin))
        if len(parts) == 1:
            return parts[0]
        whole = self.b.add(Concat(), self.b.fresh(f"{read.name}{suffix}_both"), *parts, origin=origin)
        return self.b.add(
            Take(indices=Table.integer(order)), self.b.fresh(f"{read.name}{suffix}_out"), whole, origin=origin
        )

    def phase(self, dither: ReadDither | None, suffix: str) -> tuple[str, ...]:
        """The phase of this step, or of this step of the flush."""
        assert dither is not None
        there = dither.phase + suffix if dither.phase + suffix in self.source.by_name else dither.phase
        return (self.need(there),)


def _phase_bits(dither: ReadDither | None) -> int:
    return dither.phase_bits if dither is not None else 0


def _turns(terms: Sequence[Sequence[int]], none: int) -> Iterator[list[int]]:
    """The first terms of all columns, then the second ones, and so on; `none` is the place of a zero."""
    for turn in range(max([1, *(len(own) for own in terms)])):
        yield [own[turn] if turn < len(own) else none for own in terms]
