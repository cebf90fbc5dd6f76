"""S4D: the diagonal layer of Gu et al. (arXiv 2206.11893) as the state-spaces repository and its copies write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn

from qssmc.frontend.layers.chain import build_chain, flat
from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import System, as_complex, by_heads, real
from qssmc.ir.build import Builder
from qssmc.ir.ops import Method

# What the copies call each parameter.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "dt": ("log_dt", "inv_dt", "log_step"),
    "re": ("log_A_real", "inv_A_real", "log_a_real", "A_real_log"),
    "im": ("A_imag", "a_imag", "inv_A_imag"),
    "c": ("C", "c"),
}
_METHODS: tuple[Method, ...] = ("zoh", "bilinear")


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters of the kernel, in the module itself or in its child of that name, by their usual meaning."""
    places = [module, *(child for name, child in module.named_children() if "kernel" in name.lower())]
    for place in places:
        own = tensors_of(place)
        found = {key: own[name] for key, names in _NAMES.items() for name in names if name in own}
        if len(found) == len(_NAMES):
            found |= {key: own[name] for key in ("b", "d") for name in (key.upper(), key) if name in own}
            outer = tensors_of(module)
            feed = [outer[name] for name in ("D", "d") if name in outer]
            return {**found, "d": feed[0]} if feed else found
    return {}


def _matches(module: nn.Module) -> bool:
    t = _tensors(module)
    if not t or t["re"].ndim < 2:
        return False
    heads, states = t["re"].shape[-2:]
    count = t["c"].numel() // (1 if t["c"].is_complex() else 2)
    return t["im"].numel() == heads * states == count and t["dt"].numel() in (heads, heads * states)


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    t = _tensors(module)
    heads, states = t["re"].shape[-2:]
    shape = (heads, states)
    a_real, a_imag = -np.exp(real(t["re"]).reshape(shape)), real(t["im"]).reshape(shape)
    c = as_complex(t["c"]).reshape(shape)
    dt = np.exp(real(t["dt"]))
    dt = dt.reshape(shape) if dt.size == heads * states and states > 1 else dt.reshape(heads)
    d = real(t["d"]).reshape(-1) if "d" in t else None
    unit = np.ones(shape, np.complex128)
    inputs = {"b = 1": unit}
    if "b" in t:
        given = as_complex(t["b"])
        inputs = {"b given": np.broadcast_to(given.reshape(given.shape[-2:]) if given.ndim > 1 else given, shape)}
    parts = [part for name, child in module.named_children() if "kernel" not in name.lower() for part in flat(child)]
    for method, factor, sign, (what, b) in product(_METHODS, (2.0, 1.0), (1.0, -1.0), inputs.items()):
        system = by_heads(a_real + sign * 1j * a_imag, b, factor * c, dt, d, method)
        conjugate = ", conjugate poles" if sign < 0 else ""
        yield f"{method}, {what}, {factor:g} Re{conjugate}", partial(_build, system, parts)


def _build(system: System, parts: list[nn.Module], b: Builder, stem: str, u: str, origin: str) -> str:
    return build_chain(b, parts, stem, system.build(b, stem, u, origin), origin)


S4D = LayerHandler("S4D", "s4|diag|ssm|ssk", _matches, _read)
