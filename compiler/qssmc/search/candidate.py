"""Candidate: one choice of everything that a search may choose, as a change to a plan of passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qssmc.passes.plan import PassPlan

STATE, POLES = "state", "poles"  # the variables that are means over all states of a model


@dataclass(frozen=True, order=True)
class Shape:
    """What is left of a model: complex states a head on average, heads a layer, channels (0: all of them)."""

    states: float = 0.0
    heads: int = 0
    channels: int = 0


@dataclass(frozen=True)
class Candidate:
    """A shape, the mean bits of states and poles, and the bits of tables and casts by name, sorted."""

    shape: Shape
    bits: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, shape: Shape, bits: Mapping[str, float]) -> Candidate:
        """From a mapping; the same bits make the same candidate."""
        return cls(shape, tuple(sorted(bits.items())))

    def with_bits(self, name: str, bits: float) -> Candidate:
        """With other bits of one variable."""
        return Candidate.of(self.shape, {**dict(self.bits), name: bits})

    def plan(self, base: PassPlan) -> PassPlan:
        """The plan of passes that makes this candidate; what it does not choose is as in the base."""
        bits, shape = dict(self.bits), self.shape
        quantise = replace(
            base.quantise,
            state_bits=bits.get(STATE, base.quantise.state_bits),
            a_bits=bits.get(POLES, base.quantise.a_bits),
        )
        methods = replace(
            base.methods,
            states=shape.states or None,
            heads=shape.heads or None,
            channels=shape.channels or None,
            notes=tuple((name, int(value)) for name, value in self.bits if name not in (STATE, POLES)),
        )
        return replace(base, quantise=quantise, methods=methods)

    def plain(self) -> dict[str, Any]:
        """As data for JSON."""
        shape = self.shape
        return {"states": shape.states, "heads": shape.heads, "channels": shape.channels, "bits": dict(self.bits)}
