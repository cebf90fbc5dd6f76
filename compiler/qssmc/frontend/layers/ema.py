"""EMA: real diagonal recurrences: a plain moving average, and the damped multi-head one of Mega (arXiv 2209.10655)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from torch import nn

from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Real, System, real
from qssmc.ir.build import Builder
from qssmc.ir.ops import Activation, TypeFault

_DAMPED = {"delta", "alpha", "beta", "gamma"}
_DECAYS = ("alpha", "decay", "decay_logit", "alpha_logit", "a")


def _is_damped(module: nn.Module) -> bool:
    own = tensors_of(module)
    return set(own) >= _DAMPED and len({own[name].numel() for name in _DAMPED}) == 1 and own["gamma"].ndim == 2


def _matches(module: nn.Module) -> bool:
    own = tensors_of(module)
    return _is_damped(module) or (len(own) == 1 and next(iter(own)) in _DECAYS)


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    own = tensors_of(module)
    if _is_damped(module):
        yield from _damped(module)
        return
    ((_, given),) = own.items()
    raw = real(given).ravel()
    logistic = _logistic(raw)
    for what, share in (("alpha", raw), ("1 - alpha", 1.0 - raw), ("sigmoid", logistic), ("1 - sigmoid", 1 - logistic)):
        if (share > 0.0).all() and (share < 1.0).all():
            for unit in (share, np.ones_like(share)):
                yield f"x <- x + {what} (u - x)", _system((1.0 - share)[:, None], unit[:, None], None).build


def _damped(module: nn.Module) -> Iterator[tuple[str, Build]]:
    """p = sigmoid(delta), q = 1 - p sigmoid(alpha); x <- q x + p beta u, y = gamma x / sqrt(N) + omega u."""
    own = tensors_of(module)
    shape = tuple(own["gamma"].shape)
    delta, alpha, beta, gamma = (real(own[name]).reshape(shape) for name in ("delta", "alpha", "beta", "gamma"))
    p = _logistic(delta)
    omega = real(own["omega"]).ravel() if "omega" in own else None
    for scale in (np.sqrt(1.0 / shape[1]), 1.0):
        system = _system(1.0 - p * _logistic(alpha), p * beta * gamma * scale, omega)
        for kind in ("silu", None):
            yield f"scale {scale:g}, {kind or 'no activation'}", partial(_activated, system, kind)


def _matches_heads(module: nn.Module) -> bool:
    own = tensors_of(module)
    if not {"expansion", "reduction", "alphas", "dampen_factors"} <= set(own):
        return False
    return own["expansion"].shape == own["reduction"].shape and len(own["expansion"]) in (
        own["alphas"].numel(),
        2 * own["alphas"].numel(),
    )


def _read_heads(module: nn.Module) -> Iterator[tuple[str, Build]]:
    """Each channel through every head: x <- (1 - a) g x + a u, with a and g logistic, and weights before and after."""
    own = tensors_of(module)
    before, after = real(own["expansion"]), real(own["reduction"])
    alpha, damp = _logistic(real(own["alphas"]).ravel()), _logistic(real(own["dampen_factors"]).ravel())
    if "reverse_alphas" in own or len(before) != len(alpha):
        raise TypeFault(
            "it is bidirectional: it reads samples that are still to come, and a streaming design knows the past "
            "alone; retrain with bidirectional=False"
        )
    poles = np.broadcast_to((1.0 - alpha) * damp, before.T.shape)
    yield f"{len(alpha)} heads", _system(poles, alpha * before.T * after.T, None).build


def _activated(system: System, kind: str | None, b: Builder, stem: str, u: str, origin: str) -> str:
    y = system.build(b, stem, u, origin)
    return y if kind is None else b.add(Activation(kind=kind), b.fresh(f"{stem}_{kind}"), y, origin=origin)


def _system(poles: Real, b: Real, d: Real | None) -> System:
    """Real poles (H, N), one or more a channel."""
    heads = np.repeat(np.arange(len(poles)), poles.shape[1])
    flat, gains = poles.ravel().astype(np.complex128), b.ravel().astype(np.complex128)
    return System(flat, gains, np.ones(len(flat), np.complex128), d, len(poles), heads)


def _logistic(x: Real) -> Real:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


_CLASSES = "ema|movingaverage|mega|leaky"
EMA = LayerHandler("EMA", _CLASSES, _matches, _read)
HEADS = LayerHandler("EMA", _CLASSES, _matches_heads, _read_heads)
