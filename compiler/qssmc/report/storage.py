"""Storage: the bits that every table and every state of an integer graph takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import WEIGHTS, Add, Advance, Constant, Inject, Lut, Matvec, Op, Readout, Requant, State, Widths
from qssmc.ir.table import Table
from qssmc.ir.types import width_of
from qssmc.report.widths import level_bits, table_bits, value_bits

Integers = NDArray[np.int64]
# Values at work a head, in float32 and in few bits, and weights a head that the published count leaves out.
_WORK_FLOAT, _WORK, _LEFT_OUT = 35, 32, 15


@dataclass(frozen=True)
class Part:
    """One table or one state: where it comes from, what it holds, how many numbers and how many bits in all.

    narrowest, mean_bits and widest are bits an element.
    """

    name: str
    origin: str
    kind: str
    elements: int
    bits: int
    narrowest: int
    mean_bits: float
    widest: int


def storage_report(
    graph: Graph, float_parameters: int, float_states: int, float_heads: int | None = None
) -> dict[str, Any]:
    """Parts, totals in bits, and the saving against float32 parameters and float32 states.

    Scalars, and what all of a tensor share, are literals of the code and not counted; exponents, zero points,
    multipliers, chosen channels, and the number of states of each ragged head are. A number that all states of a head
    share is stored once a head, and a table that occurs twice once. Where bits differ from element to element, a field
    that tells them is counted too; such a field, or an exponent, holds the difference from the smallest, a literal,
    or from a field before it where that takes fewer bits.

    float_parameters, float_states, float_heads: numbers in the trained model, its states and its heads, before anything
    was pruned; without float_heads, the channels that the graph's readouts have.
    """
    ledger = _Ledger(graph)
    parts = ledger.parts
    states = [_state(op, bits) for op, bits in _state_bits(graph)]
    parameter_bits, state_bits = sum(part.bits for part in parts), sum(part.bits for part in states)
    kinds: Counter[str] = Counter()
    for part in (*parts, *states):
        kinds[part.kind] += part.bits
    return {
        "parts": [asdict(part) for part in (*parts, *states)],
        "bits_by_kind": dict(sorted(kinds.items())),
        "state_bits_by_head": _by_head(graph),
        "parameter_bits": parameter_bits,
        "state_bits": state_bits,
        "total_bytes": (parameter_bits + state_bits + 7) // 8,
        "float32_bytes": 4 * (float_parameters + float_states),
        "parameters_times_smaller": _ratio(32 * float_parameters, parameter_bits),
        "state_times_smaller": _ratio(32 * float_states, state_bits),
        "times_smaller": _ratio(32 * (float_parameters + float_states), parameter_bits + state_bits),
        "published": _published(graph, [*parts, *states], float_parameters, float_states, float_heads),
    }


def state_numbers(graph: Graph) -> int:
    """How many numbers the states of a graph hold, re and im apart."""
    return sum(int(np.prod(op.type.array_shape)) for op in graph.states)


def head_count(graph: Graph) -> int:
    """How many heads a graph has: the channels that its readouts give."""
    return sum(op.channels for op in graph.ops if isinstance(op, Readout))


def _ratio(before: int, after: int) -> float:
    return round(before / max(1, after), 2)


class _Ledger:
    """Walks the ops and books every table once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parts: list[Part] = []
        self.booked: set[tuple[Any, ...]] = set()
        self.fields: dict[tuple[str, tuple[int, ...]], list[Integers]] = {}
        injects = [op for op in graph.ops if isinstance(op, Inject) and op.heads is not None]
        self.heads = {op.heads.data.size: op.heads.data for op in injects if op.heads is not None}
        for op in graph.ops:
            if isinstance(op, Requant):
                self.clamps(op)
            for name, table in op.tables().items():
                self.table(op, name, table)

    def book(self, name: str, op: Op, kind: str, values: Integers, widths: Widths) -> None:
        """One part, unless it takes no bits or is there already."""
        key = (kind, values.shape, values.tobytes(), widths.tobytes())
        alike = kind in ("input weights", "exponents") and values.size > 0 and not np.ptp(values)
        if widths.any() and not alike and key not in self.booked:
            self.booked.add(key)
            self.parts.append(_part(name, op.origin, kind, widths))

    def table(self, op: Op, name: str, table: Table) -> None:
        """A table by what it holds."""
        where, what, data = f"{op.name}.{name}", op.holds[name], table.data
        if what == "head sizes":
            self.head_sizes(where, op, data)
        elif what == "clamps" or data.shape == () or (what == "biases" and isinstance(op, Matvec) and not data.any()):
            return  # clamps are booked together; scalars are literals; a zero bias is no table
        elif what == "exponents":
            self.field(where, op, what, data)
        elif what == "chosen channels":
            bits = (self.graph[op.inputs[0]].type.shape[0] - 1).bit_length()
            self.book(where, op, what, data, np.full(data.shape, bits))
        elif what in ("multipliers", "zero points"):
            self.book(where, op, what, *_whole(self.per_head(op, data)))
        else:
            counted = isinstance(op, Matvec) and _counts_steps(self.graph, op)
            self.elements(where, op, "biases" if counted else what, table)

    def elements(self, where: str, op: Op, kind: str, table: Table) -> None:
        """The elements of a table at their own widths; an input weight's im that is 0 for all states is no table."""
        data, widths = table.data, table_bits(table)
        if isinstance(op, Inject):
            planes = [lane for lane in (0, 1) if data[..., lane].any()]
            data, widths = data[..., planes], widths[..., planes]
        if data.ndim == 1 and op.type.complex and not np.ptp(widths):
            data = self.per_head(op, data)
            widths = widths[: data.size]
        self.book(where, op, kind, data, widths)
        if not widths.size or not np.ptp(widths):
            return
        rows = widths.reshape(len(widths), -1)
        by_row = not np.ptp(rows, axis=1).any()
        per_state = by_row and (op.type.complex or isinstance(op, Readout))
        fields = rows[:, 0] if by_row else widths.ravel()
        self.field(f"{where}.width", op, "widths", fields, per_state=per_state)

    def clamps(self, op: Requant) -> None:
        """low and high together: a field of bits where those differ, and a zero point where it is off the middle."""
        if op.low.shape == op.high.shape == ():
            return
        low, high = (np.broadcast_to(table.data, op.type.shape) for table in (op.low, op.high))
        levels = high - low
        symmetric = np.array_equal(low, -high) and not (high & (high + 1)).any()
        if symmetric or not (levels & (levels + 1)).any():
            self.field(f"{op.name}.width", op, "widths", level_bits(op))
        elif np.ptp(levels):
            self.book(f"{op.name}.high", op, "zero points", *_whole(self.per_head(op, high)))
        if not symmetric and low.size and np.ptp(low):  # one that all share is a literal
            self.book(f"{op.name}.low", op, "zero points", *_whole(self.per_head(op, low)))

    def field(self, name: str, op: Op, kind: str, values: Integers, per_state: bool | None = None) -> None:
        """Small numbers, of which all but the difference from the smallest is a literal."""
        if values.size and np.ptp(values):
            values = self.per_head(op, values, per_state)
            offsets = min(self.differences(kind, values), key=lambda found: int(found.max()))
            self.fields.setdefault((kind, values.shape), []).append(values)
            self.book(name, op, kind, offsets, np.full(values.shape, int(offsets.max()).bit_length()))

    def differences(self, kind: str, values: Integers) -> Iterable[Integers]:
        """How far the numbers lie above the least of them, by themselves or as differences from a field before them."""
        for before in (np.zeros_like(values), *self.fields.get((kind, values.shape), [])):
            yield (values - before) - (values - before).min()

    def head_sizes(self, name: str, op: Op, heads: Integers) -> None:
        """How many states each head has, empty ones among them; whose each state is, if they are not in order."""
        channels = op.channels if isinstance(op, Readout) else self.graph[op.inputs[0]].type.shape[0]
        if (np.diff(heads) < 0).any():
            self.book(name, op, "head sizes", heads, np.full(heads.shape, (channels - 1).bit_length()))
            return
        self.field(name, op, "head sizes", np.bincount(heads, minlength=channels), per_state=False)

    def per_head(self, op: Op, values: Integers, per_state: bool | None = None) -> Integers:
        """One number a head of a per-state table, if the states of each head agree; else the table."""
        if not (op.type.complex if per_state is None else per_state) or values.size not in self.heads:
            return np.ascontiguousarray(values)
        _, first, owner = np.unique(self.heads[values.size], return_index=True, return_inverse=True)
        agree = bool((values == values[first][owner]).all())
        return np.ascontiguousarray(values[first] if agree else values)


def _part(name: str, origin: str, kind: str, widths: Widths) -> Part:
    bits, least, most = int(widths.sum()), int(widths.min(initial=64)), int(widths.max(initial=0))
    return Part(name, origin, kind, widths.size, bits, min(least, most), round(bits / max(1, widths.size), 3), most)


def _whole(values: Integers) -> tuple[Integers, Widths]:
    """Numbers at the width that holds them all."""
    width = width_of(int(values.min(initial=0)), int(values.max(initial=0)))[0]
    return values, np.full(values.shape, width)


def _counts_steps(graph: Graph, op: Matvec) -> bool:
    """Whether a matvec reads the number of steps: it is a bias of what the states sum up."""
    state = graph[op.inputs[0]]
    if not isinstance(state, State):
        return False
    update = graph[graph.updates[state.name]]
    total = graph[update.inputs[0]] if isinstance(update, Requant) else update
    return isinstance(total, Add) and any(isinstance(term, Constant) for term in graph.operands(total))


def _state_bits(graph: Graph) -> Iterable[tuple[State, Widths]]:
    """Every state with the bits of each number that it stores."""
    bits = value_bits(graph)
    for op in graph.states:
        yield op, np.repeat(bits[op.name], 2 if op.type.complex else 1)


def _state(op: State, widths: Widths) -> Part:
    """A state is stored in the bits of its levels, which may differ; a zero point off the middle is its requant's."""
    return _part(op.name, op.origin, "state", widths)


def _by_head(graph: Graph) -> dict[str, list[dict[str, Any]]]:
    """For every state that an inject drives head by head: how many states each head has, and their mean bits."""
    bits, found = value_bits(graph), {}
    for state in graph.states:
        readers = [op for op in graph.ops if isinstance(op, Readout) and op.heads is not None]
        for op in readers:
            if op.heads is None or not _leads_to(graph, op.inputs[0], state):
                continue
            groups = [bits[state.name][op.heads.data == head] for head in range(op.channels)]
            found[state.name] = [
                {"states": int(group.size), "mean_bits": round(float(group.mean()), 3) if group.size else 0.0}
                for group in groups
            ]
    return found


def _leads_to(graph: Graph, value: str, state: State) -> bool:
    """Whether a readout's operand is a state, what it becomes, or the sum behind that."""
    update = graph[graph.updates[state.name]]
    return value in (state.name, update.name, *update.inputs[:1])


def _published(
    graph: Graph, parts: list[Part], float_parameters: int, float_states: int, float_heads: int | None
) -> dict[str, Any]:
    """The accounting of Zhao et al. (arXiv 2506.12480): elements of weights, poles and states, and values at work.

    Exponents, zero points, multipliers, biases and running sums are not in it. Their figures for a model of H heads
    follow from 32 (2 H^2 + 307 H + 10) bits of float32 against W (2 H^2 + 125 H + 10) + A 32 H + poles 64 H + states
    64 H, which counts 35 H numbers beyond parameters and states, and 15 H - 10 fewer weights than there are.
    formula_saving_percent leaves those out too, for models of that very shape (None for any other).
    """
    heads = head_count(graph) if float_heads is None else float_heads
    sums = [op for op in graph.states if not op.type.complex and not isinstance(graph[graph.updates[op.name]], Advance)]
    complex_states = {op.name for op in graph.states if op.type.complex}
    reals = float_states - sum(int(np.prod(op.type.shape)) for op in sums)
    before = 32 * (float_parameters + reals + _WORK_FLOAT * heads)
    weights = [part for part in parts if part.kind in WEIGHTS]
    weight_bits, count = sum(part.bits for part in weights), sum(part.elements for part in weights)
    rest = sum(part.bits for part in parts if part.kind == "poles" or part.name in complex_states)
    work = _activation_bits(graph) * _WORK * heads
    bits = weight_bits + rest + work
    formula = bits - weight_bits / max(1, count) * (_LEFT_OUT * heads - 10)
    known = float_parameters == 2 * heads**2 + 208 * heads + 10 and reals == 64 * heads
    return {
        "float32_bits": before,
        "bits": round(bits),
        "saving_percent": _saving(bits, before),
        "formula_saving_percent": _saving(formula, before) if known else None,
    }


def _saving(bits: float, before: int) -> float:
    return round(100.0 * (1.0 - bits / max(1, before)), 2)


def _activation_bits(graph: Graph) -> float:
    """Mean bits of the rounded values that are no states."""
    updates = set(graph.updates.values())
    bits: Mapping[str, Widths] = value_bits(graph)
    rounded = [op for op in graph.step_ops if isinstance(op, (Requant, Lut)) and op.name not in updates]
    found = [bits[op.name] for op in rounded if not op.type.complex]
    return float(np.concatenate(found).mean()) if found else 0.0
