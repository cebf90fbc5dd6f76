"""Elements: the C++ expression of one element of an op, in a loop over its space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.hls.blocks import Item
from qssmc.backends.hls.loops import slot_of
from qssmc.backends.hls.scalar import ap_type, literal, number, word_bits
from qssmc.backends.hls.tables import HlsTable
from qssmc.backends.hls.unit import PARTS, HlsUnit, per_element
from qssmc.ir.ops import (
    Add,
    Advance,
    Diag,
    Inject,
    Input,
    Lut,
    Mul,
    Offset,
    Op,
    Readout,
    Requant,
    Scale,
    ShiftLeft,
    Slice,
    State,
    Take,
)

# (value, part, index): the text of an element of a value; index None is the element at hand.
Reference = Callable[[str, str, str | None], str]


@dataclass
class Elements:
    """Expressions of the items of one loop. index: the text that picks the element at hand, such as [i]."""

    unit: HlsUnit
    index: str
    at: str
    read: Reference
    used: list[HlsTable] = field(default_factory=list)

    def table(self, op: Op, name: str, data: NDArray[np.int64]) -> str:
        """The element at hand of a table over the op's elements, or its one number."""
        order = self.unit.orders.get(op.name)
        if isinstance(op, Readout):
            order = self.unit.orders[op.inputs[0]]
        placed = order.place(data) if order is not None and not order.is_plain else data
        return self._element(f"table_{self.unit.names[op.name]}_{name}", data, placed)

    def _element(self, name: str, data: NDArray[np.int64], placed: NDArray[np.int64]) -> str:
        # Padded states take part in the arithmetic, so their weights must be 0; what else they use is of no account.
        uniform = len(set(data.tolist())) <= 1 and not name.endswith(PARTS)
        values = data if uniform else placed
        text, array = self.unit.tables.element(name, values, self.index)
        if array:
            self.used.append(array)
        return text

    def amount(self, op: Op, name: str, data: NDArray[np.int64]) -> str:
        """A table's element as an int: a shift, a first index."""
        text = self.table(op, name, per_element(data, op.type.shape[0]))
        return f"{text}.to_int()" if "[" in text else text.split("(")[1].rstrip(")")

    def expression(self, item: Item, part: str) -> str:
        """What initialises the variable of an op's element; part is _re or _im of a complex one, else empty."""
        op = item.op
        return _RULES[type(op)](self, op, part)

    def widened(self, op: Op, text: str) -> str:
        """An operand in the op's own type, where the arithmetic does not widen by itself."""
        return f"{self.unit.element(op.name)}({text})"


def _input(e: Elements, op: Input, part: str) -> str:
    bits = word_bits(op)
    if bits == op.type.width:
        return "beat.data"
    low, high = (literal(limit) for limit in op.type.bounds)
    word = f"{ap_type(bits, op.type.signed)}(beat.data)"
    return f"qssm_clamp<{e.unit.element(op.name)}>({word}, {low}, {high})"


def _state(e: Elements, op: State, part: str) -> str:
    return e.read(op.name, part, None)


def _diag(e: Elements, op: Diag, part: str) -> str:
    re, im = (e.read(op.inputs[0], p, None) for p in ("_re", "_im"))
    a, b = op.lambda_bar.data[:, 0], op.lambda_bar.data[:, 1]
    if part == "_re":
        terms = [("", a, "a_re", re), ("-", b, "a_im", im)]
    else:
        terms = [("", a, "a_re", im), ("+", b, "a_im", re)]
    return _products(e, op, [(sign, e.table(op, n, t) if t.any() else "", x) for sign, t, n, x in terms])


def _products(e: Elements, op: Op, terms: list[tuple[str, str, str]]) -> str:
    """The signed sum of table * value, without those whose table is all zero."""
    text = ""
    for sign, table, value in terms:
        if table and text:
            text += f" {sign or '+'} {table} * {value}"
        elif table:
            text = f"-({table} * {value})" if sign == "-" else f"{table} * {value}"
    return text or "0"


def _inject(e: Elements, op: Inject, part: str) -> str:
    data = op.b_bar.data[:, 0 if part == "_re" else 1]
    if not data.any():
        return "0"
    if e.unit.orders[op.name].is_plain:
        assert op.heads is not None
        heads = e.table(op, "heads", op.heads.data)
        channel = f"[{heads}.to_int()]" if "[" in heads else f"[{int(op.heads.data[0])}]"
        u = e.read(op.inputs[0], "", channel)
    else:
        u = f"lanes_{e.unit.names[op.name]}[{slot_of(e.unit.orders[op.name])}]"
    weight = e.table(op, "b" + part, data)
    return u if weight == literal(1) else f"{weight} * {u}"


def _scale(e: Elements, op: Scale, part: str) -> str:
    factor = e.table(op, "factor", per_element(op.factor.data, op.type.shape[0]))
    return f"{factor} * {e.read(op.inputs[0], part, None)}"


def _offset(e: Elements, op: Offset, part: str) -> str:
    return f"{e.read(op.inputs[0], part, None)} + {e.table(op, 'value', op.value.data)}"


def _add(e: Elements, op: Add, part: str) -> str:
    return " + ".join(e.read(name, part, None) for name in op.inputs)


def _mul(e: Elements, op: Mul, part: str) -> str:
    return " * ".join(e.read(name, part, None) for name in op.inputs)


def _slice(e: Elements, op: Slice, part: str) -> str:
    return e.read(op.inputs[0], part, f"[{_plus(op.start, e.at)}]")


def _plus(start: int, at: str) -> str:
    return str(start) if at == "0" else f"{start} + {at}" if start else at


def _take(e: Elements, op: Take, part: str) -> str:
    chosen = e.table(op, "indices", op.indices.data)
    index = f"{chosen}.to_int()" if "[" in chosen else number(int(op.indices.data[0]))
    return e.read(op.inputs[0], part, f"[{index}]")


def _advance(e: Elements, op: Advance, part: str) -> str:
    return f"ap_uint<{op.bits}>({e.read(op.inputs[0], part, None)} + {literal(op.step)})"


def _requant(e: Elements, op: Requant, part: str) -> str:
    extent = op.type.shape[0]
    types = f"{e.unit.accumulator(op.name)}, {e.unit.element(op.name)}"
    x, shift = e.read(op.inputs[0], part, None), e.amount(op, "shift", op.shift.data)
    low, high = (e.table(op, n, per_element(t.data, extent)) for n, t in (("low", op.low), ("high", op.high)))
    plain = (op.multiplier.data == 1).all()
    multiplier = literal(1) if plain else e.table(op, "multiplier", per_element(op.multiplier.data, extent))
    if len(op.inputs) == 2:
        phase = e.read(op.inputs[1], "", "[0]")
        return f"qssm_dither<{types}, {op.phase_bits}>({x}, {multiplier}, {shift}, {phase}, {low}, {high})"
    if plain:
        return f"qssm_round<{types}>({x}, {shift}, {low}, {high})"
    return f"qssm_requant<{types}>({x}, {multiplier}, {shift}, {low}, {high})"


def _shift_left(e: Elements, op: ShiftLeft, part: str) -> str:
    return f"{e.widened(op, e.read(op.inputs[0], part, None))} << {e.amount(op, 'amount', op.amount.data)}"


def _lut(e: Elements, op: Lut, part: str) -> str:
    array = e.unit.tables.array(f"table_{e.unit.names[op.name]}_entries", op.entries.data.reshape(-1))
    e.used.append(array)
    start = f"{e.at} * {op.entries.shape[1]}" if len(op.entries.shape) == 2 and e.at != "0" else "0"
    first = e.amount(op, "first", op.first.data)
    return f"qssm_lookup<{e.unit.element(op.name)}>({array.name}, {e.read(op.inputs[0], part, None)}, {first}, {start})"


def _readout(e: Elements, op: Readout, part: str) -> str:
    name = f"lanes_{e.unit.names[op.name]}"
    order = e.unit.orders[op.inputs[0]]
    if order.is_plain:
        return f"{name}[{e.at}]"
    places = order.places(op.channels)
    text = e._element(f"table_{e.unit.names[op.name]}_place", places, places)
    return f"{name}[{text}.to_int()]" if "[" in text else f"{name}[{int(places[0])}]"


def readout_term(e: Elements, op: Readout) -> str:
    """What the state at hand adds to its channel: Re(c x)."""
    terms = []
    for column, (sign, part) in enumerate((("", "_re"), ("-", "_im"))):
        data = op.c.data[:, column]
        if data.any():
            terms.append((sign, e.table(op, f"c{part}", data), e.read(op.inputs[0], part, None)))
    return _products(e, op, terms)


_RULES: dict[type[Op], Callable[..., str]] = {
    Input: _input,
    State: _state,
    Diag: _diag,
    Inject: _inject,
    Scale: _scale,
    Offset: _offset,
    Add: _add,
    Mul: _mul,
    Slice: _slice,
    Take: _take,
    Advance: _advance,
    Requant: _requant,
    ShiftLeft: _shift_left,
    Lut: _lut,
    Readout: _readout,
}
