"""Methods: which steps beyond plain rounding a compilation takes, and how far they go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from qssmc.errors import UsageError
from qssmc.passes.set_bit_widths import Notes

Granularity = Literal["layer", "head", "mixed", "state"]


@dataclass(frozen=True)
class Methods:
    """All off is plain post-training rounding; each needs no training, only calibration sequences.

    states: complex states a head that stay, on average (None: all). prune_loss: or as many removed as cost this share
    of a layer's output energy. heads, channels: heads and residual channels that stay. fill: input weights made real
    and exact on a grid of so many significant bits (0: left as they are; 1: powers of two). bits_by: what shares a
    number of bits for state and poles (None: all alike). place: poles placed together instead of rounded alone.
    refit: readout, mixing and decoder solved anew. input_bits: of the weights that read the samples (None: as the
    others), for nothing downstream can make up for what they lose. clip: how far values between ops reach chosen by
    what rounding and clipping cost, instead of by percentiles. notes: bits of single tables and values by name, which
    go before all other choices. compensate: where nothing is solved anew, weights are still rounded so that they make
    up for each other's rounding.
    """

    states: float | None = None
    prune_loss: float | None = None
    heads: int | None = None
    channels: int | None = None
    fill: int = 0
    bits_by: Granularity | None = None
    place: bool = False
    refit: bool = False
    input_bits: int | None = None
    clip: bool = False
    notes: Notes = ()
    compensate: bool = False

    def __post_init__(self) -> None:
        faults = []
        if self.states is not None and not self.states > 0:
            faults.append(f"states must be more than 0, not {self.states:g}")
        if self.prune_loss is not None and not 0 <= self.prune_loss < 1:
            faults.append(f"prune loss must be at least 0 and below 1, not {self.prune_loss:g}")
        if self.bits_by not in (None, *get_args(Granularity)):
            faults.append(f"bits must go by {', '.join(get_args(Granularity))}, not {self.bits_by!r}")
        if self.place and self.bits_by is None:
            faults.append("poles are placed on grids of allocated bits; say what the bits go by")
        for name in ("heads", "channels"):
            value = getattr(self, name)
            if value is not None and value < 1:
                faults.append(f"{name} must be at least 1, not {value}")
        if not 0 <= self.fill <= 15:
            faults.append(f"fill must be 0 to 15 significant bits, not {self.fill}")
        if self.input_bits is not None and not 2 <= self.input_bits <= 16:
            faults.append(f"input bits must be 2 to 16, not {self.input_bits}")
        faults += [f"bits of {name} must be 2 to 16, not {bits}" for name, bits in self.notes if not 2 <= bits <= 16]
        if faults:
            raise UsageError("; ".join(faults))


PLAIN = Methods()
# Everything that costs a design nothing; and what `qssmc compile` does where nothing else is asked for.
FULL = Methods(fill=1, bits_by="state", place=True, refit=True, input_bits=8, clip=True)
DEFAULT = replace(FULL, prune_loss=0.003)
