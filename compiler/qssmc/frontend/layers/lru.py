"""LRU: the linear recurrent unit of Orvieto et al. (arXiv 2303.06349), section 3.5 and appendix A."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import nn

from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Complex, System, as_complex, real

_NAMES = ("nu_log", "theta_log", "gamma_log")


def _matrix(module: nn.Module, name: str) -> Complex | None:
    """A complex matrix that is kept as one parameter or as two."""
    own = tensors_of(module)
    for re, im in ((f"{name}_re", f"{name}_im"), (f"{name}_real", f"{name}_imag")):
        if re in own and im in own:
            return np.asarray(real(own[re]) + 1j * real(own[im]))
    if name in own and (own[name].is_complex() or own[name].shape[-1:] == (2,)):
        return as_complex(own[name])
    return None


def _matches(module: nn.Module) -> bool:
    own = tensors_of(module)
    if not all(name in own for name in _NAMES[:2]):
        return False
    b, c = _matrix(module, "B"), _matrix(module, "C")
    states = own["nu_log"].numel()
    return b is not None and c is not None and b.ndim == c.ndim == 2 and b.shape[0] == states == c.shape[1]


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    own = tensors_of(module)
    b, c = _matrix(module, "B"), _matrix(module, "C")
    assert b is not None
    assert c is not None
    poles = np.exp(-np.exp(real(own["nu_log"]).ravel()) + 1j * np.exp(real(own["theta_log"]).ravel()))
    gains = {"gamma from the poles": np.sqrt(1.0 - np.abs(poles) ** 2)}
    if "gamma_log" in own:
        gains = {"gamma given": np.exp(real(own["gamma_log"]).ravel())}
    d = real(own["D"]) if "D" in own else None
    for what, gain in gains.items():
        for factor in (1.0, 2.0):
            system = System(poles, gain[:, None] * b, factor * c, d, len(c))
            yield f"{what}, {factor:g} Re", system.build


LRU = LayerHandler("LRU", "lru|linear_?recurrent", _matches, _read)
