"""Real: the operators of the ops that only the real stages have, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from qssmc.backends.onnx.exact import EXACT, Rule
from qssmc.backends.onnx.nodes import Nodes, TensorProto, parts
from qssmc.ir.ops import Activation, Advance, Cast, Divide, LayerNorm, Op, RMSNorm


def _gelu(n: Nodes, x: str, to: str) -> None:
    """x / 2 (1 + erf(x / sqrt 2))."""
    inner = n.add("Div", x, n.constant("root_two", [[math.sqrt(2.0)]]))
    if n.dtype == np.float32:
        inner = n.add("Erf", inner)
    else:  # ONNX Runtime has no Erf but of float32 on the CPU
        inner = n.add("Erf", n.add("Cast", inner, to_type=TensorProto.FLOAT))
        inner = n.add("Cast", inner, to_type=TensorProto.DOUBLE)
    gate = n.add("Add", inner, n.constant("unit", [[1.0]]))
    n.add("Mul", n.add("Mul", x, gate), n.constant("half", [[0.5]]), to=to)


def _gelu_tanh(n: Nodes, x: str, to: str) -> None:
    """x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    cube = n.add("Mul", n.add("Mul", n.add("Mul", x, x), x), n.constant("cubic", [[0.044715]]))
    inner = n.add("Mul", n.add("Add", x, cube), n.constant("slope", [[math.sqrt(2.0 / math.pi)]]))
    gate = n.add("Add", n.add("Tanh", inner), n.constant("unit", [[1.0]]))
    n.add("Mul", n.add("Mul", x, gate), n.constant("half", [[0.5]]), to=to)


def _silu(n: Nodes, x: str, to: str) -> None:
    n.add("Mul", x, n.add("Sigmoid", x), to=to)


def _qgelu(n: Nodes, x: str, to: str) -> None:
    """x min(max(0, x + 2), 4) / 4."""
    moved = n.add("Add", x, n.constant("two", [[2.0]]))
    gate = n.add("Min", n.add("Max", moved, n.constant("zero", [[0.0]])), n.constant("four", [[4.0]]))
    n.add("Div", n.add("Mul", x, gate), n.constant("four", [[4.0]]), to=to)


def _rsqrt(n: Nodes, x: str, to: str) -> None:
    """Infinite at 0 and below; float16 and float32 graphs alike."""
    n.add("Reciprocal", n.add("Sqrt", n.add("Max", x, n.constant("zero", [[0.0]]))), to=to)


def _plain(kind: str) -> Callable[[Nodes, str, str], None]:
    def rule(n: Nodes, x: str, to: str) -> None:
        n.add(kind, x, to=to)

    return rule


ACTIVATIONS: dict[str, Callable[[Nodes, str, str], None]] = {
    "exp": _plain("Exp"),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "qgelu": _qgelu,
    "relu": _plain("Relu"),
    "rsqrt": _rsqrt,
    "sigmoid": _plain("Sigmoid"),
    "softplus": _plain("Softplus"),
    "tanh": _plain("Tanh"),
    "silu": _silu,
}


def _activation(n: Nodes, op: Activation) -> None:
    ACTIVATIONS[op.kind](n, op.inputs[0], op.name)


def _layernorm(n: Nodes, op: LayerNorm) -> None:
    tables = [n.constant("gamma", op.gamma.data), n.constant("beta", op.beta.data)]
    n.add("LayerNormalization", op.inputs[0], *tables, to=op.name, axis=-1, epsilon=float(op.eps))


def _rmsnorm(n: Nodes, op: RMSNorm) -> None:
    """x / sqrt(mean(x^2) + eps) * gamma; ONNX has an operator of its own only from opset 23 on."""
    x = op.inputs[0]
    mean = n.add("ReduceMean", n.add("Mul", x, x), n.ints("axis", 1), keepdims=1)
    root = n.add("Sqrt", n.add("Add", mean, n.constant("eps", [[op.eps]])))
    n.add("Mul", n.add("Div", x, root), n.constant("gamma", n.columns(op.gamma.data)), to=op.name)


def _divide(n: Nodes, op: Divide) -> None:
    n.add("Div", *op.inputs, to=op.name)


def _advance(n: Nodes, op: Advance) -> None:
    """A phase of at most 24 bits is exact, also in float32."""
    moved = n.add("Add", op.inputs[0], n.constant("step", [[op.step * 2.0**-op.bits]]))
    n.add("Sub", moved, n.add("Floor", moved), to=op.name)


def _cast(n: Nodes, op: Cast) -> None:
    """scale clamp(round(x / scale), low, high): half-way to even, as Round does, or up."""
    extent = op.type.shape[0]
    scale, low, high = (n.columns(np.broadcast_to(t.data, (extent,))) for t in (op.scale, op.low, op.high))
    row = n.constant("scale", scale)
    ends = n.constant("low", low), n.constant("high", high)
    even = np.zeros(extent) if op.even is None else np.broadcast_to(op.even.data, (extent,))
    for part in parts(op):
        steps = n.add("Div", op.inputs[0] + part, row)
        if even.all():
            whole = n.add("Round", steps)
        else:
            whole = n.add("Floor", n.add("Add", steps, n.constant("half", [[0.5]])))
        if even.any() and not even.all():
            change = n.add("Sub", n.add("Round", steps), whole)
            whole = n.add("Add", whole, n.add("Mul", change, n.constant("even", n.columns(even))))
        n.add("Mul", n.add("Min", n.add("Max", whole, ends[0]), ends[1]), row, to=op.name + part)


REAL: dict[type[Op], Any] = {
    **EXACT,
    Cast: _cast,
    Activation: _activation,
    Advance: _advance,
    LayerNorm: _layernorm,
    RMSNorm: _rmsnorm,
    Divide: _divide,
}
Rules = dict[type[Op], Rule]
