"""States: which inputs of an ONNX step graph are states, and which two are re and im of a diagonal recurrence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.onnx.model import Model
from qssmc.frontend.onnx.regions import LINEAR, WIDENING, is_diagonal, linear_maps, sources_of

_NAMES = ("{}:next", "{}_next", "next_{}", "{}_out", "{}_new")
Real = NDArray[np.float64]


@dataclass(frozen=True)
class StatePair:
    """Two states that are re and im of x <- lambda_bar x + b u. b_*: (states, width of u); u is None without input."""

    re: str
    im: str
    next_re: str
    next_im: str
    lambda_bar: Real
    u: str | None
    b_re: Real
    b_im: Real


def updates(model: Model) -> dict[str, str]:
    """The output that each state becomes, by the state's name; the first input that has none is the sample."""
    found = {}
    for name in model.inputs:
        output = next((o for o in (pattern.format(name) for pattern in _NAMES) if o in model.outputs), None)
        if output is not None:
            found[name] = output
    return found


def roots(model: Model, name: str) -> str:
    """A tensor without the Identity nodes behind it."""
    while name in model.maker and model.maker[name].op_type == "Identity":
        name = model.maker[name].input[0]
    return name


def depends(model: Model, states: set[str]) -> dict[str, frozenset[str]]:
    """The states that each tensor depends on within the step."""
    found: dict[str, frozenset[str]] = {name: frozenset({name}) for name in states}
    for node in model.graph.node:
        reach: frozenset[str] = frozenset().union(*(found.get(name, frozenset()) for name in node.input))
        found |= dict.fromkeys(node.output, reach)
    return found


def pairs(model: Model, becomes: dict[str, str]) -> list[StatePair]:
    """The complex states. Raises UnsupportedModelError, with every reason, where two states are coupled otherwise."""
    reach = depends(model, set(becomes))
    found, faults, taken = [], [], set()
    for name, output in becomes.items():
        target = roots(model, output)
        partners = [s for s in becomes if s != name and s not in taken and name in reach[roots(model, becomes[s])]
                    and s in reach[target]]  # fmt: skip
        if name in taken or not partners:
            continue
        if len(partners) > 1:
            faults.append(
                f"state {name} is coupled with {', '.join(partners)}: a diagonal recurrence couples two, re and im"
            )
            continue
        taken |= {name, partners[0]}
        try:
            found.append(_pair(model, becomes, name, partners[0]))
        except UnsupportedModelError as error:
            faults.append(str(error))
    if faults:
        raise UnsupportedModelError(
            f"{model.path.name} has no diagonal recurrence that can be taken: {'; '.join(faults)}"
        )
    return found


def _pair(model: Model, becomes: dict[str, str], re: str, im: str) -> StatePair:
    reach = depends(model, {re, im})
    targets = [roots(model, becomes[name]) for name in (re, im)]
    widths = {name: _width(model, name) for name in (re, im)}
    driven = [name for target in targets for name in _boundary(model, reach, target)]
    sources = {**widths, **dict.fromkeys(driven, widths[re])}
    maps = linear_maps(model, sources, targets) if widths[re] == widths[im] else None
    if maps is None:
        raise UnsupportedModelError(f"the update of {re} and {im} is not linear in them")
    rr, ri, ir, ii = (maps[t, s] for t in targets for s in (re, im))
    if not all(is_diagonal(m) for m in (rr, ri, ir, ii)):
        raise UnsupportedModelError(f"the state matrix of {re} and {im} is not diagonal")
    if not (np.array_equal(rr, ii) and np.array_equal(ri, -ir)):
        raise UnsupportedModelError(f"{re} and {im} are not multiplied by complex numbers, re and im of one state")
    u, (b_re, b_im) = _drive(model, driven, targets, widths)
    return StatePair(re, im, targets[0], targets[1], np.stack([np.diag(rr), np.diag(ir)], axis=-1), u, b_re, b_im)


def _width(model: Model, name: str) -> int:
    width = model.inputs[name]
    if width is None:
        raise UnsupportedModelError(f"input {name} must have the shape (batch, n) with a fixed n")
    return width


def _boundary(model: Model, reach: dict[str, frozenset[str]], target: str) -> list[str]:
    """The tensors without a state behind them that the update of a state reads."""
    found = []
    for node in model.between([name for name in reach if not reach[name]], target):
        found += [i for i in node.input if i and i not in model.constants and not reach.get(i)]
    return list(dict.fromkeys(found))


def _drive(
    model: Model, driven: list[str], targets: list[str], widths: dict[str, int]
) -> tuple[str | None, tuple[Real, Real]]:
    """The channels that drive a recurrence, and the matrices from them to re and im."""
    states = next(iter(widths.values()))
    if not driven:
        return None, (np.zeros((states, 0)), np.zeros((states, 0)))
    u = driven[0] if len(driven) == 1 else None
    u = u or next(sources_of(model, driven, lambda name: _is_linear(model, name)), None)
    while u is not None and u in model.maker and model.maker[u].op_type in WIDENING and len(model.operands(u)) == 1:
        u = model.operands(u)[0]
    if u is None:
        raise UnsupportedModelError(
            f"what drives {', '.join(widths)} ({', '.join(driven)}) is no linear map of one tensor"
        )
    size = _size(model, u)
    maps = linear_maps(model, {**widths, u: size}, targets)
    if maps is None:
        raise UnsupportedModelError(f"what drives {', '.join(widths)} is not linear in {u}")
    return u, (maps[targets[0], u], maps[targets[1], u])


def _is_linear(model: Model, name: str) -> bool:
    node = model.maker[name]
    return node.op_type in LINEAR and len(model.operands(name)) == 1


def _size(model: Model, name: str) -> int:
    """The width of a tensor, from running the step on zeros."""
    given = {i: np.zeros((1, width or 1)) for i, width in model.inputs.items()}
    (value,) = model.evaluate(given, [name])
    return int(value.shape[-1])
