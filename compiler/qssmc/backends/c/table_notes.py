"""Table notes: what the numbers of a loop's table are, as the comment above the table says it."""

from __future__ import annotations

from qssmc.ir.ops import Op

_PARTS = {"re": "the real part", "im": "the imaginary part"}
# What the numbers of a table are, by the end of its name.
_ABOUT = {
    "b_bar": "input weight, {part}",
    "factor": "factor",
    "value": "what is added",
    "lambda_bar": "factor of the state, {part}",
    "c": "output weight, {part}",
    "times": "power of two that aligns it with what it is added to",
    "scaled_b_bar": "input weight, {part}, times the power of two that aligns the product",
    "scaled_factor": "factor times the power of two that aligns the product",
    "low": "smallest result",
    "high": "largest result",
    "multiplier": "multiplier",
    "pre": "bits shifted out before the terms of coarser scale are added",
    "phase_factor": "2^bits for the bits shifted out, which brings the phase to their size",
    "shift": "bits shifted out",
    "less_one": "bits shifted out, less one",
    "rounding": "2^(15 - bits shifted out), see qssm_round_shift_i16",
    "half": "half of what is shifted out, 0 where nothing is",
    "trace_times": "power of two",
    "trace_over": "power of two",
}


def note(op: Op, name: str, part: str) -> str:
    """The comment of a table of an op, by the end of its name; part is re, im or empty."""
    return f"%{op.name}: {_ABOUT[name].format(part=_PARTS.get(part))}"
