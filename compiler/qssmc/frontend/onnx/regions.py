"""Regions: what a part of an ONNX graph computes, found from numbers: a linear map, or a known nonlinearity."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from qssmc.frontend.onnx.model import Model
from qssmc.ir.activation import apply_activation
from qssmc.ir.ops import ACTIVATIONS

Real = NDArray[np.float64]
# Operators that only move, repeat or weigh elements, or add them up: linear where one operand alone is no constant.
LINEAR = frozenset({
    "Add", "Sub", "Mul", "Neg", "Identity", "Pad", "Gather", "Reshape", "ReduceSum", "MatMul", "Slice", "Concat",
    "Unsqueeze", "Squeeze", "Transpose", "Expand", "Cast", "GatherND", "GatherElements", "Flatten", "Tile", "Div",
    "Gemm", "Split", "Einsum", "ReduceMean", "Sum", "CastLike", "Mean", "DepthToSpace", "ReverseSequence",
})  # fmt: skip
WIDENING = frozenset(
    {
        "Gather",
        "Reshape",
        "Unsqueeze",
        "Squeeze",
        "Expand",
        "Identity",
        "Transpose",
        "Cast",
        "Flatten",
        "Tile",
        "GatherND",
    }
)
SCALAR = frozenset({
    "Add", "Sub", "Mul", "Div", "Erf", "Tanh", "Sigmoid", "Relu", "Clip", "Min", "Max", "Neg", "Cast", "Identity",
    "Pow", "Exp", "Reciprocal", "Softplus", "Sqrt", "Gelu", "Swish", "HardSigmoid", "Log", "Abs", "Sum", "CastLike",
})  # fmt: skip
_BENT = frozenset(
    {
        "Erf",
        "Tanh",
        "Sigmoid",
        "Relu",
        "Clip",
        "Min",
        "Max",
        "Exp",
        "Softplus",
        "Sqrt",
        "Gelu",
        "Swish",
        "HardSigmoid",
        "Log",
        "Abs",
    }
)
_CLOSE = 1e-9


def sources_of(model: Model, targets: list[str], keep_on: Callable[[str], bool]) -> Iterator[str]:
    """Tensors that all targets come from through nodes that keep_on takes, the nearest first."""
    frontier = set(targets)
    while frontier:
        ready = [name for name in frontier if name in model.maker and keep_on(name)]
        if not ready:
            return
        latest = max(ready, key=model.place.__getitem__)
        frontier.remove(latest)
        frontier |= set(model.operands(latest))
        if len(frontier) == 1:
            yield next(iter(frontier))


def linear_maps(
    model: Model, sources: dict[str, int], targets: list[str], offsets: dict[str, Real] | None = None
) -> dict[tuple[str, str], Real] | None:
    """The matrix (target, source) of each target and source, or None if the part of the graph is not linear.

    offsets: is given what a target is without all sources; None allows nothing but 0.
    """
    zeros = {name: np.zeros((1, width)) for name, width in sources.items()}
    still = {t: value.ravel() for t, value in zip(targets, model.rows(zeros, targets), strict=True)} if sources else {}
    if offsets is None and any(np.any(value != 0) for value in still.values()):
        return None
    maps: dict[tuple[str, str], Real] = {}
    for name, width in sources.items():
        given = {other: np.zeros((width, size)) for other, size in sources.items()} | {name: np.eye(width)}
        for target, rows in zip(targets, model.rows(given, targets), strict=True):
            maps[target, name] = (np.asarray(rows, np.float64).reshape(width, -1) - still[target]).T
    random = np.random.default_rng(0)
    point = {name: random.normal(size=(1, width)) for name, width in sources.items()}
    for target, found in zip(targets, model.rows(point, targets), strict=True):
        wanted = still[target] + sum(maps[target, name] @ value[0] for name, value in point.items())
        if not np.allclose(found.ravel(), wanted, rtol=_CLOSE, atol=_CLOSE):
            return None
    if offsets is not None:
        offsets.update(still)
    return maps


def nonlinearity(model: Model, target: str) -> tuple[str, str] | None:
    """(activation, operand) if a tensor is a known nonlinearity of another, element by element."""

    def takes(name: str) -> bool:
        node = model.maker[name]
        scalars = all(model.constants[i].size == 1 for i in node.input if i in model.constants)
        return node.op_type in SCALAR and scalars

    x = np.linspace(-6.0, 6.0, 241).reshape(1, -1)
    for source in sources_of(model, [target], takes):
        if _BENT & {node.op_type for node in model.between([source], target)}:
            with np.errstate(all="ignore"):
                (found,) = model.evaluate({source: x}, [target])
            known = ~np.isnan(found)  # a square root is of no negative numbers
            for kind in ACTIVATIONS if known.any() else ():
                if np.allclose(found[known], apply_activation(kind, x)[known], rtol=1e-6, atol=1e-6):
                    return kind, source
    return None


def is_diagonal(matrix: Real) -> bool:
    """Whether a square matrix has nothing beside its diagonal."""
    return matrix.shape[0] == matrix.shape[1] and not np.any(matrix - np.diag(np.diag(matrix)))
