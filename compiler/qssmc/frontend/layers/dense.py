"""Dense: layers with a dense state matrix: plain state spaces, and the Legendre memory unit (Voelker et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn

from qssmc.frontend.layers.chain import build_chain
from qssmc.frontend.layers.diagonal import diagonal_form, discretized
from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.layers.system import Real, System, real
from qssmc.ir.build import Builder
from qssmc.ir.ops import Add, Matvec, TypeFault
from qssmc.ir.table import Table

_A, _B, _C, _D = ("A", "a", "A_bar", "Ad"), ("B", "b", "B_bar", "Bd"), ("C", "c"), ("D", "d")
_STEPS = ("log_dt", "log_step", "dt", "delta")


def _named(own: dict[str, torch.Tensor], names: tuple[str, ...]) -> Real | None:
    return next((real(own[name]) for name in names if name in own and not own[name].is_complex()), None)


def _matrices(module: nn.Module) -> tuple[Real, Real] | None:
    """A (N, N), at least 2, and B (N, H_in), real."""
    own = dict(tensors_of(module))
    a, b = _named(own, _A), _named(own, _B)
    if a is None or b is None or a.ndim != 2 or a.shape[0] != a.shape[1] or len(a) < 2:
        return None
    b = b.reshape(len(a), -1) if b.ndim == 1 and b.size == len(a) else b
    if b.ndim == 2 and b.shape[0] != len(a) and b.shape[1] == len(a):
        b = b.T
    return (a, b) if b.ndim == 2 and b.shape[0] == len(a) else None


def _steps(module: nn.Module, a: Real, b: Real) -> Iterator[tuple[str, Real, Real]]:
    """Ways that A and B become those of one step: as they are, transposed, or by a step length of the module's own."""
    own = dict(tensors_of(module))
    step = next((real(own[name]).ravel() for name in _STEPS if name in own), None)
    if step is None or step.size != 1:
        yield "A of one step", a, b
        yield "A of one step, transposed", a.T, b
        return
    for value in (float(np.exp(step[0])), float(step[0])):
        for method in ("zoh", "bilinear"):
            if value > 0.0:
                yield f"{method}, dt = {value:.3g}", *discretized(a, b, value, "zoh" if method == "zoh" else "bilinear")


def _matches_space(module: nn.Module) -> bool:
    matrices = _matrices(module)
    c = _named(dict(tensors_of(module)), _C)
    return matrices is not None and c is not None and c.ndim == 2 and len(matrices[0]) in c.shape


def _read_space(module: nn.Module) -> Iterator[tuple[str, Build]]:
    matrices, c = _matrices(module), _named(dict(tensors_of(module)), _C)
    assert matrices is not None
    assert c is not None
    n = len(matrices[0])
    c = c if c.shape[1] == n else c.T
    d = _named(dict(tensors_of(module)), _D)
    for (what, a, b), late in product(_steps(module, *matrices), (False, True)):
        # Some read the state before the sample is added: C x, with one step's delay.
        yield f"{what}{', read before the sample' if late else ''}", partial(_space, a, b, c, d, late=late)


def _space(
    a: Real, b: Real, c: Real, d: Real | None, builder: Builder, stem: str, u: str, origin: str, *, late: bool
) -> str:
    return _system(a, b, c, d, late=late).build(builder, stem, u, origin)


def _system(a: Real, b: Real, c: Real, d: Real | None, *, late: bool = False) -> System:
    poles, inputs, outputs = diagonal_form(a, b, c)
    if late:
        if len(poles) and np.abs(poles).min() < 1e-6:
            raise TypeFault("its state matrix is singular, and its answer one step late")
        outputs = outputs / poles
        direct = -(outputs @ inputs).real
        d = direct if d is None else direct + (d if d.ndim == 2 else np.diag(d))
    return System(poles, inputs, outputs, d, len(c))


SPACE = LayerHandler(
    "a dense state space", "ssm|lssl|hippo|state_?space|lti|linear_?system|lds|dense", _matches_space, _read_space, True
)


# --- the Legendre memory unit, with no path from its memory back to its input -----------------------------------------


def _linears(module: nn.Module) -> tuple[nn.Linear, nn.Linear] | None:
    """The layer that reads the input, of one output, and the one that reads memory and input."""
    own = dict(module.named_children())
    reads = next((own[name] for name in ("W_u", "w_u", "encoder") if isinstance(own.get(name), nn.Linear)), None)
    mixes = next((own[name] for name in ("W_h", "w_h", "decoder") if isinstance(own.get(name), nn.Linear)), None)
    return (reads, mixes) if isinstance(reads, nn.Linear) and isinstance(mixes, nn.Linear) else None


def _matches_memory(module: nn.Module) -> bool:
    matrices, linears = _matrices(module), _linears(module)
    if matrices is None or linears is None:
        return False
    reads, mixes = linears
    return matrices[1].shape[1] == reads.out_features and mixes.in_features == len(matrices[0]) + reads.in_features


def _activations(module: nn.Module, name: str) -> list[nn.Module]:
    return [child for key, child in module.named_children() if key == name]


def _read_memory(module: nn.Module) -> Iterator[tuple[str, Build]]:
    matrices, linears = _matrices(module), _linears(module)
    assert matrices is not None
    assert linears is not None
    for (what, a, b), memory_first in product(_steps(module, *matrices), (True, False)):
        order = "memory, then input" if memory_first else "input, then memory"
        yield f"{what}, {order}", partial(_memory, module, a, b, memory_first)


def _memory(
    module: nn.Module, a: Real, b: Real, memory_first: bool, bld: Builder, stem: str, x: str, origin: str
) -> str:
    """h = f_h(W_h [m, x]), m' = A m + B f_u(W_u x): equations 18 to 20 of Chilkuri and Eliasmith, 2021."""
    linears = _linears(module)
    assert linears is not None
    reads, mixes = linears
    u = build_chain(bld, [reads, *_activations(module, "f_u")], f"{stem}_u", x, origin)
    weight = mixes.weight.detach().cpu().double().numpy()
    bias = np.zeros(len(weight)) if mixes.bias is None else mixes.bias.detach().cpu().double().numpy()
    n, own = len(a), reads.in_features
    from_memory, from_input = (weight[:, :n], weight[:, n:]) if memory_first else (weight[:, own:], weight[:, :own])
    # The memory is read by W_h alone, so that its states need not be formed one by one.
    m = _system(a, b, from_memory, None).build(bld, f"{stem}_m", u, origin)
    through = Matvec(weight=Table.real(from_input), bias=Table.real(bias))
    y = bld.add(
        Add(), bld.fresh(f"{stem}_h"), m, bld.add(through, bld.fresh(f"{stem}_x"), x, origin=origin), origin=origin
    )
    return build_chain(bld, _activations(module, "f_h"), f"{stem}_h", y, origin)


MEMORY = LayerHandler("a Legendre memory unit", "lmu|legendre", _matches_memory, _read_memory, True)
