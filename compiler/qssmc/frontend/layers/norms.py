"""Norms: layer and RMS norms that repositories write themselves, over the channels wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from torch import nn

from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Real, real
from qssmc.ir.build import Builder
from qssmc.ir.ops import LayerNorm, RMSNorm
from qssmc.ir.table import Table

_SCALES, _SHIFTS = ("weight", "gamma", "scale", "g", "m"), ("bias", "beta", "b", "s")
_EPS = ("eps", "epsilon", "variance_epsilon", "norm_eps")
_USUAL = (1e-5, 1e-6, 1e-8, 1e-12, 0.0)


def _parts(module: nn.Module) -> tuple[Real, Real | None] | None:
    """Scale and shift, one number a channel, if the module has nothing else."""
    own = {name: real(tensor) for name, tensor in tensors_of(module).items()}
    scale = next((own[name].ravel() for name in _SCALES if name in own), None)
    shift = next((own[name].ravel() for name in _SHIFTS if name in own), None)
    known = (scale is not None) + (shift is not None)
    if (
        scale is None
        or known != len(own)
        or list(module.children())
        or (shift is not None and shift.size != scale.size)
    ):
        return None
    return scale, shift


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    parts = _parts(module)
    assert parts is not None
    scale, shift = parts
    given = [float(getattr(module, name)) for name in _EPS if isinstance(getattr(module, name, None), (int, float))]
    for eps in given or _USUAL:
        for gamma, plus in ((scale, ""), (1.0 + scale, ", 1 + weight")):
            if shift is None:
                yield f"RMS, eps {eps:g}{plus}", partial(_build, gamma, None, eps)
            yield f"layer norm, eps {eps:g}{plus}", partial(_build, gamma, np.zeros(1) if shift is None else shift, eps)


def _build(gamma: Real, beta: Real | None, eps: float, b: Builder, stem: str, x: str, origin: str) -> str:
    width = b.type(x).shape[0]
    wide = Table.real(np.broadcast_to(gamma, (width,)) if gamma.size in (1, width) else gamma)
    if beta is None:
        return b.add(RMSNorm(gamma=wide, eps=eps), b.fresh(f"{stem}_rms"), x, origin=origin)
    shift = Table.real(np.broadcast_to(beta, (width,)) if beta.size in (1, width) else beta)
    return b.add(LayerNorm(gamma=wide, beta=shift, eps=eps), b.fresh(f"{stem}_norm"), x, origin=origin)


def _matches(module: nn.Module) -> bool:
    return not type(module).__module__.startswith("torch.") and _parts(module) is not None


NORM = LayerHandler("a norm", "norm|^ln$", _matches, _read)
