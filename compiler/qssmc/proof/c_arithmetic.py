"""C arithmetic: what an operator of C gives on terms, with the checks that keep it defined.

Operands have been converted by C's rules before (clang writes each conversion down), so that a result is the exact
one, brought into its type: unsigned types wrap, and a signed one that could leave its range is undefined.
"""

from __future__ import annotations

from collections.abc import Callable

from qssmc.proof.c_memory import Undefined
from qssmc.proof.c_types import Integer, Unsupported
from qssmc.proof.terms import Term, Terms, Value, span

Operator = Callable[[Terms, Term, Term, Integer], Term]


def fit(terms: Terms, exact: Term, ctype: Integer, what: str) -> Term:
    """The result of an operator in its type."""
    low, high = span(exact)
    if low >= ctype.low and high <= ctype.high:
        return exact
    if ctype.signed:
        raise Undefined(
            f"{what} can be {low}..{high}, which {ctype.bits} bits do not hold", exact, ctype.low, ctype.high
        )
    return terms.wrap(exact, ctype.bits, False)


def convert(terms: Terms, value: Term, ctype: Integer) -> Term:
    """A conversion: what does not fit wraps (for signed types as gcc and clang define it)."""
    if ctype.bits == 1:
        return is_true(terms, value)
    return terms.wrap(value, ctype.bits, ctype.signed)


def is_true(terms: Terms, value: Term) -> Term:
    """Whether a number is not 0, as 0 or 1."""
    low, high = span(value)
    if isinstance(value, int) or low > 0 or high < 0:
        return int(value != 0)
    if decides(terms, value) is not None:
        return value
    if low == 0:
        return terms.select(terms.scale(value, -1), 1, 0)
    raise Unsupported("the truth of a number of either sign")


def decides(terms: Terms, truth: Term) -> Term | None:
    """The term below zero where a truth of 0 or 1 holds; None if that is no comparison."""
    if isinstance(truth, int):
        return -1 if truth else 0
    if len(truth.terms) == 1:
        ((monomial, coefficient),) = truth.terms.items()
        atom = terms.atoms[monomial[0]] if len(monomial) == 1 else None
        if atom is not None and coefficient == 1 and atom.kind == "select" and atom.of[1:] == (1, 0):
            return atom.of[0]
    return None


def _add(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    return fit(terms, terms.add(a, b), ctype, "a sum")


def _subtract(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    return fit(terms, terms.subtract(a, b), ctype, "a difference")


def _multiply(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    return fit(terms, terms.multiply(a, b), ctype, "a product")


def _divide(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    """Division is towards zero; the proof follows it for numbers alone."""
    if not (isinstance(a, int) and isinstance(b, int)):
        raise Unsupported("a division of data")
    if b == 0:
        raise Undefined("a division by zero")
    return fit(terms, abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1), ctype, "a quotient")


def _remainder(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    quotient = _divide(terms, a, b, ctype)
    return terms.subtract(a, terms.multiply(quotient, b))


def _amount(b: Term, ctype: Integer) -> int:
    if not isinstance(b, int):
        raise Unsupported("a shift by an amount that depends on data")
    if not 0 <= b < ctype.bits:
        raise Undefined(f"a shift of {ctype.bits} bits by {b}")
    return b


def _left(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    amount = _amount(b, ctype)
    if ctype.signed and span(a)[0] < 0:
        raise Undefined("a shift to the left of a negative number", a, 0, ctype.high)
    return fit(terms, terms.scale(a, 1 << amount), ctype, "a shift to the left")


def _right(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    """Arithmetic for negative numbers, which qssm_kernels.h has the compiler assert."""
    return terms.floor_shift(a, _amount(b, ctype))


def _and(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    if isinstance(a, int) and isinstance(b, int):
        return a & b
    value, mask = (b, a) if isinstance(a, int) else (a, b)
    if isinstance(mask, int) and mask >= 0 and mask & (mask + 1) == 0:
        return terms.modulo(value, mask.bit_length())
    raise Unsupported("& with anything but a mask of low bits")


def _bits(operate: Callable[[int, int], int]) -> Operator:
    def operator(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
        if not (isinstance(a, int) and isinstance(b, int)):
            raise Unsupported("| or ^ of data")
        return operate(a, b)

    return operator


def _less(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    return terms.select(terms.subtract(a, b), 1, 0)


def _less_or_equal(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    return terms.select(terms.add(terms.subtract(a, b), -1), 1, 0)


def _equal(terms: Terms, a: Term, b: Term, ctype: Integer) -> Term:
    difference = terms.subtract(a, b)
    if isinstance(difference, Value) and difference.low <= 0 <= difference.high:
        raise Unsupported("a test of data for equality")
    return int(difference == 0)


OPERATORS: dict[str, Operator] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
    "<<": _left,
    ">>": _right,
    "&": _and,
    "|": _bits(lambda a, b: a | b),
    "^": _bits(lambda a, b: a ^ b),
    "<": _less,
    "<=": _less_or_equal,
    ">": lambda terms, a, b, ctype: _less(terms, b, a, ctype),
    ">=": lambda terms, a, b, ctype: _less_or_equal(terms, b, a, ctype),
    "==": _equal,
    "!=": lambda terms, a, b, ctype: terms.subtract(1, _equal(terms, a, b, ctype)),
}
