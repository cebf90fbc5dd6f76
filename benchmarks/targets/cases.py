"""Targets cases: the designs whose targets are held against each other, of those of ptq.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.ptq import cases as ptq_cases
from benchmarks.ptq.cases import MODELS, Case


@dataclass(frozen=True)
class Design:
    """One of ptq.md's designs, compiled to every target that is compared."""

    name: str
    case: Case

    @property
    def model(self) -> Path:
        """The shipped model."""
        return Path("examples") / MODELS[self.case.model]

    @property
    def arguments(self) -> list[str]:
        """Of `qssmc compile`, without the model and the folder."""
        (_, _, _, *options) = self.case.command().split()
        return ["--target", "c,hls,onnx", *options]

    @property
    def command(self) -> str:
        """As it is typed."""
        return f"qssmc compile {self.model} {' '.join(self.arguments)} -o DIR"


def _case(title: str) -> Case:
    """The first design of a title."""
    return next(case for case in ptq_cases.CASES if case.title == title)


CASES = (
    Design("s4d16_pruned", _case("S4D-16, pruned")),
    Design("s4d16", _case("S4D-16, 32 states")),
    Design("s4d64_pruned", _case("S4D-64, pruned")),
    Design("s4d64", _case("S4D-64, 32 states")),
)
