"""Setting: one choice of everything that a search may choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qssmc.passes.methods import Methods
from qssmc.passes.quantise import QuantiseOptions

STATE, POLES = "state", "poles"  # the knobs that are means over all states of a model


@dataclass(frozen=True, order=True)
class Shape:
    """What is left of a model: complex states a head on average, heads a layer, channels (0: all of them)."""

    states: float = 0.0
    heads: int = 0
    channels: int = 0


@dataclass(frozen=True)
class Setting:
    """A shape, the mean bits of states and poles, and the bits of tables and casts by name, sorted."""

    shape: Shape
    bits: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, shape: Shape, bits: Mapping[str, float]) -> Setting:
        """From a mapping; the same bits make the same setting."""
        return cls(shape, tuple(sorted(bits.items())))

    def but(self, name: str, bits: float) -> Setting:
        """One knob turned."""
        return Setting.of(self.shape, {**dict(self.bits), name: bits})

    def methods(self, base: Methods) -> Methods:
        """The methods of the pipeline that make this setting."""
        notes = tuple((name, int(bits)) for name, bits in self.bits if name not in (STATE, POLES))
        shape = self.shape
        return replace(
            base,
            states=shape.states or None,
            heads=shape.heads or None,
            channels=shape.channels or None,
            notes=notes,
        )

    def quantise(self, base: QuantiseOptions) -> QuantiseOptions:
        """The means of the pipeline that make this setting."""
        bits = dict(self.bits)
        return replace(base, state_bits=bits.get(STATE, base.state_bits), a_bits=bits.get(POLES, base.a_bits))

    def plain(self) -> dict[str, Any]:
        """As data for JSON."""
        shape = self.shape
        return {"states": shape.states, "heads": shape.heads, "channels": shape.channels, "bits": dict(self.bits)}
