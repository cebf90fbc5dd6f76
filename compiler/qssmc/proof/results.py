"""Results: what a proof found of each block of a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["proven", "refuted", "unproven"]


@dataclass(frozen=True)
class BlockResult:
    """A block of a function. elements: numbers that it computes and that were compared; solved: those by a solver.

    reason: of a refuted block the counterexample, of an unproven one what kept it from being proven.
    """

    function: str
    title: str
    status: Status
    elements: int
    solved: int
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Proof:
    """What was proven of a folder. checked_ops: ops whose rules agreed with golden's on numbers."""

    blocks: tuple[BlockResult, ...]
    checked_ops: int
    bounds: int

    def count(self, status: Status) -> int:
        """How many blocks have a status."""
        return sum(block.status == status for block in self.blocks)

    @property
    def complete(self) -> bool:
        """Whether every block is proven, so that the induction over steps closes."""
        return self.count("proven") == len(self.blocks)
