"""Check: a layer of another's code against the ways to read it, by impulses and by random sequences."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.errors import QssmcError, UnsupportedModelError
from qssmc.frontend.answers import RunGraph
from qssmc.frontend.axes import Axis, to_channels_last
from qssmc.frontend.layers.declared import Declared
from qssmc.frontend.layers.handler import Build, LayerHandler
from qssmc.frontend.precision import precisions
from qssmc.ir.build import Builder
from qssmc.ir.ops import TypeFault
from qssmc.ir.types import Type
from qssmc.ir.verify import verify

_STEPS = 97  # of a probe; a prime, so that no axis of channels has its extent
_MOST_IMPULSES, _RANDOM = 32, 3
_SURE = 1e-10  # no other way is tried
TOLERANCES = {"float64": 1e-5, "float32": 1e-4}  # float64 copies may compute in complex64 inside


@dataclass(frozen=True)
class Accepted:
    """A way to read a layer whose numbers are the layer's: what it is, how it is built, its error and what it may be.

    rest: what the layer returns beside its answer, how many things; 0 where it returns a tensor alone.
    """

    what: str
    build: Build
    error: float
    allowed: float
    precision: str
    rest: int


def accept(
    handler: LayerHandler,
    layer: nn.Module,
    axes: tuple[Axis, ...],
    extra: Any,
    where: str,
    run: RunGraph,
    declared: Declared,
) -> Accepted:
    """The way to read a layer that agrees with it; raises UnsupportedModelError, with both numbers, if none does.

    axes: how the operand lies; extra: the other arguments of the call, (args, kwargs). declared: what
    approximations may differ by, and the length that layers made for one are run at.
    """
    samples = _probe(width_of(axes), _STEPS)
    try:
        wanted, precision, rest = answers_of_layer(layer, samples, axes, extra, where)
    except UnsupportedModelError:  # perhaps it is made for sequences of one length
        if declared.length is None:
            raise
        samples = _probe(width_of(axes), declared.length)
        wanted, precision, rest = answers_of_layer(layer, samples, axes, extra, where)
    best: tuple[float, str, Build, NDArray[np.float64]] | None = None
    reasons: list[str] = []
    for what, build in _ways(handler, layer, where, reasons):
        try:
            found = of_ir(build, samples, run)
        except (TypeFault, QssmcError) as fault:
            reasons.append(str(fault))
            continue
        if found.shape != wanted.shape:
            reasons.append(f"it answers with shape {wanted.shape[2:]} a step where the IR gives {found.shape[2:]}")
            continue
        error = float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))
        error = error if np.isfinite(error) else float("inf")
        if best is None or error < best[0]:
            best = (error, what, build, found)
        if error <= _SURE:
            break
    if best is None:
        why = reasons[0] if reasons else "its parameters give no stable system"
        raise UnsupportedModelError(f"{where}: {type(layer).__name__} looks like {handler.name}, but {why}; {_ADVICE}")
    error, what, build, found = best
    allowed = max(TOLERANCES[precision], declared.error if handler.approximate else 0.0)
    if not error <= allowed:
        at = np.unravel_index(int(np.abs(found - wanted).argmax()), wanted.shape)
        raise UnsupportedModelError(
            f"{where}: {type(layer).__name__} looks like {handler.name}, but at step {at[1]} of a probe its channel "
            f"{at[2]} is {wanted[at]:.6g} where {handler.name} ({what}) gives {found[at]:.6g}, {error:.1e} relative "
            f"(allowed: {allowed:.0e}, {precision}); {_ADVICE}"
        )
    return Accepted(what, build, error, allowed, precision, rest)


def _ways(handler: LayerHandler, layer: nn.Module, where: str, reasons: list[str]) -> Iterator[tuple[str, Build]]:
    """The ways that a handler knows; why it has none goes to the reasons."""
    try:
        yield from handler.read(layer)
    except TypeFault as fault:
        reasons.append(str(fault))
    except Exception as fault:  # a handler that reads shapes of which `matches` said nothing
        raise UnsupportedModelError(
            f"{where}: {type(layer).__name__} looks like {handler.name}, but its parameters cannot be read so "
            f"({fault}); {_ADVICE}"
        ) from fault


_ADVICE = "register a handler for it with qssmc.register, or use qssmc.models.S4D"


def _probe(channels: int, steps: int) -> NDArray[np.float64]:
    """An impulse on each of the first channels, and random sequences. (count, steps, channels)."""
    rng = np.random.default_rng(0)
    impulses = np.zeros((min(channels, _MOST_IMPULSES), steps, channels))
    for channel, sequence in enumerate(impulses):
        sequence[0, channel] = 1.0
    return np.concatenate([impulses, rng.normal(size=(_RANDOM, steps, channels))])


def width_of(axes: tuple[Axis, ...]) -> int:
    """The number of channels of a layout."""
    return int(np.prod([axis.extent for axis in axes if axis.kind == "channel"], dtype=int))


def of_ir(build: Build, samples: NDArray[np.float64], run: RunGraph) -> NDArray[np.float64]:
    """What the ops of a layer answer to samples (count, steps, channels)."""
    b = Builder("probe", "float")
    u = b.input("u", Type((samples.shape[2],)), "input")
    b.output("y", build(b, "probe", u, "probe"), "step")
    with np.errstate(all="ignore"):
        return run(verify(b.graph()), samples)["y"]


def answers_of_layer(
    layer: nn.Module, samples: NDArray[np.float64], axes: tuple[Axis, ...], extra: Any, where: str
) -> tuple[NDArray[np.float64], str, int]:
    """What the live layer answers, (count, steps, channels), in which precision, and how many things beside it."""
    args, kwargs = extra
    lengths = {"batch": len(samples), "time": samples.shape[1], "one": 1}
    kinds = [axis.kind for axis in axes]
    if sorted(kind for kind in kinds if kind in ("batch", "time")) != ["batch", "time"]:
        raise UnsupportedModelError(f"{where}: its operand must have an axis of batch and one of time")
    lying = torch.from_numpy(samples).reshape(
        len(samples), samples.shape[1], *(axis.extent for axis in axes if axis.kind == "channel")
    )
    order = [kinds.index("batch"), kinds.index("time"), *(i for i, kind in enumerate(kinds) if kind == "channel")]
    present = lying.permute([order.index(i) for i in sorted(order)])
    shape = [axis.extent if axis.kind == "channel" else lengths[axis.kind] for axis in axes]
    u = present.reshape(shape)
    failed = ""
    for precision, kind, change in precisions():
        live = change(copy.deepcopy(layer).eval())
        try:
            with torch.no_grad():
                found = live(u.to(kind), *args, **kwargs)
        except Exception as error:  # it is the user's layer that runs
            failed = failed or (str(error).splitlines()[0] if str(error) else type(error).__name__)
            continue
        first = found[0] if isinstance(found, (tuple, list)) and found else found
        rest = len(found) if isinstance(found, (tuple, list)) else 0
        if not isinstance(first, torch.Tensor):
            raise UnsupportedModelError(f"{where}: {type(layer).__name__} returns {type(first).__name__}, not a tensor")
        single = first.dtype != torch.float64
        if first.is_complex() or not bool(torch.isfinite(first).all()):
            raise UnsupportedModelError(f"{where}: {type(layer).__name__} answers with complex or infinite values")
        return to_channels_last(first.double(), axes, where), "float32" if single else precision, rest
    raise UnsupportedModelError(
        f"{where}: {type(layer).__name__} fails on an operand of shape {tuple(shape)} ({failed}); "
        "its axes are those that the calls before it give"
    )
