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
    Move,
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
from qssmc.ir.ops.op import (
    EVERY_STAGE,
    REAL_STAGES,
    WEIGHTS,
    Holds,
    Method,
    Nature,
    Op,
    Precision,
    TypeFault,
    Types,
    Widths,
)
from qssmc.ir.ops.real import ACTIVATIONS, Activation, Cast, Decay, Divide, Drive, Glu, LayerNorm, RMSNorm

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
    RMSNorm,
    Divide,
    Cast,
    Requant,
    ShiftLeft,
    Lut,
    Normalize,
)
BY_MNEMONIC = {op.mnemonic: op for op in OPS}

# The stages in order, each with the ops it allows.
STAGES: dict[str, tuple[type[Op], ...]] = {
    stage: tuple(op for op in OPS if stage in op.stages) for stage in EVERY_STAGE
}

__all__ = [
    "ACTIVATIONS",
    "BY_MNEMONIC",
    "EVERY_STAGE",
    "OPS",
    "REAL_STAGES",
    "STAGES",
    "WEIGHTS",
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
    "Holds",
    "Inject",
    "Input",
    "LayerNorm",
    "Lut",
    "Matvec",
    "Method",
    "Move",
    "Mul",
    "Nature",
    "Normalize",
    "Offset",
    "Op",
    "Pair",
    "Precision",
    "RMSNorm",
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
    "Widths",
    "Xbar",
]
