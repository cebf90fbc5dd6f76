"""Quantised S4D: a recurrent S4D layer whose discrete parameters, state and outputs were trained on grids.

The names, and the places of the roundings, are those of the code of Zhao et al. (arXiv 2506.12480) and its copies:
dA, dB, dC and D beside buffers NAME_scales and NAME_zero_points, a state that is rounded and clamped, 2 Re(C x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.frontend.axes import Refused
from qssmc.frontend.layers.chain import build_chain, flat
from qssmc.frontend.layers.gridded import ROLES, gridded, states_of, times
from qssmc.frontend.layers.handler import Build, LayerHandler, tensors_of
from qssmc.frontend.probing import looks_like_quantiser, probed
from qssmc.ir.build import Builder
from qssmc.ir.ops import Add, Cast, Diag, Inject, Op, Readout, Scale, TypeFault
from qssmc.ir.table import Grid, Table
from qssmc.ir.types import Type

_AROUND = ("layer_activation", "activation", "mult_activation", "drop", "dropout", "output_linear")
Real = NDArray[np.float64]


def _named(module: nn.Module, role: str) -> str | None:
    own = tensors_of(module)
    return next((name for name in ROLES[role] if name in own), None)


def _matches(module: nn.Module) -> bool:
    own = tensors_of(module)
    names = [_named(module, role) for role in "ABC"]
    if None in names or own[str(names[0])].ndim < 2:
        return False
    return any(name.endswith(("_scales", "_scale")) for name in own) or any(
        looks_like_quantiser(part) for part in module.children()
    )


def numbers_of_table(module: nn.Module, name: str) -> Table:
    """A parameter, complex or real, on its grid if it has one: fake-quantised numbers, or integers with a scale.

    Integers are (q - zero point) * scale. Complex numbers are pairs in a last axis. Numbers on no grid, as those that
    were rounded in magnitude and angle, come without one.
    """
    own = tensors_of(module)
    given = own[name].detach().cpu()
    pairs = torch.view_as_real(given.resolve_conj()) if given.is_complex() else given
    scale = next((own[name + end] for end in ("_scales", "_scale") if name + end in own), None)
    zero = next((own[name + end] for end in ("_zero_points", "_zero_point") if name + end in own), None)
    fake = next((module._modules.get(name + end) for end in ("_quantizer", "_quantiser", "_quant")), None)
    if fake is not None and looks_like_quantiser(fake):
        return probed(fake, pairs.shape, 0).table(pairs)
    arrays = (None if one is None else one.detach().cpu().double().numpy() for one in (scale, zero))
    return gridded(name, pairs.numpy(), *arrays)


@dataclass(frozen=True)
class _Layer:
    """What a module holds. Casts are of terms and states (state), of the readout (recurrent) and of y (output)."""

    poles: Table
    b: Table
    c: Table
    d: Table | None
    heads: int
    state: Cast | None
    recurrent: Cast | None
    output: Cast | None
    after: list[nn.Module]

    def build(self, factor: float, whole: bool, terms: bool, b: Builder, stem: str, u: str, origin: str) -> str:
        """One step. factor: of Re(C x); whole: C reads the state before it is rounded; terms: A x, B u are rounded."""

        def add(op: Op, what: str, *inputs: str) -> str:
            return b.add(op, b.fresh(f"{stem}_{what}"), *inputs, origin=origin)

        count = self.poles.shape[0]
        heads = Table.integer(np.repeat(np.arange(self.heads), count // self.heads))
        x = b.state(b.fresh(f"{stem}_x"), Type((count,), complex=True), origin)
        ax, bu = add(Diag(lambda_bar=self.poles), "ax", x), add(Inject(b_bar=self.b, heads=heads), "bu", u)
        if terms and self.state is not None:
            ax, bu = add(self.state, "axq", ax), add(self.state, "buq", bu)
        total = add(Add(), "xn", ax, bu)
        b.updates[x] = total if self.state is None else add(self.state, "xq", total)
        c = Readout(c=times(self.c, factor), heads=heads, channels=self.heads)
        y = add(c, "cx", total if whole else b.updates[x])
        y = y if self.recurrent is None else add(self.recurrent, "cxq", y)
        if self.d is not None:
            y = add(Add(), "y", y, add(Scale(factor=self.d), "du", u))
        y = y if self.output is None else add(self.output, "yq", y)
        return build_chain(b, self.after, stem, y, origin)


def _layer(module: nn.Module) -> _Layer:
    a, b, c = (numbers_of_table(module, str(_named(module, role))) for role in "ABC")
    if a.data.ndim != 3 or a.data.shape[-1] != 2:
        raise TypeFault(f"its poles have shape {a.data.shape}; they must be (heads, states) complex, or with pairs")
    heads, states = a.data.shape[:2]
    count = heads * states
    if b.data.size != 2 * count or c.data.size != 2 * count:
        raise TypeFault(f"B and C must be of {heads} heads with {states} states; several channels have no form")
    named = _named(module, "D")
    d = None if named is None else numbers_of_table(module, named)
    if d is not None:
        grid = None if d.grid is None else Grid.of(np.broadcast_to(d.grid.scale, d.shape).reshape(heads), d.grid.width)
        d = Table.real(d.data.reshape(heads), grid)
    state = _cast(module, "state", (2, heads, states, 2), states)
    _check_clamp(module, state, a.data.shape)
    return _Layer(
        states_of(a, count), states_of(b, count), states_of(c, count), d, heads, state,
        _cast(module, "y_recur", (2, heads, 3), 1), _cast(module, "y_pre_output", (2, heads, 3), 1),
        [one for name in _AROUND if (part := module._modules.get(name)) is not None for one in flat(part)],
    )  # fmt: skip


def _cast(module: nn.Module, what: str, shape: tuple[int, ...], each: int) -> Cast | None:
    """The rounding of a child NAME_quantizer, with one scale a head, or for all."""
    ends = ("_quantizer", "_quantiser", "_quant", "_fake_quant")
    found = next((module._modules[what + end] for end in ends if module._modules.get(what + end) is not None), None)
    if found is None or isinstance(found, nn.Identity):
        return None
    try:
        quantiser = probed(found, shape, 1)
    except Refused as refused:
        raise TypeFault(f"{what}: {refused}") from refused
    if quantiser.axis is not None:
        scale, zero = np.repeat(quantiser.scale, each), np.repeat(quantiser.zero_point, each)
        quantiser = replace(quantiser, scale=scale, zero_point=zero)
    return quantiser.cast_of_each()


def _check_clamp(module: Any, state: Cast | None, shape: tuple[int, ...]) -> None:
    """The clamp of a state must lie beyond its levels, where it does nothing."""
    low, high = getattr(module, "state_clamp_min", None), getattr(module, "state_clamp_max", None)
    if state is None or low is None or high is None:
        return
    least, most = state.scale.data * state.low.data, state.scale.data * state.high.data
    if (least < float(low) * (1 + 1e-6)).any() or (most > float(high) * (1 + 1e-6)).any():
        raise TypeFault(
            f"its state is clamped to {low:g}..{high:g} inside of its levels, {least.min():g}..{most.max():g}; "
            "give the state's quantiser levels that end there"
        )


def _read(module: nn.Module) -> Iterator[tuple[str, Build]]:
    layer = _layer(module)
    grids = [name for name, t in (("A", layer.poles), ("B", layer.b), ("C", layer.c), ("D", layer.d)) if t and t.grid]
    on = f"{', '.join(grids)} on grids" if grids else "no parameter on a grid"
    for factor, whole, terms in product((2.0, 1.0), (True, False), (True, False)):
        told = f"y of the state {'before' if whole else 'after'} its rounding, {'terms rounded' if terms else 'sum'}"
        yield f"{on}, {factor:g} Re(C x), {told}", partial(layer.build, factor, whole, terms)


QUANTISED_S4D = LayerHandler("quantised S4D", "s4|s5|ssm|recurrent|quant|lru|diag", _matches, _read)
