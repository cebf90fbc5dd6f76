"""Design error: how far the answers of a design are from those of the float model, by output, sequence and decision.

Errors are given in parts of the deviation of the float model's output, so that units do not matter. Of a class only
the differences between its elements are compared, because what all elements share decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.answer_cost import deviation_of
from qssmc.ir.answers import decisions
from qssmc.ir.graph import Output

Real = NDArray[np.float64]
_SURE = 1.959963984540054  # of the normal distribution, for 95 %
_QUIET = 1e-3  # a sequence's own deviation counts as at least so much of that of all


def relative_rms(outputs: Sequence[Output], found: Mapping[str, Real], wanted: Mapping[str, Real]) -> float:
    """The largest RMS error of an output, over all its elements, in parts of their deviation."""
    return max(_rms(_compared(o, found[o.name], wanted[o.name])[0]) for o in outputs)


def moved(
    outputs: Sequence[Output], found: Mapping[str, Real], before: Mapping[str, Real], of: Mapping[str, Real]
) -> float:
    """How far the outputs went between two stages, RMS in parts of the deviation of the float model's outputs, `of`."""
    return max(_rms(_compared(o, found[o.name] - before[o.name] + of[o.name], of[o.name])[0]) for o in outputs)


def shares_of(outputs: Sequence[Output], answers: Sequence[Mapping[str, Real]]) -> list[float]:
    """What each step from the float model's answers, the first, to the design's, the last, has of the error in the end.

    The shares of the squared error <step, error> / <error, error> add up to 1. A refit leaves an error that is at
    right angles to all that it can change, so that a step which it makes up for has no share, and it has none itself.
    Of the output with the largest error; all 0 where there is no error.

    >>> y = Output("y", "y", "last")
    >>> stages = [[[0.0], [2.0]], [[0.0], [4.0]], [[1.0], [4.0]], [[1.0], [2.0]]]
    >>> shares_of([y], [{"y": np.array(stage)} for stage in stages])  # the last step takes back what the first one did
    [0.0, 1.0, 0.0]
    """
    first, last = answers[0], answers[-1]
    errors = {o.name: _compared(o, last[o.name], first[o.name])[0] for o in outputs}
    worst = max(outputs, key=lambda o: _rms(errors[o.name]))
    error = errors[worst.name]
    left = [_compared(worst, one[worst.name], first[worst.name])[0] for one in answers]
    whole = float((error**2).sum())
    return [float(((now - before) * error).sum()) / whole if whole else 0.0 for before, now in pairwise(left)]


def output_error(output: Output, found: Real, wanted: Real) -> dict[str, Any]:
    """The error of one output. found: what the design answers, and wanted: the float model, both as real numbers of
    shape (count, n), or (count, length, n) of every step.
    """
    error, deviation = _compared(output, found, wanted)
    sequences = np.array([_rms(one) for one in error])
    if error.ndim == 3:
        sequences = _by_own(output, found, wanted, deviation)
    size = np.abs(error)
    elements = np.sqrt((error**2).mean(axis=tuple(range(error.ndim - 1))))
    report: dict[str, Any] = {
        "kind": output.kind,
        "relative_rms": _short(_rms(error)),
        "percentile_99": _short(float(np.percentile(size, 99.0))),
        "worst": _short(float(size.max())),
        "elements": [
            {"relative_rms": _short(float(rms)), "deviation": _short(float(one))}
            for rms, one in zip(elements, deviation, strict=True)
        ],
        "by_sequence": {
            "median": _short(float(np.median(sequences))),
            "percentile_99": _short(float(np.percentile(sequences, 99.0))),
            "worst": _short(float(sequences.max())),
            "worst_sequence": int(sequences.argmax()),
        },
    }
    if output.names:
        report["names"] = list(output.names)
    if output.units:
        report["units"] = list(output.units)
    ours, theirs = decisions(output.kind, found), decisions(output.kind, wanted)
    if ours is not None and theirs is not None:
        changed, count = int((ours != theirs).sum()), int(ours.size)
        low, high = wilson(changed, count)
        report["decisions"] = {
            "changed": changed,
            "of": count,
            "percent": _short(100.0 * changed / count),
            "percent_interval": [_short(100.0 * low), _short(100.0 * high)],
        }
    return report


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of which `hits` of `count` were seen (Wilson 1927).

    >>> wilson(0, 112)[0], round(wilson(0, 112)[1], 4), wilson(112, 112)[1]
    (0.0, 0.0332, 1.0)
    """
    share, z = hits / count, _SURE
    middle = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1.0 - share) / count + z * z / (4 * count * count))
    whole = 1.0 + z * z / count
    low = max(0.0, (middle - reach) / whole) if hits else 0.0  # exactly: what is left is rounding alone
    return low, min(1.0, (middle + reach) / whole) if hits < count else 1.0


def _compared(output: Output, found: Real, wanted: Real) -> tuple[Real, Real]:
    """The error in parts of the deviation of each element, and that deviation."""
    if output.kind == "class":
        found = found - found.mean(axis=-1, keepdims=True)
        wanted = wanted - wanted.mean(axis=-1, keepdims=True)
    deviation = deviation_of(wanted.reshape(-1, wanted.shape[-1]))
    return (found - wanted) / deviation, deviation


def _by_own(output: Output, found: Real, wanted: Real, deviation: Real) -> Real:
    """The RMS error of every sequence in parts of what the outputs move within it."""
    if output.kind == "class":
        found, wanted = (values - values.mean(axis=-1, keepdims=True) for values in (found, wanted))
    own = np.maximum(wanted.std(axis=1), _QUIET * deviation)
    return np.asarray(np.sqrt((((found - wanted) / own[:, None]) ** 2).mean(axis=(1, 2))))


def _rms(values: Real) -> float:
    return float(np.sqrt((values**2).mean()))


def _short(value: float) -> float:
    return float(f"{value:.4g}")
