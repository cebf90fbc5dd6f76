"""Assembly: the parts of a model from its stack and an answer to every question, and the float graph that they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UsageError
from qssmc.frontend.importing.parts import (
    Affine,
    Centred,
    Closing,
    Curve,
    Gate,
    Gated,
    ModelPart,
    Recurrence,
    Residual,
    RootMean,
    Scaled,
    build_all,
)
from qssmc.frontend.importing.questions import (
    ADDED,
    CLOSING,
    CURVE,
    END_CURVE,
    EPS,
    FF_CURVE,
    FINAL,
    KIND,
    MIXING,
    NORM,
)
from qssmc.frontend.importing.recurrences import Answers, Recurrent
from qssmc.frontend.importing.stack import BlockWeights, Linear, NormWeights, Stack
from qssmc.frontend.layers.system import System
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.types import Type
from qssmc.ir.verify import verify

Real = NDArray[np.float64]
SystemOf = Callable[[Recurrent, Answers], System]
_BATCH_EPS = 1e-5  # of torch and of flax


@dataclass(frozen=True)
class InputScale:
    """What a model is fed with: factor q + offset of the integers q, or of real numbers x."""

    factor: float = 1.0
    offset: float = 0.0


def input_scale(text: str) -> InputScale:
    """The scale that a text names: a number, 1/255, or (x*S-MEAN)/STD with S a number or x/255.

    >>> input_scale("1/255").factor * 255
    1.0
    >>> input_scale("(x/255-0.5)/0.5")
    InputScale(factor=0.00784313725490196, offset=-1.0)
    """
    plain = text.replace(" ", "")
    try:
        if not plain.startswith("("):
            return _finite(InputScale(_number(plain)), text)
        inner, _, divisor = plain.removeprefix("(").partition(")/")
        scaled, _, mean = inner.partition("-")
        factor = (
            _number("1" + scaled.removeprefix("x")) if scaled.startswith("x/") else _number(scaled.removeprefix("x*"))
        )
        factor = 1.0 if scaled == "x" else factor
        std = _number(divisor)
        return _finite(InputScale(factor / std, -_number(mean) / std), text)
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(
            f"--input-scale must be a number, 1/255 or (x/255-MEAN)/STD with plain numbers, not {text!r}"
        ) from error


def _number(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below) if below else float(above)


def _finite(scale: InputScale, text: str) -> InputScale:
    if not np.isfinite([scale.factor, scale.offset]).all() or scale.factor == 0.0:
        raise ValueError(text)
    return scale


def parts_of(stack: Stack, answers: Answers, system_of: SystemOf) -> tuple[ModelPart, ...]:
    """The parts of a model in their order, for one answer to every question."""
    end_curve = _curve("", answers.get(END_CURVE, "none"))
    parts: list[ModelPart] = _chain(stack.encoder, end_curve)
    for block in stack.blocks:
        parts += _block(block, answers, system_of)
    last = [_norm(norm, answers) for norm in stack.norms]
    closing: list[ModelPart] = [] if answers[CLOSING] == "none" else [Closing("pool", answers[CLOSING])]
    parts += [*closing, *last] if answers.get(FINAL) == "after" else [*last, *closing]
    return (*parts, *_chain(stack.decoder, end_curve))


def _chain(linears: Sequence[Linear], curve: Sequence[ModelPart]) -> list[ModelPart]:
    """Products with an activation between each two."""
    parts: list[ModelPart] = []
    for index, linear in enumerate(linears):
        parts += [*(curve if index else ()), _affine(linear)]
    return parts


def _affine(linear: Linear) -> Affine:
    return Affine(linear.origin, linear.weight, linear.bias)


def _curve(origin: str, kind: str) -> list[ModelPart]:
    return [] if kind == "none" else [Curve(origin, kind)]


def _block(block: BlockWeights, answers: Answers, system_of: SystemOf) -> list[ModelPart]:
    """Norm, recurrence, activation, mixing, residual and a feed-forward pair, in the order that the answers give."""
    layer: list[ModelPart] = [Recurrence(block.origin, system_of(block.recurrent, answers))]
    mixed = _mixing(block, answers)
    second = _feedforward(block, answers)
    norms: list[ModelPart] = [_norm(norm, answers) for norm in block.norms]
    place = answers.get(NORM, "pre")
    if second and len(norms) < 2:
        return _placed(block.origin, layer, [*mixed, *second], norms, place, answers)
    if not second:
        return _placed(block.origin, layer, mixed, norms, place, answers)
    return [
        *_placed(block.origin, layer, mixed, norms[:1], place, answers),
        *_placed(block.origin, [], second, norms[1:], place, answers),
    ]


def _placed(
    origin: str, layer: list[ModelPart], rest: list[ModelPart], norms: list[ModelPart], place: str, answers: Answers
) -> list[ModelPart]:
    """One residual branch with its norms."""
    before, after, inside = norms if place == "pre" else [], norms if place == "post" else [], [*layer, *rest]
    if place == "both" and norms:
        before, after = norms[:1], norms[1:]
    if place == "branch-end":
        inside = [*inside, *norms]
    if place == "after-recurrence":
        inside = [*layer, *norms, *rest]
    branch = [*before, *inside]
    return [*([Residual(origin, tuple(branch))] if answers[ADDED] == "yes" else branch), *after]


def _mixing(block: BlockWeights, answers: Answers) -> list[ModelPart]:
    """What follows a recurrence: its activation, and its products in the way that the answer to `mixing` says."""
    curve = _curve(block.origin, answers[CURVE])
    width = block.recurrent.outputs
    if not block.mixing:
        return curve
    first, how = _affine(block.mixing[0]), answers[MIXING]
    if len(first.weight) == 2 * width:
        if how == "swapped-glu":
            first = replace(first, weight=np.roll(first.weight, width, axis=0), bias=np.roll(first.bias, width))
        return [*curve, first, Gate(block.origin), *map(_affine, block.mixing[1:])]
    if len(block.mixing) == 2:
        second = _affine(block.mixing[1])
        if how == "mlp":
            return [*curve, first, *curve, second]
        value, gate = (second, first) if how == "swapped-gate" else (first, second)
        return [*curve, Gated(block.origin, (value,), (gate,))]
    if how == "gate":
        return [*curve, Gated(block.origin, (), (first,))]
    if how == "gate-of-activation":
        return [Gated(block.origin, (), (*curve, first))]
    return [*curve, first, *(curve if how == "activated" else ())]


def _feedforward(block: BlockWeights, answers: Answers) -> list[ModelPart]:
    if not block.feedforward:
        return []
    first, second = map(_affine, block.feedforward)
    return [first, *_curve(block.origin, answers[FF_CURVE]), second]


def _norm(norm: NormWeights, answers: Answers) -> ModelPart:
    if norm.mean is not None and norm.var is not None and norm.beta is not None:
        factor = norm.gamma / np.sqrt(norm.var + _BATCH_EPS)
        return Scaled(norm.origin, factor, norm.beta - norm.mean * factor)
    eps = float(answers[EPS])
    if norm.beta is None and answers.get(KIND) == "rms":
        return RootMean(norm.origin, norm.gamma, eps)
    return Centred(norm.origin, norm.gamma, np.zeros_like(norm.gamma) if norm.beta is None else norm.beta, eps)


def graph_of(parts: Sequence[ModelPart], inputs: int, scale: InputScale, name: str, *, closed: bool) -> Graph:
    """The float graph of parts on samples of some channels, scaled first: in the encoder, where there is one."""
    b = Builder(name, "float")
    x = b.input("u", Type((inputs,)), "input")
    first = parts[0] if parts else None
    if scale != InputScale():
        if isinstance(first, Affine):
            bias = first.bias + first.weight.sum(axis=1) * scale.offset
            parts = (replace(first, weight=first.weight * scale.factor, bias=bias), *parts[1:])
        else:
            parts = (Scaled("input", np.full(inputs, scale.factor), np.full(inputs, scale.offset)), *parts)
    b.output("y", build_all(parts, b, x), "last" if closed else "step")
    return verify(b.graph())
