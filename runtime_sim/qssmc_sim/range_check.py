"""The checker of the range certificate: derives every bound again from the emitted tables, by code of its own.

It reads two files of a compiled folder, the integer IR (tables and ops) and the certificate (claims), and uses none
of the compiler's passes. The method is induction over steps: states are assumed within what their saturating update
or their counter can give (and 0, where they start); one step of plain interval arithmetic, number by number in Python
integers, must then stay within every claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qssmc.errors import MalformedInputError, VerificationError, shown
from qssmc.ir.graph import Graph
from qssmc.ir.json_text import parse_json
from qssmc.ir.ops import Input, Op, Requant, State
from qssmc.ir.text import read_graph
from qssmc.ir.verify import IRError

Pair = tuple[int, int]


@dataclass(frozen=True)
class CheckedReach:
    """What one value can be: low and high of each number (re and im are two), and of every intermediate result."""

    numbers: list[Pair]
    inner: Pair

    @property
    def span(self) -> Pair:
        """From the lowest to the highest number."""
        return min((low for low, _ in self.numbers), default=0), max((high for _, high in self.numbers), default=0)


_CLAIMED = ("low", "high", "inner_low", "inner_high", "accumulator_width")


def check_ranges(folder: Path) -> int:
    """Check report/certificate.json of a compiled folder; returns the number of accumulators checked.

    Raises VerificationError with the first claim that does not follow, MalformedInputError if a file cannot be read.
    """
    try:
        golden = parse_json((folder / "manifest.json").read_bytes())["golden"]
        graph = read_graph(folder / golden)
        listed = parse_json((folder / "report/certificate.json").read_bytes())["ops"]
        claims = {str(claim["name"]): {field: _integer(claim, field) for field in _CLAIMED} for claim in listed}
    except (OSError, ValueError, KeyError, TypeError, IRError) as error:
        raise MalformedInputError(f"{folder} has no readable range certificate ({error}); compile it again") from error
    for name, reach in derive(graph).items():
        if name not in claims:
            raise VerificationError(f"the range certificate says nothing of %{name}")
        _check_claim(graph[name], claims[name], reach)
    return len(graph.ops)


def _integer(claim: dict[str, Any], field: str) -> int:
    """A number that a claim states. Raises ValueError for anything but an integer."""
    value = claim[field]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{field} of {shown(claim['name'])} must be an integer, not {shown(value)}")
    return value


def derive(graph: Graph) -> dict[str, CheckedReach]:
    """The reach of every op of an integer graph. Raises VerificationError for a state that nothing bounds."""
    found: dict[str, CheckedReach] = {}
    for op in graph.ops:
        if isinstance(op, State):
            found[op.name] = _plain([(min(0, low), max(0, high)) for low, high in _held(graph, op.name)])
        elif isinstance(op, Input):
            low, high = op.type.bounds
            found[op.name] = _plain([(low, high)] * op.type.shape[0])
        else:
            found[op.name] = _RULES[op.mnemonic](op, *(found[name].numbers for name in op.inputs))
    return found


def _check_claim(op: Op, claim: dict[str, Any], reach: CheckedReach) -> None:
    (low, high), (inner_low, inner_high) = reach.span, reach.inner
    if low < claim["low"] or high > claim["high"]:
        raise VerificationError(
            f"%{op.name} can be {low}..{high}, but its certificate says {claim['low']}..{claim['high']}"
        )
    type_low, type_high = op.type.bounds
    if claim["low"] < type_low or claim["high"] > type_high:
        raise VerificationError(
            f"%{op.name} is {op.type}, too narrow for the {claim['low']}..{claim['high']} it can be"
        )
    if inner_low < claim["inner_low"] or inner_high > claim["inner_high"]:
        raise VerificationError(
            f"an intermediate result of %{op.name} can be {inner_low}..{inner_high}, "
            f"but its certificate says {claim['inner_low']}..{claim['inner_high']}"
        )
    width = claim["accumulator_width"]
    lowest, highest = min(claim["inner_low"], claim["low"]), max(claim["inner_high"], claim["high"])
    if not 1 <= width <= 64 or lowest < -(1 << (width - 1)) or highest >= 1 << (width - 1):
        raise VerificationError(
            f"the accumulator of %{op.name} has {width} bits, which do not hold {lowest}..{highest}"
        )


# --- states ----------------------------------------------------------------------------------------------------------


def _held(graph: Graph, state: str) -> list[Pair]:
    """What the update of a state can give: its clamp, looked for through ops that only move numbers."""
    return _clamped(graph, graph[graph.updates[state]], state)


def _clamped(graph: Graph, op: Op, state: str) -> list[Pair]:
    if isinstance(op, Requant):
        return list(zip(_each(op, "low"), _each(op, "high"), strict=True))
    if op.mnemonic == "advance":
        return _counted(op)
    if op.mnemonic in ("slice", "take", "concat", "pair", "unpair"):
        return _RULES[op.mnemonic](op, *(_clamped(graph, operand, state) for operand in graph.operands(op))).numbers
    raise VerificationError(f"state %{state} is not bounded: its update ends in {op.mnemonic}, which does not saturate")


# --- one rule an op; numbers of complex values alternate re, im ------------------------------------------------------


def _plain(numbers: list[Pair]) -> CheckedReach:
    return CheckedReach(numbers, (min((n[0] for n in numbers), default=0), max((n[1] for n in numbers), default=0)))


def _times(x: Pair, factor: int) -> Pair:
    a, b = x[0] * factor, x[1] * factor
    return (a, b) if a <= b else (b, a)


def _sum(sums: Sequence[Sequence[Pair]]) -> CheckedReach:
    """Sums of terms; a partial sum may hold any of them, so its reach has only the negative, or only the positive."""
    numbers = [(sum(low for low, _ in terms), sum(high for _, high in terms)) for terms in sums]
    least = min((sum(min(0, low) for low, _ in terms) for terms in sums), default=0)
    most = max((sum(max(0, high) for _, high in terms) for terms in sums), default=0)
    return CheckedReach(numbers, (least, most))


def _each(op: Op, attribute: str) -> list[int]:
    """A per-element table for every number of the op's value."""
    table = getattr(op, attribute).data
    lanes = 2 if op.type.complex else 1
    values = table.ravel().tolist() if table.ndim else [int(table)] * op.type.shape[0]
    return [int(value) for value in values for _ in range(lanes)]


def _matrix(op: Any, x: list[Pair]) -> CheckedReach:
    rows = op.weight.data.tolist()
    bias = op.bias.data.tolist() if op.mnemonic == "matvec" else [0] * len(rows)
    return _sum(
        [[(b, b), *(_times(p, w) for p, w in zip(x, row, strict=True))] for row, b in zip(rows, bias, strict=True)]
    )


def _diag(op: Any, x: list[Pair]) -> CheckedReach:
    sums, spans = [], []
    for index, (re, im) in enumerate(op.lambda_bar.data.tolist()):
        x_re, x_im = x[2 * index], x[2 * index + 1]
        minus = _times(x_im, im)
        sums += [[_times(x_re, re), (-minus[1], -minus[0])], [_times(x_im, re), _times(x_re, im)]]
        spans.append(minus)
    return _with(_sum(sums), spans)


def _with(reach: CheckedReach, also: list[Pair]) -> CheckedReach:
    """More intermediate results: products that are subtracted appear with their own sign too."""
    low, high = reach.inner
    return CheckedReach(reach.numbers, (min([low, *(p[0] for p in also)]), max([high, *(p[1] for p in also)])))


def _inject(op: Any, u: list[Pair]) -> CheckedReach:
    b = op.b_bar.data.tolist()
    if op.heads is not None:
        owners = op.heads.data.tolist()
        return _plain([_times(u[owner], part) for owner, pair in zip(owners, b, strict=True) for part in pair])
    return _sum([[_times(p, pair[k]) for p, pair in zip(u, row, strict=True)] for row in b for k in (0, 1)])


def _readout(op: Any, x: list[Pair]) -> CheckedReach:
    sums: list[list[Pair]] = [[] for _ in range(op.channels)]
    subtracted = []

    def term(channel: int, state: int, re: int, im: int) -> None:
        minus = _times(x[2 * state + 1], im)
        sums[channel] += [_times(x[2 * state], re), (-minus[1], -minus[0])]
        subtracted.append(minus)

    c = op.c.data.tolist()
    if op.heads is None:
        for channel, row in enumerate(c):
            for state, (re, im) in enumerate(row):
                term(channel, state, re, im)
    else:
        for state, (owner, (re, im)) in enumerate(zip(op.heads.data.tolist(), c, strict=True)):
            term(owner, state, re, im)
    return _with(_sum(sums), subtracted)


def _counted(op: Any) -> list[Pair]:
    return [(0, 2**op.bits - 1)] * op.type.shape[0]


def _advance(op: Any, x: list[Pair]) -> CheckedReach:
    """A counter holds any number of its bits; before it wraps, one step more than its operand."""
    return _with(_plain(_counted(op)), [(low + op.step, high + op.step) for low, high in x])


def _requant(op: Any, x: list[Pair], phase: list[Pair] | None = None) -> CheckedReach:
    numbers, inner = [], []
    if phase is not None and not (phase[0][0] >= 0 and phase[0][1] < 2**op.phase_bits):
        low, high = phase[0]
        raise VerificationError(
            f"%{op.name}: its phase can be {low}..{high}, which are no {op.phase_bits} unsigned bits"
        )
    for p, m, s, low, high in zip(
        x, _each(op, "multiplier"), _each(op, "shift"), _each(op, "low"), _each(op, "high"), strict=True
    ):
        product, half = _times(p, m), (1 << s) >> 1
        least, most = (half, half) if phase is None else (0, (1 << s) - 1)  # the rounding term
        raised = product[0] + least, product[1] + most
        inner += [product, raised]
        numbers.append((min(max(raised[0] >> s, low), high), min(max(raised[1] >> s, low), high)))
    return CheckedReach(numbers, _plain(inner).inner)


def _lut(op: Any, x: list[Pair]) -> CheckedReach:
    first = op.first.data.ravel().tolist() * (len(x) if op.first.data.ndim == 0 else 1)
    rows = op.entries.data.tolist() if op.entries.data.ndim == 2 else [op.entries.data.tolist()] * len(x)
    numbers = []
    for index, ((low, high), start, row) in enumerate(zip(x, first, rows, strict=True)):
        if low < start or high - start >= len(row):
            raise VerificationError(f"%{op.name}: element {index} can be {low}..{high}, outside its table")
        part = row[low - start : high - start + 1]
        numbers.append((min(part), max(part)))
    return _plain(numbers)


def _normalize(op: Any, x: list[Pair]) -> CheckedReach:
    """Bounded through v: (n x_i - s)^2 <= (n - 1) v, or n v where s is 0; and isqrt(v) exceeds half of sqrt(v)."""
    count = len(x)
    largest = max(max(abs(low), abs(high)) for low, high in x)
    by_deviation = (2 if op.centred else 1) * count * largest << op.frac
    by_spread = 2 * (math.isqrt(count - 1 if op.centred else count) + 1) << op.frac
    reach = min(by_deviation, by_spread)
    spread = count * count * largest * largest + op.eps
    return CheckedReach([(-reach, reach)] * count, (-max(reach, spread), max(reach, spread, 1 << op.frac)))


def _mul(op: Op, a: list[Pair], b: list[Pair]) -> CheckedReach:
    corners = [[p * q for p in x for q in y] for x, y in zip(a, b, strict=True)]
    return _plain([(min(four), max(four)) for four in corners])


def _slice(op: Any, x: list[Pair]) -> CheckedReach:
    lanes = 2 if op.type.complex else 1
    return _plain(x[op.start * lanes : op.stop * lanes])


def _take(op: Any, x: list[Pair]) -> CheckedReach:
    lanes = 2 if op.type.complex else 1
    return _plain([x[lanes * index + k] for index in op.indices.data.tolist() for k in range(lanes)])


def _offset(op: Any, x: list[Pair]) -> CheckedReach:
    return _plain([(low + v, high + v) for (low, high), v in zip(x, op.value.data.tolist(), strict=True)])


_RULES: dict[str, Callable[..., CheckedReach]] = {
    "constant": lambda op: _plain([(v, v) for v in op.value.data.tolist()]),
    "matvec": _matrix,
    "xbar": _matrix,
    "diag": _diag,
    "inject": _inject,
    "readout": _readout,
    "scale": lambda op, x: _plain([_times(p, f) for p, f in zip(x, _each(op, "factor"), strict=True)]),
    "offset": _offset,
    "add": lambda op, *xs: _sum(list(zip(*xs, strict=True))),
    "mul": _mul,
    "slice": _slice,
    "take": _take,
    "concat": lambda op, *xs: _plain([p for x in xs for p in x]),
    "unpair": lambda op, x: _plain([*x[0::2], *x[1::2]]),
    "pair": lambda op, x: _plain([p for both in zip(x[: len(x) // 2], x[len(x) // 2 :], strict=True) for p in both]),
    "advance": _advance,
    "requant": _requant,
    "shift_left": lambda op, x: _plain([_times(p, 1 << k) for p, k in zip(x, _each(op, "amount"), strict=True)]),
    "lut": _lut,
    "normalize": _normalize,
}
