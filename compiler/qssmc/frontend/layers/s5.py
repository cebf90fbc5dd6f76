"""S5: the simplified state-space layer of Smith et al. (arXiv 2208.04933), one system of many inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from torch import nn

from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Complex, System, as_complex, real
from qssmc.ir.discretize import input_gain, lambda_bar
from qssmc.ir.ops import Method, TypeFault

_METHODS: tuple[Method, ...] = ("zoh", "bilinear")
_STEPS = ("log_step", "log_dt", "log_Delta", "inv_dt")
_FACTORS = ("BH", "BP", "CH", "CP")


def _place(module: nn.Module) -> nn.Module | None:
    """The module that holds the parameters: itself, or a child that it maps over the batch."""
    for place in (module, *module.children()):
        own = dict(tensors_of(place))
        if _poles(own) is not None and any(name in own for name in _STEPS):
            return place
    return None


def _poles(own: dict[str, torch.Tensor]) -> Complex | None:
    for re, im in (("Lambda_re", "Lambda_im"), ("Lambda_real", "Lambda_imag")):
        if re in own and im in own:
            return np.asarray(real(own[re]) + 1j * real(own[im])).ravel()
    if "Lambda" in own and (own["Lambda"].is_complex() or own["Lambda"].shape[-1:] == (2,)):
        return as_complex(own["Lambda"]).ravel()
    return None


def _pair(tensor: torch.Tensor) -> bool:
    return tensor.ndim == (2 if tensor.is_complex() else 3) and (tensor.is_complex() or tensor.shape[-1] == 2)


def _matrices(own: dict[str, torch.Tensor]) -> tuple[Complex, Complex] | None:
    """B (S, H_in) and C (H_out, S or 2 S), whole or as products of low rank."""
    if {"B", "C"} <= set(own) and _pair(own["B"]) and _pair(own["C"]):
        return as_complex(own["B"]), as_complex(own["C"])
    if set(_FACTORS) <= set(own):
        bh, bp, ch, cp = (as_complex(own[name]) for name in _FACTORS)
        return bp @ bh.T, ch.T @ cp
    return None


def _matches(module: nn.Module) -> bool:
    place = _place(module)
    if place is None:
        return False
    own = dict(tensors_of(place))
    poles, matrices = _poles(own), _matrices(own)
    if poles is None or matrices is None:
        return False
    b, c = matrices
    return b.shape[0] == len(poles) and c.shape[1] in (len(poles), 2 * len(poles))


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    place = _place(module)
    assert place is not None
    own = dict(tensors_of(place))
    poles, matrices = _poles(own), _matrices(own)
    assert poles is not None
    assert matrices is not None
    b, c = matrices
    if getattr(place, "bidir", False) or c.shape[1] == 2 * len(poles):
        raise TypeFault(
            "it is bidirectional: it reads samples that are still to come, and a streaming design knows the past "
            "alone; retrain with bidir=False"
        )
    if getattr(place, "liquid", False):
        raise TypeFault("its poles depend on the input (liquid), which is no linear recurrence; retrain without liquid")
    raw = next(real(own[name]) for name in _STEPS if name in own)
    dt = np.broadcast_to(np.exp(raw).ravel(), poles.shape)
    d = real(own["D"]) if "D" in own else None
    for method, factor, sign in product(_METHODS, (2.0, 1.0), (1, -1)):
        signed = poles if sign > 0 else poles.conj()
        b_bar = input_gain(signed, dt, method)[:, None] * b
        conjugate = ", conjugate poles" if sign < 0 else ""
        system = System(lambda_bar(signed, dt, method), b_bar, factor * c, d, len(c))
        yield f"{method}, {factor:g} Re{conjugate}", system.build
    degree = getattr(place, "degree", 1)
    if degree != 1:
        raise TypeFault(f"it is of degree {degree}, whose input weights are powers; retrain with degree=1")


S5 = LayerHandler("S5", "s5", _matches, _read)
