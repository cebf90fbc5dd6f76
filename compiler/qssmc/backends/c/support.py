"""Support: which ops the C target can emit."""

from __future__ import annotations

from qssmc.backends.c.plan import ELEMENTWISE, SINGLES, SOURCES
from qssmc.ir.ops import Inject, Op, Readout

_EMITTED = frozenset((*SOURCES, *ELEMENTWISE, *SINGLES, Inject, Readout))


def supports(op: Op) -> str | None:
    """None, or why an integer op cannot be emitted as C."""
    return None if type(op) in _EMITTED else "has no C form"
