"""Task: what a proof is about, and what is known of the block at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qssmc.backends.c.names import prefix_of
from qssmc.ir.graph import Graph
from qssmc.proof.c_source import CSource
from qssmc.proof.c_types import StructType, Unsupported, type_named
from qssmc.proof.results import Status
from qssmc.proof.smt import Solver
from qssmc_sim.range_check import CheckedReach


@dataclass
class BlockFinding:
    """What is known of the block at hand: the worst that was found, and how much was compared."""

    status: Status = "proven"
    reason: str = ""
    elements: int = 0
    solved: int = 0

    def note(self, status: Status, reason: str) -> None:
        """Something that is not as it should be; a refutation outweighs what is not known."""
        if self.status == "proven" or (status == "refuted" and self.status == "unproven"):
            self.status, self.reason = status, reason


@dataclass(frozen=True)
class ProofTask:
    """What the functions of a design are proven against. reaches: the range of every number of every op."""

    graph: Graph
    source: CSource
    reaches: Mapping[str, CheckedReach]
    solver: Solver = field(default_factory=Solver)

    @property
    def prefix(self) -> str:
        """What every exported name begins with."""
        return prefix_of(self.graph)

    @property
    def record(self) -> StructType:
        """The struct of states."""
        found = type_named(self.source, f"{self.prefix}_state")
        if not isinstance(found, StructType):
            raise Unsupported(f"{self.prefix}_state, which is no struct")
        return found
