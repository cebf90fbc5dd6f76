"""What the ONNX target supports, without the package onnx, so that it can always be asked."""

from __future__ import annotations

from qssmc.ir.ops import STAGES, Op

# Every integer op has a rule in qssmc.backends.onnx.integer, which a test holds.
SUPPORTED: frozenset[type[Op]] = frozenset(STAGES["integer"])
