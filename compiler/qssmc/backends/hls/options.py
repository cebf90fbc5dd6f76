"""HlsOptions: what a user may choose of the HLS project."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from qssmc.errors import UsageError

Flavor = Literal["vitis", "vivado"]
FLAVORS: tuple[Flavor, ...] = get_args(Flavor)
MOST_LANES = 256


@dataclass(frozen=True)
class HlsOptions:
    """lanes: complex states (or outputs of a matrix) worked on in one clock; clock_period in ns."""

    lanes: int = field(default=1, metadata={"help": "states worked on in one clock."})
    part: str = field(default="xczu7ev-ffvc1156-2-e", metadata={"help": "the device."})
    clock_period: float = field(default=5.0, metadata={"help": "in ns."})
    flavor: Flavor = field(
        default="vitis", metadata={"help": "of which vendor's tool the project is.", "flag": "--hls-flavor"}
    )

    def __post_init__(self) -> None:
        if not 1 <= self.lanes <= MOST_LANES:
            raise UsageError(f"--lanes must be 1 to {MOST_LANES}, not {self.lanes}")
        if not 0.1 <= self.clock_period <= 1000:
            raise UsageError(f"--clock-period must be 0.1 to 1000 ns, not {self.clock_period}")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", self.part):
            raise UsageError(f"--part must be a device name such as xc7a35ticsg324-1L, not {self.part!r}")
        if self.flavor not in FLAVORS:
            raise UsageError(f"--hls-flavor must be {' or '.join(FLAVORS)}, not {self.flavor}")
