"""SMT: asks the solver z3 whether two terms can differ, in bit-vectors wide enough that nothing wraps."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from qssmc.errors import ToolError
from qssmc.proof.terms import Monomial, Term, TermAtom, Terms, parts, span

_VALUE = re.compile(r"\(v(\d+) #x([0-9a-fA-F]+)\)")
_WIDEST = 256


@dataclass(frozen=True)
class Answer:
    """What a solver said: that the terms never differ, for which values they do, or why it does not know."""

    unsatisfiable: bool = False
    example: Mapping[int, int] | None = None
    reason: str = ""


class Solver:
    """z3 with a time limit for each question, in seconds."""

    def __init__(self, limit: float = 20.0) -> None:
        self.limit = limit
        self.asked = 0

    def differ(self, terms: Terms, a: Term, b: Term) -> Answer:
        """Whether a and b can differ. Raises ToolError if there is no z3."""
        program = shutil.which("z3")
        if program is None:
            raise ToolError("prove decides what is left with z3, which is not installed; pip install 'qssmc[prove]'")
        self.asked += 1
        question = _Question(terms)
        text = question.differ(a, b)
        if question.width > _WIDEST:
            return Answer(reason=f"its numbers need {question.width} bits")
        command = [program, "-in", f"-T:{max(1, round(self.limit))}"]
        try:
            run = subprocess.run(
                command, input=text, capture_output=True, text=True, timeout=self.limit + 10, check=False
            )
        except subprocess.TimeoutExpired:
            return Answer(reason=f"z3 found no answer in {self.limit:.0f} s")
        verdict = run.stdout.split("\n", 1)[0].strip()
        if verdict == "unsat":
            return Answer(unsatisfiable=True)
        if verdict == "sat":
            return Answer(example=question.model(run.stdout))
        if verdict in ("unknown", "timeout"):
            return Answer(reason=f"z3 found no answer in {self.limit:.0f} s")
        raise ToolError(f"z3 failed: {(run.stdout + run.stderr).strip()[:200]}")


class _Question:
    """The text of one question: every atom that it needs is one definition."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lines: list[str] = []
        self.width = 0
        self.variables: set[int] = set()
        self._made: set[int] = set()

    def differ(self, a: Term, b: Term) -> str:
        """The question whether two terms differ."""
        order: list[int] = []
        for term in (a, b):
            self._needed(term, order)
        widest = max(self._reach(term) for term in (a, b, *(t for n in order for t in self._inside(n))))
        self.width = max(8, -(-(widest.bit_length() + 2) // 4) * 4)
        for number in order:
            self._define(number)
        text = ["(set-option :produce-models true)", "(set-logic QF_BV)", *self.lines]
        text += [f"(assert (distinct {self._term(a)} {self._term(b)}))", "(check-sat)"]
        if self.variables:
            text.append(f"(get-value ({' '.join(f'v{number}' for number in sorted(self.variables))}))")
        return "\n".join(text) + "\n"

    def model(self, output: str) -> dict[int, int]:
        """The variables' values in an answer."""
        found = {int(number): int(digits, 16) for number, digits in _VALUE.findall(output)}
        return {n: v - (1 << self.width) if v >> (self.width - 1) else v for n, v in found.items()}

    def _inside(self, number: int) -> tuple[Term, ...]:
        atom = self.terms.atoms[number]
        numbers = tuple(n for n in atom.numbers if n is not None)
        if atom.kind == "modulo":
            numbers = (1 << int(numbers[0]),)
        return (*atom.of, *numbers, atom.low, atom.high)

    def _reach(self, term: Term) -> int:
        """More than any partial sum of a term's products can be."""
        total = 0
        for monomial, coefficient in parts(term).items():
            most = 1
            for number in monomial:
                low, high = self.terms.atoms[number].low, self.terms.atoms[number].high
                most *= max(abs(low), abs(high), 1)
            total += most * abs(coefficient)
        return max(total, *(abs(end) for end in span(term)))

    def _needed(self, term: Term, order: list[int]) -> None:
        """The atoms of a term, each after those that it is made of."""
        for monomial in parts(term):
            for number in monomial:
                if number not in self._made:
                    self._made.add(number)
                    for inner in self.terms.atoms[number].of:
                        self._needed(inner, order)
                    order.append(number)

    def _define(self, number: int) -> None:
        atom, name = self.terms.atoms[number], f"v{number}"
        if atom.kind == "variable":
            self.variables.add(number)
            self.lines += [
                f"(declare-const {name} (_ BitVec {self.width}))",
                f"(assert (bvsle {self._number(atom.low)} {name}))",
                f"(assert (bvsle {name} {self._number(atom.high)}))",
            ]
            return
        self.lines.append(f"(define-fun {name} () (_ BitVec {self.width}) {self._formula(atom)})")

    def _formula(self, atom: TermAtom) -> str:
        x = self._term(atom.of[0])
        if atom.kind == "floor":
            return f"(bvashr {x} {self._number(atom.numbers[0] or 0)})"
        if atom.kind == "modulo":
            return f"(bvand {x} {self._number((1 << (atom.numbers[0] or 0)) - 1)})"
        if atom.kind == "clip":
            low, high = atom.numbers
            raised = x if low is None else f"(ite (bvslt {x} {self._number(low)}) {self._number(low)} {x})"
            if high is None:
                return raised
            return f"(let ((r {raised})) (ite (bvsgt r {self._number(high)}) {self._number(high)} r))"
        if atom.kind == "entry":
            return f"(let ((i {x})) {self._entries([n or 0 for n in atom.numbers], 0)})"
        return f"(ite (bvslt {x} {self._number(0)}) {self._term(atom.of[1])} {self._term(atom.of[2])})"

    def _entries(self, numbers: list[int], first: int) -> str:
        """A table as nested choices, halved at each."""
        if all(number == numbers[0] for number in numbers):
            return self._number(numbers[0])
        half = len(numbers) // 2
        low, high = self._entries(numbers[:half], first), self._entries(numbers[half:], first + half)
        return f"(ite (bvslt i {self._number(first + half)}) {low} {high})"

    def _term(self, term: Term) -> str:
        products = [self._product(monomial, c) for monomial, c in parts(term).items()]
        return products[0] if len(products) == 1 else f"(bvadd {' '.join(products)})" if products else self._number(0)

    def _product(self, monomial: Monomial, coefficient: int) -> str:
        factors = [f"v{number}" for number in monomial]
        if coefficient != 1 or not factors:
            factors.append(self._number(coefficient))
        return factors[0] if len(factors) == 1 else f"(bvmul {' '.join(factors)})"

    def _number(self, number: int) -> str:
        return f"#x{number % (1 << self.width):0{self.width // 4}x}"
