"""Terms: exact integer expressions over bounded variables, kept in a normal form that makes equal ones identical.

A term is a polynomial with integer coefficients over atoms. An atom is a variable, or what no polynomial can say:

    floor(p / 2^k)          the coefficients of p are reduced modulo 2^k, multiples leave the brackets
    clip(p, low, high)      a bound that p cannot pass is left out
    p mod 2^k               only where p can leave 0 .. 2^k - 1
    entries[p]              the part of a table that p can reach
    p < 0 ? a : b

Every rewriting is an identity of the integers, so identical terms are equal for all values of their variables; terms
that differ may still be equal, and a solver decides then. Every term knows an interval that holds its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Monomial = tuple[int, ...]  # atoms by number, sorted; repeated for powers; () is the constant
Kind = Literal["variable", "floor", "clip", "modulo", "entry", "select"]


class Value:
    """A term that is no constant. terms: coefficient of each monomial; low and high hold its value."""

    __slots__ = ("_key", "high", "low", "terms")

    def __init__(self, terms: Mapping[Monomial, int], low: int, high: int) -> None:
        self.terms, self.low, self.high = terms, low, high
        self._key: frozenset[tuple[Monomial, int]] | None = None

    @property
    def key(self) -> frozenset[tuple[Monomial, int]]:
        """What two identical terms share."""
        if self._key is None:
            self._key = frozenset(self.terms.items())
        return self._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.key)


Term = int | Value


@dataclass(frozen=True)
class TermAtom:
    """One indivisible part of a term: of is what it is computed from, numbers its constants."""

    kind: Kind
    of: tuple[Term, ...]
    numbers: tuple[int | None, ...]
    low: int
    high: int
    name: str = ""


def span(term: Term) -> tuple[int, int]:
    """The interval that holds a term's value."""
    return (term, term) if isinstance(term, int) else (term.low, term.high)


def parts(term: Term) -> Mapping[Monomial, int]:
    """The coefficients of a term by monomial."""
    if isinstance(term, int):
        return {(): term} if term else {}
    return term.terms


class Terms:
    """Makes terms; atoms are numbered and shared, so that the same expression is made once."""

    def __init__(self) -> None:
        self.atoms: list[TermAtom] = []
        self._numbers: dict[object, int] = {}

    # --- atoms -------------------------------------------------------------------------------------------------------

    def variable(self, name: str, low: int, high: int) -> Term:
        """A new variable, or its only value."""
        if low == high:
            return low
        self.atoms.append(TermAtom("variable", (), (), low, high, name))
        return Value({(len(self.atoms) - 1,): 1}, low, high)

    def _atom(self, kind: Kind, of: tuple[Term, ...], numbers: tuple[int | None, ...], low: int, high: int) -> Term:
        if low == high:
            return low
        key = (kind, tuple(t if isinstance(t, int) else t.key for t in of), numbers)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.atoms)
            self.atoms.append(TermAtom(kind, of, numbers, low, high))
        return Value({(number,): 1}, low, high)

    # --- polynomials -------------------------------------------------------------------------------------------------

    def add(self, a: Term, b: Term) -> Term:
        """a + b."""
        if isinstance(a, int):
            if isinstance(b, int):
                return a + b
            a, b = b, a
        if b == 0:
            return a
        found = dict(a.terms)
        for monomial, coefficient in parts(b).items():
            total = found.get(monomial, 0) + coefficient
            if total:
                found[monomial] = total
            else:
                del found[monomial]
        return self._term(found)

    def scale(self, a: Term, factor: int) -> Term:
        """a * factor."""
        if isinstance(a, int):
            return a * factor
        if factor == 0:
            return 0
        low, high = a.low * factor, a.high * factor
        return Value({m: c * factor for m, c in a.terms.items()}, min(low, high), max(low, high))

    def subtract(self, a: Term, b: Term) -> Term:
        """a - b."""
        return self.add(a, self.scale(b, -1))

    def multiply(self, a: Term, b: Term) -> Term:
        """a * b."""
        if isinstance(a, int):
            return self.scale(b, a)
        if isinstance(b, int):
            return self.scale(a, b)
        found: dict[Monomial, int] = {}
        for first, x in a.terms.items():
            for second, y in b.terms.items():
                monomial = tuple(sorted(first + second))
                found[monomial] = found.get(monomial, 0) + x * y
        return self._term({m: c for m, c in found.items() if c})

    def _term(self, terms: Mapping[Monomial, int]) -> Term:
        """A term of these coefficients, none of them 0; a constant if it can only be one number."""
        if not terms:
            return 0
        if len(terms) == 1 and () in terms:
            return terms[()]
        low, high = self._interval(terms)
        return low if low == high else Value(terms, low, high)

    def _interval(self, terms: Mapping[Monomial, int]) -> tuple[int, int]:
        """Plain interval arithmetic, and once more with 2^k floor(p / 2^k) written as p less a remainder."""
        low, high = self._plain_interval(terms)
        floors = {m[0]: c for m, c in terms.items() if len(m) == 1 and self.atoms[m[0]].kind == "floor"}
        if not floors or len(terms) == 1:
            return low, high
        most = max(_shift(self.atoms[number]) for number in floors)
        expanded = {m: c << most for m, c in terms.items() if len(m) != 1 or m[0] not in floors}
        least_rest = most_rest = 0
        for number, c in floors.items():
            atom = self.atoms[number]
            by = c << (most - _shift(atom))
            for monomial, inner in parts(atom.of[0]).items():
                expanded[monomial] = expanded.get(monomial, 0) + by * inner
            rest = -by * ((1 << _shift(atom)) - 1)
            least_rest, most_rest = least_rest + min(0, rest), most_rest + max(0, rest)
        least, greatest = self._plain_interval(expanded)
        return max(low, -(-(least + least_rest) >> most)), min(high, (greatest + most_rest) >> most)

    def _plain_interval(self, terms: Mapping[Monomial, int]) -> tuple[int, int]:
        low = high = 0
        for monomial, coefficient in terms.items():
            least, most = self._monomial_interval(monomial)
            if coefficient < 0:
                least, most = most, least
            low, high = low + coefficient * least, high + coefficient * most
        return low, high

    def _monomial_interval(self, monomial: Monomial) -> tuple[int, int]:
        if not monomial:
            return 1, 1
        atom = self.atoms[monomial[0]]
        if len(monomial) == 1:
            return atom.low, atom.high
        low, high = 1, 1
        for number in dict.fromkeys(monomial):
            atom, power = self.atoms[number], monomial.count(number)
            ends = atom.low**power, atom.high**power
            least, most = min(ends), max(ends)
            if power % 2 == 0 and atom.low < 0 < atom.high:
                least = 0
            corners = (low * least, low * most, high * least, high * most)
            low, high = min(corners), max(corners)
        return low, high

    # --- what no polynomial says -------------------------------------------------------------------------------------

    def floor_shift(self, a: Term, shift: int) -> Term:
        """floor(a / 2^shift)."""
        if isinstance(a, int):
            return a >> shift
        if shift == 0:
            return a
        outside: dict[Monomial, int] = {}
        inside: dict[Monomial, int] = {}
        whole, half = 1 << shift, 1 << (shift - 1)
        for monomial, coefficient in a.terms.items():
            rest = (coefficient + half - 1) % whole - half + 1  # -2^(k-1) < rest <= 2^(k-1)
            if rest:
                inside[monomial] = rest
            if coefficient != rest:
                outside[monomial] = (coefficient - rest) >> shift
        floor = self._floor(self._term(inside), shift)
        return self.add(self._term(outside), floor)

    def _floor(self, a: Term, shift: int) -> Term:
        """floor(a / 2^shift) of reduced coefficients: common powers of two leave, nested floors become one."""
        if isinstance(a, int):
            return a >> shift
        twos = min((_twos(c) for m, c in a.terms.items() if m), default=0)
        if twos:
            less = {m: c >> twos for m, c in a.terms.items()}  # the constant is rounded down, which changes nothing
            if not less.get((), 1):
                del less[()]
            return self.floor_shift(self._term(less), shift - twos)
        floors = [m for m, c in a.terms.items() if c == 1 and len(m) == 1 and self.atoms[m[0]].kind == "floor"]
        if floors:
            outer = max(floors)  # the youngest, which may be made of the others
            atom = self.atoms[outer[0]]
            others = self._term({m: c << _shift(atom) for m, c in a.terms.items() if m != outer})
            return self.floor_shift(self.add(atom.of[0], others), shift + _shift(atom))
        return self._atom("floor", (a,), (shift,), a.low >> shift, a.high >> shift)

    def clip(self, a: Term, low: int | None, high: int | None) -> Term:
        """min(max(a, low), high); a bound of None is none."""
        least, most = span(a)
        if low is not None and high is not None and low > high:
            return high
        if isinstance(a, Value) and len(a.terms) == 1:
            ((monomial, coefficient),) = a.terms.items()
            if len(monomial) == 1 and coefficient == 1 and self.atoms[monomial[0]].kind == "clip":
                atom = self.atoms[monomial[0]]
                ends = [n if n is None else _within(n, low, high) for n in atom.numbers]
                if ends[0] is None and low is not None:
                    ends[0] = low
                if ends[1] is None and high is not None:
                    ends[1] = high
                return self._clip(atom.of[0], ends[0], ends[1])
        if low is not None and most <= low:
            return low
        if high is not None and least >= high:
            return high
        return self._clip(a, low, high)

    def _clip(self, a: Term, low: int | None, high: int | None) -> Term:
        least, most = span(a)
        low = low if low is not None and least < low else None
        high = high if high is not None and most > high else None
        if low is None and high is None:
            return a
        return self._atom("clip", (a,), (low, high), _within(least, low, high), _within(most, low, high))

    def modulo(self, a: Term, bits: int) -> Term:
        """a mod 2^bits, from 0 to 2^bits - 1."""
        whole = 1 << bits
        if isinstance(a, int):
            return a % whole
        if a.low >= 0 and a.high < whole:
            return a
        reduced = self._term({m: c % whole for m, c in a.terms.items() if c % whole})
        if isinstance(reduced, int):
            return reduced % whole
        if reduced.low >= 0 and reduced.high < whole:
            return reduced
        return self._atom("modulo", (reduced,), (bits,), 0, whole - 1)

    def wrap(self, a: Term, bits: int, signed: bool) -> Term:
        """The number of so many bits that is a modulo 2^bits."""
        low, high = span(a)
        least = -(1 << (bits - 1)) if signed else 0
        if low >= least and high < least + (1 << bits):
            return a
        return self.add(self.modulo(self.add(a, -least), bits), least)

    def entry(self, entries: Sequence[int], index: Term) -> Term:
        """entries[index]; index must lie within the table."""
        low, high = span(index)
        if low < 0 or high >= len(entries):
            raise ValueError(f"index {low}..{high} of a table of {len(entries)}")
        if isinstance(index, int):
            return int(entries[index])
        reached = tuple(int(n) for n in entries[low : high + 1])
        return self._atom("entry", (self.add(index, -low),), reached, min(reached), max(reached))

    def select(self, below_zero: Term, a: Term, b: Term) -> Term:
        """a if below_zero < 0 else b; minimum and maximum with a constant become a clip."""
        low, high = span(below_zero)
        if high < 0:
            return a
        if low >= 0 or a == b:
            return b
        if isinstance(a, int) != isinstance(b, int):
            variable, constant = (b, a) if isinstance(a, int) else (a, b)
            if isinstance(constant, int):
                difference, decides = self.subtract(a, b), (below_zero, self.add(below_zero, 1))
                if difference in decides:  # a < b ? a : b, or a <= b ? a : b
                    return self.clip(variable, None, constant)
                if self.scale(difference, -1) in decides:  # a > b ? a : b, or a >= b ? a : b
                    return self.clip(variable, constant, None)
        (a_low, a_high), (b_low, b_high) = span(a), span(b)
        return self._atom("select", (below_zero, a, b), (), min(a_low, b_low), max(a_high, b_high))

    def total(self, terms: Iterable[Term]) -> Term:
        """The sum of terms, made at once."""
        found: dict[Monomial, int] = {}
        for term in terms:
            for monomial, coefficient in parts(term).items():
                found[monomial] = found.get(monomial, 0) + coefficient
        return self._term({m: c for m, c in found.items() if c})


def _shift(atom: TermAtom) -> int:
    """k of floor(p / 2^k)."""
    (shift,) = atom.numbers
    if shift is None:
        raise AssertionError("a floor has a shift")
    return shift


def _twos(number: int) -> int:
    """How often 2 divides a number that is not 0."""
    return (number & -number).bit_length() - 1


def _within(number: int, low: int | None, high: int | None) -> int:
    if low is not None and number < low:
        number = low
    return high if high is not None and number > high else number
