"""QuantiseOptions: the scheme and how many bits each kind of number gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from qssmc.errors import UsageError

SchemeName = Literal["qssm", "zhao"]
AForm = Literal["increment", "cartesian"]


@dataclass(frozen=True)
class QuantiseOptions:
    """weight_bits: matrices, B, C, D; activation_bits: values between ops; state_bits: x; a_bits: lambda_bar.

    a_form (qssm only): "increment" stores lambda_bar as 1 + D with a power-of-two exponent a state, "cartesian" as a
    plain fixed-point number. max_steps bounds the length of a sequence whose mean is taken: beyond it the sum may
    saturate. Fractions of state_bits and a_bits are means over all states, for the allocate pass. dither (qssm only):
    the rounding of the SSM states, and of nothing else, takes turns through all thresholds, so that a state that creeps
    by less than half a step a sample still moves.
    """

    scheme: SchemeName = "qssm"
    weight_bits: int = 8
    activation_bits: int = 8
    state_bits: float = 16
    a_bits: float = 16
    a_form: AForm = "increment"
    max_steps: int = 4096
    dither: bool = False

    def __post_init__(self) -> None:
        faults = []
        if self.scheme not in ("qssm", "zhao"):
            faults.append(f"scheme must be qssm or zhao, not {self.scheme!r}")
        if self.a_form not in ("increment", "cartesian"):
            faults.append(f"a_form must be increment or cartesian, not {self.a_form!r}")
        for name, least, most in (
            ("weight_bits", 2, 16),
            ("activation_bits", 2, 12),
            ("state_bits", 4, 16),
            ("a_bits", 3, 16),
        ):
            value = getattr(self, name)
            kinds = (int, float) if name in ("state_bits", "a_bits") else int
            if not isinstance(value, kinds) or not least <= value <= most:
                faults.append(f"{name.replace('_', ' ')} must be {least} to {most}, not {value}")
        if not isinstance(self.max_steps, int) or not 1 <= self.max_steps <= 1 << 30:
            faults.append(f"max steps must be 1 to 2^30, not {self.max_steps}")
        if faults:
            raise UsageError("; ".join(faults))


def parse_bits(text: str) -> tuple[int, int]:
    """Weight and activation bits of a text such as W4A6."""
    match = re.fullmatch(r"[Ww](\d{1,3})[Aa](\d{1,3})", text)
    if not match:
        raise UsageError(f"bits must look like W4A6 (weight bits, activation bits), not {text!r}")
    return int(match[1]), int(match[2])
