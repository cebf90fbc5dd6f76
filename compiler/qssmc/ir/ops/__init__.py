"""The ops: one frozen dataclass each, with its type rule; an op is the one value it produces.

Shapes: a vector value is (H,) over channels or (S,) over the complex states of all heads, in head order, where
`heads[s]` names the channel that state s belongs to, so heads may be ragged or empty. Complex values and tables are
pairs (re, im) in a last axis. `rule` returns the type an op must have, up to the integer width, which the range
proof sets; it raises TypeFault where operands do not fit.
"""

from __future__ import annotations

from qssmc.ir.ops.exact import (
    Add,
    Advance,
    Concat,
    Constant,
    Diag,
    Inject,
    Input,
    Matvec,
    Mul,
    Offset,
    Pair,
    Readout,
    Scale,
    Slice,
    State,
    Take,
    Unpair,
    Xbar,
)
from qssmc.ir.ops.integer import Lut, Normalize, Requant, ShiftLeft
from qssmc.ir.ops.op import Method, Op, TypeFault, Types
from qssmc.ir.ops.real import ACTIVATIONS, Activation, Cast, Decay, Divide, Drive, Glu, LayerNorm

OPS: tuple[type[Op], ...] = (
    Input,
    State,
    Constant,
    Matvec,
    Xbar,
    Diag,
    Inject,
    Readout,
    Scale,
    Offset,
    Add,
    Mul,
    Slice,
    Take,
    Concat,
    Unpair,
    Pair,
    Advance,
    Decay,
    Drive,
    Activation,
    Glu,
    LayerNorm,
    Divide,
    Cast,
    Requant,
    ShiftLeft,
    Lut,
    Normalize,
)
BY_MNEMONIC = {op.mnemonic: op for op in OPS}

_EXACT = (
    Input,
    State,
    Constant,
    Matvec,
    Xbar,
    Diag,
    Inject,
    Readout,
    Scale,
    Offset,
    Add,
    Mul,
    Slice,
    Take,
    Concat,
    Unpair,
    Pair,
    Advance,
)
_REAL = (Activation, LayerNorm, Divide)
# The stages in order, each with the ops it allows.
STAGES: dict[str, tuple[type[Op], ...]] = {
    "float": (*_EXACT, *_REAL, Glu, Decay, Drive),
    "discrete": (*_EXACT, *_REAL),
    "quantised": (*_EXACT, *_REAL, Cast),
    "integer": (*_EXACT, Requant, ShiftLeft, Lut, Normalize),
}

__all__ = [
    "ACTIVATIONS",
    "BY_MNEMONIC",
    "OPS",
    "STAGES",
    "Activation",
    "Add",
    "Advance",
    "Cast",
    "Concat",
    "Constant",
    "Decay",
    "Diag",
    "Divide",
    "Drive",
    "Glu",
    "Inject",
    "Input",
    "LayerNorm",
    "Lut",
    "Matvec",
    "Method",
    "Mul",
    "Normalize",
    "Offset",
    "Op",
    "Pair",
    "Readout",
    "Requant",
    "Scale",
    "ShiftLeft",
    "Slice",
    "State",
    "Take",
    "TypeFault",
    "Types",
    "Unpair",
    "Xbar",
]
