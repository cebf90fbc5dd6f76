"""Support: which ops the ONNX target can emit."""

from __future__ import annotations

from qssmc.ir.ops import Activation, Input, Op, State


def supports(op: Op) -> str | None:
    """None, or why an op of an integer graph, or of the real graphs beside it, cannot be emitted.

    Raises ToolError where the package onnx is missing.
    """
    from qssmc.backends.onnx.integer import INTEGER
    from qssmc.backends.onnx.qdq import QDQ
    from qssmc.backends.onnx.real import ACTIVATIONS

    if 0 in op.type.shape:
        return "is empty, which ends the process of ONNX Runtime on some operators"
    if isinstance(op, (Input, State)):
        return None
    if type(op) not in (QDQ if op.type.is_real else INTEGER):
        return f"has no operators for {'real numbers' if op.type.is_real else 'integers'}"
    if isinstance(op, Activation) and op.kind not in ACTIVATIONS:
        return f"has no operators for {op.kind}"
    return None
