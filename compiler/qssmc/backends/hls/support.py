"""Support: which ops the HLS target can emit."""

from __future__ import annotations

from qssmc.backends.hls.blocks import ELEMENTWISE
from qssmc.backends.hls.kernel_calls import WHOLES
from qssmc.ir.ops import Constant, Op, State

_EMITTED = frozenset((*ELEMENTWISE, *WHOLES, Constant, State))


def supports(op: Op) -> str | None:
    """None, or why an integer op cannot be emitted as HLS C++."""
    return None if type(op) in _EMITTED else "has no HLS form"
