"""Probing: a rounding module of anyone's, found by what it does to numbers: its scale, levels and ties."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qssmc.frontend.axes import Refused
from qssmc.frontend.precision import in_double
from qssmc.frontend.quantiser import Quantiser

_NAMES = re.compile(
    r"quanti[sz]er|fake_?quant|quant_?(act|identity|input|output|state|relu)|^quant$|^lsq|lsq$|^pact", re.IGNORECASE
)
_FAR = 1e6  # beyond the range of every quantiser
_STEPS = 1 << 13  # that a range is looked at by
_MOST_LEVELS = 1 << 16
_NEAR = 1e-6  # of a step
Real = NDArray[np.float64]


def looks_like_quantiser(module: nn.Module) -> bool:
    """Whether a module that is not torch's is named as quantisers of activations are, and has no matrix of weights."""
    kind = type(module)
    if kind.__module__.startswith("torch.") or not _NAMES.search(kind.__name__):
        return False
    matrices = [p for p in module.parameters() if p.ndim >= 2 and min(p.shape) > 1]
    return not matrices and not any(isinstance(part, (nn.Linear, nn.Conv1d)) for part in module.modules())


def probed(module: nn.Module, shape: Sequence[int], axis: int | None = None) -> Quantiser:
    """The grid of a module that rounds each element by itself, by its answers in float64.

    shape: of what it takes, a batch axis first; axis: along which scales may differ. Raises Refused for a module whose
    scale follows the data, that does not saturate, or whose levels are not a grid with 0 on it.
    """
    ask = _Asked(module, tuple(shape), axis)
    low, high = ask(np.array([-_FAR])).ravel(), ask(np.array([_FAR])).ravel()
    if (high - low <= 0.0).any() or (high >= _FAR).any() or (low <= -_FAR).any():
        raise Refused(f"{ask.name} has no least and largest level; give it levels from low to high")
    scales, firsts, lasts = (np.zeros(len(low)) for _ in range(3))
    for at, (first, last) in enumerate(zip(low, high, strict=True)):
        scales[at] = ask.step(first, last, at)
        firsts[at], lasts[at] = np.rint(first / scales[at]), np.rint(last / scales[at])
        if max(abs(firsts[at] - first / scales[at]), abs(lasts[at] - last / scales[at])) > _NEAR * _MOST_LEVELS:
            raise Refused(f"{ask.name} has levels that are no multiples of its step, 0 among them; use a zero point")
    if len(set((lasts - firsts).tolist())) > 1:
        raise Refused(f"{ask.name} has more levels in one channel than in another; give all as many")
    quantiser = Quantiser(scales, (firsts[0] - firsts).astype(np.int64), int(firsts[0]), int(lasts[0]), axis)
    ties = np.array([0.5, 1.5, -0.5])
    levels = [np.rint(ask(ties * scale)[:, at] / scale).tolist() for at, scale in enumerate(scales)]
    up = all(found == [1.0, 2.0, 0.0] for found in levels) and firsts[0] <= -1.0 and lasts[0] >= 2.0
    quantiser = replace(quantiser, up=up)
    ask.check(quantiser)
    shared = len(set(scales.tolist())) == 1 and not quantiser.zero_point.any()
    return replace(quantiser, scale=scales[:1], zero_point=quantiser.zero_point[:1], axis=None) if shared else quantiser


class _Asked:
    """A module as a function of numbers: the same number at every element, to one answer a channel."""

    def __init__(self, module: nn.Module, shape: tuple[int, ...], axis: int | None) -> None:
        self.module, self.name = in_double(copy.deepcopy(module)).eval(), type(module).__name__
        self.shape, self.axis = shape, axis

    def __call__(self, numbers: Real) -> Real:
        """(n,) numbers, (n, channels) answers."""
        x = np.broadcast_to(numbers.reshape(-1, *[1] * (len(self.shape) - 1)), (len(numbers), *self.shape[1:]))
        return self.channels(self.answers(x))

    def answers(self, x: Real) -> Real:
        """What the module makes of an array."""
        try:
            with torch.no_grad():
                found = self.module(torch.from_numpy(np.array(x)))
        except Exception as error:  # it is the user's module that runs
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Refused(f"{self.name} fails on values of shape {self.shape} ({reason})") from error
        first = found[0] if isinstance(found, (tuple, list)) else getattr(found, "value", found)
        if not isinstance(first, torch.Tensor) or tuple(first.shape) != x.shape:
            raise Refused(f"{self.name} does not give one tensor of the shape it takes")
        return np.asarray(first.detach().double().numpy())

    def channels(self, found: Real) -> Real:
        """One answer a channel; they must not differ between other axes."""
        moved = found[:, None] if self.axis is None else np.moveaxis(found, self.axis, 1)
        rows = moved.reshape(len(found), 1 if self.axis is None else moved.shape[1], -1)
        if (rows != rows[:, :, :1]).any():
            raise Refused(f"{self.name} rounds elements by other scales than one a channel or one a tensor")
        return np.asarray(rows[:, :, 0])

    def step(self, low: float, high: float, at: int) -> float:
        """The distance of levels of one channel: the span divided by a whole number of them."""
        levels = np.unique(self(np.linspace(low, high, _STEPS))[:, at])
        gap = np.diff(levels).min(initial=high - low)
        for _ in range(8):  # where the levels are finer than what was looked at, closer
            middle = (low + high) / 2.0
            seen = np.unique(self(np.linspace(middle - 16.0 * gap, middle + 16.0 * gap, _STEPS).clip(low, high))[:, at])
            finer = np.diff(seen).min(initial=gap)
            if finer >= gap * (1.0 - _NEAR):
                break
            gap = finer
        count = round((high - low) / gap)
        if not 1 <= count < _MOST_LEVELS:
            raise Refused(f"{self.name} has {count + 1} levels; give 2 to 2^16")
        scale = (high - low) / count
        power = 2.0 ** round(np.log2(scale))
        return float(power if abs(scale / power - 1.0) < 1e-9 else scale)

    def check(self, quantiser: Quantiser) -> None:
        """Random values through the module and through the grid that was found; values beside each other do not mix."""
        rng = np.random.default_rng(0)
        scale, low, high = float(quantiser.scale.max()), quantiser.low - 4, quantiser.high + 4
        x = rng.uniform(low * scale, high * scale, (64, *self.shape[1:]))
        x[0].flat[0] = _FAR  # a scale that follows the data is not the same beside it
        found, wanted = self.answers(x), quantiser.exact(torch.from_numpy(x)).numpy()
        wrong = np.abs(found - wanted) > _NEAR * scale
        if wrong.mean() > 1e-3:
            raise Refused(
                f"{self.name} rounds {100 * wrong.mean():.2g} % of random values otherwise than a grid of step "
                f"{scale:g}; its scale must be fixed, the same for all sequences, and its levels evenly spaced"
            )
