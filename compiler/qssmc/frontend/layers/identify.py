"""Identify: a linear, time-invariant layer as poles, from its impulse response (Juang and Pappa, JGCD 1985)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from qssmc.errors import QssmcError, UnsupportedModelError
from qssmc.frontend.answers import RunGraph
from qssmc.frontend.axes import Axis
from qssmc.frontend.layers.check import Accepted, answers_of_layer, of_ir, width_of
from qssmc.frontend.layers.declared import Declared
from qssmc.frontend.layers.diagonal import by_heads_of, diagonal_form
from qssmc.frontend.layers.system import Complex, Real, System
from qssmc.ir.build import Builder
from qssmc.ir.ops import Offset, TypeFault
from qssmc.ir.table import Table

_STEPS = 512  # of a probe; the first half identifies, all of it is compared
_LARGEST = 768  # rows and columns of a Hankel matrix
_SHARES = tuple(10.0**-k for k in range(2, 14))  # of the largest singular value: where orders are tried
_LEAST_POLE = 1e-6  # a faster one is a delay, which no pole is
_SLOWEST = 1.0 - 1e-9  # a pole beyond is a sum over all time
_SAME = {"float64": 1e-8, "float32": 1e-4}  # what a layer may differ from itself by, as linearity and delay ask


@dataclass(frozen=True)
class _Response:
    """What a live layer does. h: its impulse response, (steps, H_out, H_in); offset: its answer to zeros, (H_out,)."""

    h: Real
    offset: Real
    precision: str
    rest: int
    answer: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def identified(
    layer: nn.Module, axes: tuple[Axis, ...], extra: Any, where: str, run: RunGraph, declared: Declared
) -> Accepted:
    """A layer that a user declares linear and time-invariant, as the system whose impulse response is nearest.

    Raises UnsupportedModelError, with the numbers, for a layer that is not, or that no system of few poles comes near.
    """
    name = f"{where}: {type(layer).__name__} is declared linear and time-invariant (--lti)"
    response = _response(layer, axes, extra, where, name, declared)
    best: tuple[float, System] | None = None
    fault = "its impulse response is no sum of decaying exponentials"
    for system in _systems(response.h):
        if isinstance(system, TypeFault):
            fault = str(system)
            continue
        error = _error(system, response.h)
        if best is None or error < best[0]:
            best = (error, system)
        if error <= declared.error / 100.0:
            break
    if best is None:
        raise UnsupportedModelError(f"{name}, but {fault}; {_ADVICE}")
    system = best[1]
    build = partial(_build, system, response.offset)
    error = _compared(build, response, run, where)
    if not error <= declared.error:
        raise UnsupportedModelError(
            f"{name}, but {len(system.poles)} poles, the best that its impulse response gives, differ from it by "
            f"{error:.1e} relative over {len(response.h)} steps (allowed: {declared.error:.0e}, --lti-error); {_ADVICE}"
        )
    bound = np.abs(_kernel(system, len(response.h)) - response.h).sum((0, 2)).max()
    what = f"identified: {len(system.poles)} poles, off by at most {bound:.1e} for inputs within -1..1"
    return Accepted(what, build, error, declared.error, response.precision, response.rest)


_ADVICE = "register a handler for it with qssmc.register, or use qssmc.models.S4D"


def _response(
    layer: nn.Module, axes: tuple[Axis, ...], extra: Any, where: str, name: str, declared: Declared
) -> _Response:
    channels = width_of(axes)
    try:
        return _probed(layer, axes, extra, where, name, channels, _STEPS)
    except _Fails:
        if declared.length is None or declared.length < 2:
            raise
        return _probed(layer, axes, extra, where, name, channels, declared.length)


class _Fails(UnsupportedModelError):
    """A layer that does not run on sequences of a length."""


def _probed(
    layer: nn.Module, axes: tuple[Axis, ...], extra: Any, where: str, name: str, channels: int, steps: int
) -> _Response:
    """Ask a live layer for its impulse response, and whether it is linear, causal and the same at every step."""

    def answer(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        return answers_of_layer(layer, samples, axes, extra, where)[0]

    rng = np.random.default_rng(0)
    late = 2 * steps // 3
    probes = np.zeros((2 * channels + 4, steps, channels))
    for channel in range(channels):
        probes[channel, 0, channel] = probes[channels + channel, late, channel] = 1.0
    one, two = rng.normal(size=(2, steps, channels))
    probes[2 * channels : 2 * channels + 3] = one, two, 2.0 * one - 3.0 * two
    try:
        found, precision, rest = answers_of_layer(layer, probes, axes, extra, where)
    except UnsupportedModelError as error:
        raise _Fails(str(error)) from error
    zero = found[-1]
    moved = found - zero
    scale = max(float(np.abs(moved).max()), 1e-30)
    same = _SAME[precision]
    off = {
        "its answer to zeros changes with time, by {:.1e} relative": np.abs(zero - zero[:1]).max() / max(scale, 1e-30),
        "it is not linear: the answer to 2 a - 3 b differs from 2 (answer to a) - 3 (answer to b) by {:.1e} relative": (
            np.abs(moved[2 * channels + 2] - 2.0 * moved[2 * channels] + 3.0 * moved[2 * channels + 1]).max() / scale
        ),
        "it answers before the sample comes, by {:.1e} relative": (
            np.abs(moved[channels : 2 * channels, :late]).max() / scale
        ),
        "a later sample is answered otherwise, by {:.1e} relative": (
            np.abs(moved[channels : 2 * channels, late:] - moved[:channels, : steps - late]).max() / scale
        ),
    }
    for what, much in off.items():
        if not much <= same:
            raise UnsupportedModelError(f"{name}, but {what.format(much)} (allowed: {same:.0e}, {precision})")
    return _Response(moved[:channels].transpose(1, 2, 0), zero[0], precision, rest, answer)


def _systems(h: Real) -> Iterator[System | TypeFault]:
    """Systems of ever more poles, or why there is none of some number. h: (steps, H_out, H_in)."""
    outputs, inputs = h.shape[1:]
    alone = (
        outputs == inputs and not np.abs(h[:, ~np.eye(outputs, dtype=bool)]).max(initial=0.0) > 1e-9 * np.abs(h).max()
    )
    each = [h[:, i : i + 1, i : i + 1] for i in range(outputs)] if alone else [h]
    factors = [_factors(one[: max(len(h) // 2, 3)]) for one in each]
    seen = set()
    for share in _SHARES:
        orders = tuple(int((values > share * values[0]).sum()) for _, values, _, _ in factors)
        if orders in seen:
            continue
        seen.add(orders)
        try:
            parts = [_realised(*factor[:3], factor[3], order) for factor, order in zip(factors, orders, strict=True)]
        except TypeFault as fault:
            yield fault
            continue
        if alone:
            yield by_heads_of([part[:3] for part in parts], np.array([part[3][0, 0] for part in parts]))
        else:
            ((poles, b, c, d),) = parts
            yield System(poles, b, c, d, outputs)


def _factors(h: Real) -> tuple[Real, Real, Real, Real]:
    """The singular values and vectors of the Hankel matrix of h[1:], and h itself."""
    steps, outputs, inputs = h.shape
    rows = max(1, min((steps - 1) // 2, _LARGEST // outputs))
    columns = max(1, min(steps - 1 - rows, _LARGEST // inputs))
    at = np.arange(rows)[:, None] + np.arange(columns) + 1
    hankel = h[at].transpose(0, 2, 1, 3).reshape(rows * outputs, columns * inputs)
    u, values, v = np.linalg.svd(hankel, full_matrices=False)
    return u, values, v, h


def _realised(u: Real, values: Real, v: Real, h: Real, order: int) -> tuple[Complex, Complex, Complex, Real]:
    """Poles, b, c and d of x' = a x + b u, y = Re(c x') + d u, of so many singular values."""
    outputs, inputs = h.shape[1:]
    root = np.sqrt(values[:order])
    seen = u[:, :order] * root
    a = np.linalg.lstsq(seen[:-outputs], seen[outputs:], rcond=None)[0]
    if len(a) and not np.abs(np.linalg.eigvals(a)).max() < _SLOWEST:
        raise TypeFault("its impulse response does not decay")
    poles, b, c = diagonal_form(np.asarray(a, np.float64), root[:, None] * v[:order, :inputs], seen[:outputs])
    if len(poles) and np.abs(poles).min() < _LEAST_POLE:
        raise TypeFault("it is a delay or a convolution of few taps, not a recurrence")
    c = c / poles  # it is read after the sample, one step later than the Hankel matrix has it
    return poles, b, c, np.asarray(h[0] - (c @ b).real)


def _kernel(system: System, steps: int) -> Real:
    """The impulse response of a system, (steps, H_out, H_in)."""
    powers = system.poles ** np.arange(steps)[:, None]
    if system.heads is None:
        found = np.einsum("os,ts,si->toi", system.c, powers, system.b).real
        through = system.d if system.d is not None else np.zeros(found.shape[1:])
    else:
        own = (powers * system.c * system.b).real
        found = np.zeros((steps, system.channels, system.channels))
        for head in range(system.channels):
            found[:, head, head] = own[:, system.heads == head].sum(1)
        through = np.diag(system.d) if system.d is not None else np.zeros(found.shape[1:])
    found[0] += through
    return np.asarray(found)


def _error(system: System, h: Real) -> float:
    error = float(np.abs(_kernel(system, len(h)) - h).max() / max(float(np.abs(h).max()), 1e-30))
    return error if np.isfinite(error) else np.inf


def _compared(build: Any, response: _Response, run: RunGraph, where: str) -> float:
    """The largest difference from the live layer on random sequences, relative to the largest answer."""
    samples = np.random.default_rng(1).normal(size=(3, len(response.h), response.h.shape[2]))
    try:
        found, wanted = of_ir(build, samples, run), response.answer(samples)
    except (TypeFault, QssmcError) as fault:
        raise UnsupportedModelError(f"{where}: {fault}") from fault
    error = float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))
    return error if np.isfinite(error) else np.inf


def _build(system: System, offset: Real, b: Builder, stem: str, u: str, origin: str) -> str:
    y = system.build(b, stem, u, origin)
    if not offset.any():
        return y
    return b.add(Offset(value=Table.real(offset)), b.fresh(f"{stem}_offset"), y, origin=origin)
