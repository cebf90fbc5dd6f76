"""Gates: in words, why the update of a state is no linear recurrence with fixed numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qssmc.frontend.onnx.model import Model

_PRODUCTS = ("Mul", "MatMul", "Gemm", "Div", "Einsum")
_RECURRENT = {"GRU": "gated", "LSTM": "gated", "RNN": "nonlinear"}
_HOLDING = ("Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Expand")
_LINES = frozenset({"Add", "Sub", "Mul", "Div", "Neg", "Sum", "Concat", "Split", "Slice", "Gather", "Transpose",
                    "ReduceSum", *_HOLDING, *_PRODUCTS})  # fmt: skip
_DEEP = 5


def why_not_linear(model: Model, names: list[str], targets: list[str], reach: Mapping[str, frozenset[str]]) -> str:
    """One sentence: what multiplies the states, or what bends them."""
    nodes = [node for target in targets for node in model.between(names, target)]
    for node in nodes:
        read = [name for name in node.input if name and name not in model.constants]
        states = [name for name in read if reach.get(name)]
        if not states:
            continue
        who = " and ".join(sorted(reach[states[0]]))
        is_, goes = ("are", "go") if " and " in who else ("is", "goes")
        if node.op_type in _RECURRENT:
            return f"{who} {goes} through {node.op_type}: a {_RECURRENT[node.op_type]} recurrence, not taken"
        if node.op_type in _PRODUCTS and len(read) > 1:
            free = [name for name in read if not reach.get(name)] if node.op_type != "Gemm" else read[1:]
            if free:
                return f"{who} {is_} multiplied by {in_words(model, free[0])}: a gated recurrence, not taken"
            other = in_words(model, read[1])
            return f"{who} {is_} multiplied by {other}, which depends on a state: a nonlinear recurrence, not taken"
        if node.op_type not in _LINES:
            return f"{who} {goes} through {node.op_type.lower()}: a nonlinear recurrence, not taken"
    who = " and ".join(names)
    return f"the update of {who} is not linear in {'them' if len(names) > 1 else 'it'}"


def in_words(model: Model, name: str, depth: int = 0) -> str:
    """A tensor as a term of functions of the inputs, such as sigmoid(f(u))."""
    if name in model.constants:
        value = model.constants[name]
        return f"{value.item():.6g}" if value.size == 1 and value.dtype.kind in "iuf" else "a constant"
    if name not in model.maker or depth >= _DEEP:
        return name
    node = model.maker[name]
    if node.op_type in _HOLDING:
        return in_words(model, node.input[0], depth)
    if node.op_type in ("Add", "Mul", "Sub", "Div"):
        return _operation(model, node, depth)
    read = ", ".join(in_words(model, one, depth + 1) for one in model.operands(name))
    return f"{_called(node)}({read})"


def _operation(model: Model, node: Any, depth: int) -> str:
    """Two terms and a sign; a bias is part of the product before it."""
    left, right = node.input
    product = next((one for one in (left, right) if _is_product(model, one)), None)
    other = right if product == left else left
    if node.op_type == "Add" and product is not None and other in model.constants:
        return in_words(model, product, depth)
    sign = {"Add": "+", "Mul": "*", "Sub": "-", "Div": "/"}[node.op_type]
    terms = [in_words(model, one, depth + 1) for one in (left, right)]
    return f"({terms[0]} {sign} {terms[1]})"


def _is_product(model: Model, name: str) -> bool:
    return name in model.maker and model.maker[name].op_type in ("MatMul", "Gemm")


def _called(node: Any) -> str:
    """What a function is called: a layer by its weight's name, else its operator."""
    if node.op_type not in ("MatMul", "Gemm"):
        return str(node.op_type).lower()
    weight = node.input[1]
    stem = weight.removesuffix(".weight")
    return stem.rsplit(".", 1)[-1] if stem != weight else "linear"
