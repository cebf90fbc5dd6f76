"""S5: the simplified state-space layer of Smith et al. (arXiv 2208.04933), one system of many inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from torch import nn

from qssmc.frontend.layers.registry import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Complex, System, as_complex, real
from qssmc.ir.discretize import input_gain, lambda_bar
from qssmc.ir.ops import Method

_METHODS: tuple[Method, ...] = ("zoh", "bilinear")
_STEPS = ("log_step", "log_dt", "log_Delta")


def _poles(own: dict[str, torch.Tensor]) -> Complex | None:
    if "Lambda_re" in own and "Lambda_im" in own:
        return np.asarray(real(own["Lambda_re"]) + 1j * real(own["Lambda_im"])).ravel()
    if "Lambda" in own and (own["Lambda"].is_complex() or own["Lambda"].shape[-1:] == (2,)):
        return as_complex(own["Lambda"]).ravel()
    return None


def _pair(tensor: torch.Tensor) -> bool:
    return tensor.ndim == (2 if tensor.is_complex() else 3) and (tensor.is_complex() or tensor.shape[-1] == 2)


def _matches(module: nn.Module) -> bool:
    own = dict(tensors_of(module))
    poles = _poles(own)
    if poles is None or not {"B", "C"} <= set(own) or not any(name in own for name in _STEPS):
        return False
    return _pair(own["B"]) and _pair(own["C"]) and own["B"].shape[0] == len(poles) == own["C"].shape[1]


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    own = dict(tensors_of(module))
    poles = _poles(own)
    assert poles is not None
    b, c = as_complex(own["B"]), as_complex(own["C"])
    step = np.exp(next(real(own[name]) for name in _STEPS if name in own)).ravel()
    dt = np.broadcast_to(step, poles.shape)
    d = real(own["D"]) if "D" in own else None
    for method, factor in product(_METHODS, (2.0, 1.0)):
        b_bar = input_gain(poles, dt, method)[:, None] * b
        yield f"{method}, {factor:g} Re", System(lambda_bar(poles, dt, method), b_bar, factor * c, d, len(c)).build


S5 = LayerHandler("S5", "s5", _matches, _read)
