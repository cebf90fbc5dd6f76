"""RangeSetting: how far each value between ops may reach, chosen so that quiet sequences keep their resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.ir.activation import apply_activation
from qssmc.ir.graph import RANGE_ROWS, Graph
from qssmc.ir.ops import Activation, Cast, Op, State
from qssmc.ir.table import Table
from qssmc.passes.quantise.grids import IntegerWindow, power_of_two_window, round_in_window

Real = NDArray[np.float64]
_EVERY = 29  # prime, so that the steps looked at fall on all parts of an image's rows
_FINER = 6  # octaves below the scale at which the whole range fits
_FAINT = 1e-6  # of the loudest sequence's energy: what is fainter counts as much as that
_PERCENTILES = [RANGE_ROWS.index(name) for name in ("low_999", "low_99999")]


@dataclass(frozen=True)
class RangeSetting:
    """Replaces the percentiles of values between ops by the window whose rounding and clipping cost least.

    The cost is the squared error of what the value's reader makes of it (a sigmoid sees nothing of what lies far out),
    of each sequence relative to that sequence's own variance: a loud recording that is clipped now and then loses less
    than a quiet one that is rounded away. bits: of a value that has no note of its own; calibration: real
    sequences.

    >>> from qssmc.ir import parse
    >>> from qssmc_sim import run
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %r : f64[1] = activation %u kind=sigmoid
    ... output y : step = %r
    ... range %u : real[7,1]
    ...   -64.0 64.0 -64.0 64.0 -64.0 64.0 9.0
    ... range %r : real[7,1]
    ...   0.0 1.0 0.0 1.0 0.0 1.0 0.5''')
    >>> samples = np.linspace(-64.0, 64.0, 29 * 40).reshape(1, -1, 1)
    >>> RangeSetting(4, Calibration(samples, run))(before).ranges["u"].data[2:4, 0].tolist()
    [-8.0, 7.0]
    """

    bits: int
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        chosen = [op for op in graph.ops if _is_between_ops(graph, op)]
        found = self.calibration.collect(graph, [op.name for op in chosen], _EVERY)
        ranges = dict(graph.ranges)
        for op in chosen:
            note = graph.bits.get(op.name)
            bits = self.bits if note is None else int(note.data)
            window = _best(graph, op, found[op.name], ranges[op.name].data, bits)
            data = ranges[op.name].data.copy()
            for first in _PERCENTILES:
                data[first], data[first + 1] = window.low * window.scale, window.high * window.scale
            ranges[op.name] = Table.real(data)
        return replace(graph, ranges=ranges)


def _is_between_ops(graph: Graph, op: Op) -> bool:
    observed = op.name in graph.ranges and not isinstance(op, State) and op.name not in graph.updates.values()
    free = any(not isinstance(user, Cast) for user in graph.users[op.name]) and not isinstance(op, Cast)
    return observed and not op.type.complex and free


def _best(graph: Graph, op: Op, values: Real, ranges: Real, bits: int) -> IntegerWindow:
    """The window of least cost, one a channel, or one for all where a table or a norm needs that."""
    readers = graph.users[op.name]
    shared = op.granularity == "table" or any(user.granularity != "channel" for user in readers)
    only = readers[0] if len(readers) == 1 else None
    seen = partial(apply_activation, only.kind) if isinstance(only, Activation) else np.asarray
    truth = seen(values)
    energy = truth.var(axis=1).sum(axis=-1)
    weight = 1.0 / np.maximum(energy, _FAINT * energy.max(initial=0.0) or 1.0)  # 1: of a value that never moves
    low, high = ranges[_PERCENTILES[1]], ranges[_PERCENTILES[1] + 1]
    if shared:
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    best, least = None, np.full(low.shape, np.inf)
    for window in _windows(low, high, bits):
        error = (seen(round_in_window(values, window)) - truth) ** 2
        cost = np.einsum("bth,b->h", error, weight)
        cost = np.full_like(cost, cost.sum()) if shared else cost
        better = cost < least
        parts = window if best is None else best
        best = IntegerWindow(
            *(np.where(better, new, old) for new, old in zip(_parts(window), _parts(parts), strict=True))
        )
        least = np.minimum(cost, least)
    assert best is not None
    return best


def _windows(low: Real, high: Real, bits: int) -> list[IntegerWindow]:
    """The window that holds the range, then ever finer ones: what does not fit is cut below, above or on both sides."""
    found, levels = [power_of_two_window(low, high, bits)], 2**bits - 1
    for octave in range(1, _FINER + 1):
        scale = found[0].scale * 2.0**-octave
        cut_above = np.minimum(np.floor(low / scale + 0.5), 0.0)
        cut_below = np.minimum(np.floor(high / scale + 0.5) - levels, 0.0)
        both = np.clip(np.full_like(scale, -(2.0 ** (bits - 1))), cut_above, np.maximum(cut_above, cut_below))
        for first in (both, cut_above, cut_below):
            start = first.astype(np.int64)
            found.append(IntegerWindow(scale, start, start + levels))
    return found


def _parts(window: IntegerWindow) -> tuple[Real, NDArray[np.int64], NDArray[np.int64]]:
    return np.asarray(window.scale), np.asarray(window.low), np.asarray(window.high)
