"""S4: blocks of the state-spaces repository: diagonal, real diagonal, and diagonal plus low rank (arXiv 2111.00396)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn

from qssmc.frontend.layers.chain import build_chain, flat
from qssmc.frontend.layers.diagonal import by_heads_of, diagonal_form, discretized
from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Complex, Real, System, as_complex, by_heads, real
from qssmc.ir.build import Builder
from qssmc.ir.ops import Method, Take, TypeFault
from qssmc.ir.table import Table

# What the versions of the repository call each parameter, and the buffer of the length that C is made for.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "dt": ("inv_dt", "log_dt"),
    "re": ("A_real", "inv_A_real", "inv_w_real", "log_w_real", "log_A_real"),
    "im": ("A_imag", "inv_A_imag", "w_imag"),
    "b": ("B",),
    "c": ("C",),
    "p": ("P",),
    "length": ("l_kernel", "L"),
}
_NEEDED = ("dt", "re", "b", "c")
_METHODS: tuple[Method, ...] = ("zoh", "bilinear")


@dataclass(frozen=True)
class HeadParameters:
    """Continuous parameters of H heads of N complex states, each read by C channels.

    dt: (H,) or (H, N); a, b: (H, N); c: (C, H, N); p: (R, H, N), the state matrix being diag(a) - p p*, or None;
    length: of the sequences that c was premultiplied for, 0 if it was not.
    """

    dt: Real
    a: Complex
    b: Complex
    c: Complex
    p: Complex | None
    length: int


def _place(module: nn.Module) -> nn.Module | None:
    """The module that holds the kernel's parameters: itself, or the one called kernel within."""
    found = [module]
    while found:
        place = found.pop(0)
        own = tensors_of(place)
        if all(any(name in own for name in _NAMES[key]) for key in _NEEDED):
            return place
        found += [child for name, child in place.named_children() if "kernel" in name.lower()]
    return None


def _tensors(place: nn.Module) -> dict[str, torch.Tensor]:
    own = tensors_of(place)
    return {key: own[name] for key, names in _NAMES.items() for name in names if name in own}


def _dims(tensor: torch.Tensor, *, is_real: bool) -> tuple[int, ...]:
    """The shape of a complex parameter without its axis of (re, im)."""
    return tuple(tensor.shape) if is_real or tensor.is_complex() else tuple(tensor.shape[:-1])


def _matches(module: nn.Module, *, low_rank: bool) -> bool:
    place = _place(module)
    if place is None:
        return False
    t = _tensors(place)
    is_real = "im" not in t
    c, b, heads = _dims(t["c"], is_real=is_real), _dims(t["b"], is_real=is_real), t["dt"].shape[0]
    if ("p" in t) != low_rank or len(c) != 3 or t["re"].ndim != 2 or t["dt"].ndim not in (1, 2):
        return False
    few, states = t["re"].shape
    return heads % few == 0 and c[2] == states and c[1] in (1, heads) and b[-2:] == (few, states)


def _positive(place: nn.Module, attribute: str, otherwise: str, raw: Real) -> Real:
    """A positive parameter as the repository's versions write it, by the attribute that names its transform."""
    kind = str(getattr(place, attribute, otherwise))
    if kind == "exp":
        return np.asarray(np.exp(raw))
    if kind == "softplus":
        return np.asarray(np.logaddexp(0.0, raw))
    if kind == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-raw)))
    if kind == "relu":
        return np.asarray(np.maximum(raw, 0.0) + 1e-4)
    if kind == "none":
        return raw
    raise TypeFault(f"{attribute} = {kind!r} is not known")


def _kernel(place: nn.Module, sign: float) -> HeadParameters:
    """The parameters of a kernel. sign: of the poles' imaginary parts, which versions write differently."""
    t = _tensors(place)
    heads = t["dt"].shape[0]
    raw = real(t["dt"])
    dt = _positive(place, "dt_transform", "exp", np.sinh(raw) if getattr(place, "dt_fast", False) else raw)
    dt = dt[:, 0] if dt.ndim == 2 and dt.shape[1] == 1 else dt
    decay = -_positive(place, "real_transform", "exp", real(t["re"]))
    if "im" in t:
        a: Complex = decay + sign * 1j * _positive(place, "imag_transform", "none", real(t["im"]))
        b, c = as_complex(t["b"]), as_complex(t["c"])
    else:
        a = decay.astype(np.complex128)
        b, c = (real(t[key]).astype(np.complex128) for key in ("b", "c"))
    times = heads // len(a)
    p = np.tile(as_complex(t["p"]), (1, times, 1)) if "p" in t else None
    b = np.tile(b.reshape(-1, *a.shape)[0], (times, 1))
    a = np.tile(a, (times, 1))
    c = np.broadcast_to(c, (len(c), *a.shape))
    limit = getattr(place, "bandlimit", None)
    if limit is not None:
        step = dt if dt.ndim == 2 else dt[:, None]
        c = np.where(step * np.abs(a.imag) / (2.0 * np.pi) < 0.5 * float(limit), c, 0.0)
    length = int(t["length"].item()) if "length" in t and t["length"].numel() == 1 else 0
    return HeadParameters(dt, a, b, c, p, length)


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    place = _place(module)
    assert place is not None
    given = getattr(place, "disc", None)
    _refuse_two_ways(module)
    if given is not None and given not in _METHODS:
        raise TypeFault(f"its discretisation {given!r} depends on the length of a sequence; retrain with 'zoh'")
    outer = tensors_of(module)
    d = next((real(outer[name]).reshape(-1) for name in ("D", "d") if name in outer), None)
    parts = [part for name, child in module.named_children() if "kernel" not in name.lower() for part in flat(child)]
    for sign in (-1.0, 1.0):
        kernel = _kernel(place, sign)
        conjugate = ", conjugate poles" if sign > 0 else ""
        for what, order, system in _systems(kernel, d, given):
            yield f"{what}{conjugate}", partial(_build, system, order, len(kernel.a), parts)


def _refuse_two_ways(module: nn.Module) -> None:
    if getattr(module, "bidirectional", False):
        raise TypeFault(
            "it is bidirectional: it reads samples that are still to come, and a streaming design knows the past "
            "alone; retrain with bidirectional=False"
        )


def _systems(kernel: HeadParameters, d: Real | None, given: Any) -> Iterator[tuple[str, str, System]]:
    """(what it is, order of the channels in the answer, the system) of all ways that the parameters leave open."""
    channels, heads, states = kernel.c.shape
    a, b = (np.tile(x, (channels, 1)) for x in (kernel.a, kernel.b))
    dt = np.concatenate([kernel.dt] * channels)
    c = kernel.c.reshape(channels * heads, states)
    orders = ("ch",) if channels == 1 else ("ch", "hc")
    if kernel.p is None:
        for method, factor in product((given,) if given else _METHODS, (2.0, 1.0)):
            system = by_heads(a, b, factor * c, dt, d, method)
            for order in orders:
                yield f"diagonal, {method}, {factor:g} Re", order, system
        return
    low_rank = by_heads_of([_low_rank_head(kernel, row, head) for row in range(channels) for head in range(heads)], d)
    for order in orders:
        yield f"diagonal plus low rank, bilinear, {len(low_rank.poles)} poles", order, low_rank


def _low_rank_head(kernel: HeadParameters, row: int, head: int) -> tuple[Complex, Complex, Complex]:
    """Poles, b and c of one head of S4: diag(a) - p p*, its conjugate beside it, in real coordinates."""
    assert kernel.p is not None
    n = kernel.a.shape[1]
    unit = np.eye(n)
    # x and its conjugate to sqrt(2) (Re x, Im x): a unitary change, after which every matrix is real.
    turn = np.block([[unit, unit], [-1j * unit, 1j * unit]]) / np.sqrt(2.0)
    a, b, c, p = (
        np.concatenate([x, x.conj()], -1)
        for x in (kernel.a[head], kernel.b[head], kernel.c[row, head], kernel.p[:, head])
    )
    matrix = (turn @ (np.diag(a) - p.T @ p.conj()) @ turn.conj().T).real
    step = float(np.atleast_1d(kernel.dt[head])[0])
    a_bar, b_bar = discretized(matrix, (turn @ b).real[:, None], step, "bilinear")
    readout = (c @ turn.conj().T).real[None]
    if kernel.length:  # c is kept times (1 - a_bar**length), which the transform of the kernel divides by
        readout = np.linalg.solve((np.eye(2 * n) - np.linalg.matrix_power(a_bar, kernel.length)).T, readout.T).T
    return diagonal_form(a_bar, b_bar, readout)


def _build(
    system: System, order: str, heads: int, parts: list[nn.Module], b: Builder, stem: str, u: str, origin: str
) -> str:
    count = system.channels // heads
    if count > 1:
        indices = Table.integer(np.tile(np.arange(heads), count))
        u = b.add(Take(indices=indices), b.fresh(f"{stem}_copies"), u, origin=origin)
    y = system.build(b, stem, u, origin)
    if order == "hc":
        indices = Table.integer(np.arange(system.channels).reshape(count, heads).T.ravel())
        y = b.add(Take(indices=indices), b.fresh(f"{stem}_order"), y, origin=origin)
    return build_chain(b, parts, stem, y, origin)


_CLASSES = "s4|conv|diag|dplr|nplr|ssm|ssk|lssl"
S4 = LayerHandler("S4", _CLASSES, lambda module: _matches(module, low_rank=False), _read)
S4_LOW_RANK = LayerHandler("S4", _CLASSES, lambda module: _matches(module, low_rank=True), _read, approximate=True)
