"""Reach: what a clamped diagonal state can be within so many steps, as a convex set of the plane of its re and im.

x starts at 0 and becomes clip(pole x + weight u + e), with u in an interval and e bounded. A convex set that holds what
one step can reach is mapped to one that holds what the next step can. A set is kept by its support, the most of
Re(conj(n) x) in each of a number of directions n; between two directions their positive combination bounds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.linear_response import LinearResponse

Real = NDArray[np.float64]
DIRECTIONS = 256  # a multiple of 4
_EVERY = 32  # turns after which it is tried whether a set, a little larger, holds for ever
_LARGER = 0.01  # of a unit
_MARGIN = 1e-12  # more than the rounding of one turn


@dataclass(frozen=True)
class Reach:
    """held: (directions, elements) support of the state; rounded: of what it was before it was clamped."""

    held: Real
    rounded: Real

    def lanes(self, support: Real) -> tuple[Real, Real]:
        """The least and the most of (elements, re and im)."""
        quarter = len(support) // 4
        return (
            np.stack([-support[2 * quarter], -support[3 * quarter]], axis=-1),
            np.stack([support[0], support[quarter]], axis=-1),
        )

    def most(self, factor: NDArray[np.complex128]) -> Real:
        """The most of Re(factor x), for a factor an element."""
        return np.abs(factor) * _between(self.held, -np.angle(factor))


def reach(response: LinearResponse, low: Real, high: Real, steps: int, directions: int = DIRECTIONS) -> Reach:
    """From the state's response, clamps aside, and its clamps, one an element for re and im alike.

    Nothing may be clamped on the way to the state: `response.clamped` must be empty.
    """
    angles, added = _added(response, directions)
    # error bounds |e| of a complex number; that of one rounding is the same box for re and im
    box = response.error / np.sqrt(2.0) * (np.abs(np.cos(angles)) + np.abs(np.sin(angles)))
    added += box if response.rounds_alone else response.error
    held, rounded = np.zeros(added.shape), np.zeros(added.shape)
    active = np.arange(added.shape[1])
    step = _Step(response.pole, added, low, high)
    for turn in range(1, steps + 1):
        fresh, clipped = step(held[:, active])
        held[:, active] = np.maximum(held[:, active], clipped)
        rounded[:, active] = np.maximum(rounded[:, active], fresh)
        if turn % _EVERY == 0:
            larger = held[:, active] + _LARGER
            fresh, clipped = step(larger)
            still = (clipped <= larger).all(axis=0)  # the set maps into itself: no later step leaves it
            held[:, active[still]] = larger[:, still]
            rounded[:, active[still]] = np.maximum(rounded[:, active], fresh)[:, still]
            active = active[~still]
            if not active.size:
                break
            if still.any():
                step = _Step(response.pole[active], added[:, active], low[active], high[active])
    return Reach(held, rounded)


def dithered_reach(
    response: LinearResponse, low: Real, high: Real, phases: Real, directions: int = DIRECTIONS
) -> Reach:
    """As `reach`, where the one rounding of each step is dithered by a known phase; a set of its own for every step.

    phases: (steps,) the phase less a half, in parts of its range. floor(z + p) - z, where z and p are multiples of
    2^-shift and p is the phase rounded down to one, lies above phase - 1 and not above phase: within half a unit of
    what is given.
    """
    angles, added = _added(response, directions)
    unit = response.error / np.sqrt(2.0)  # 1 where something is rounded
    added += 0.5 * unit * (np.abs(np.cos(angles)) + np.abs(np.sin(angles)))
    moved = unit * (np.cos(angles) + np.sin(angles))
    step = _Step(response.pole, added, low, high)
    now, held, rounded = (np.zeros(added.shape) for _ in range(3))
    for phase in phases.tolist():
        fresh, now = step(now, phase * moved)
        np.maximum(held, now, out=held)
        np.maximum(rounded, fresh, out=rounded)
    return Reach(held, rounded)


def _added(response: LinearResponse, directions: int) -> tuple[Real, Real]:
    """(directions, 1) angles, and (directions, elements) the support of what the input adds in a step."""
    angles = 2.0 * np.pi * np.arange(directions)[:, None] / directions
    normals = np.exp(1j * angles)
    ends = [(np.conj(normals) * response.weight).real * end for end in (response.low, response.high)]
    return angles, np.maximum(*ends)


class _Step:
    """One step of sets: turned by the pole, what is added, then clamped."""

    def __init__(self, pole: NDArray[np.complex128], added: Real, low: Real, high: Real) -> None:
        self.added, count = added, len(added)
        self.limits = (high, high, -low, -low)
        # the support of pole x in direction n is that of x in direction conj(pole) n
        width = 2.0 * np.pi / count
        place = np.mod(-np.angle(pole), 2.0 * np.pi) / width
        whole = np.floor(place).astype(int)
        part = (place - whole) * width
        self.at = (np.arange(count)[:, None] + whole) % count
        self.columns = np.arange(added.shape[1])
        self.before = np.abs(pole) * np.sin(width - part) / np.sin(width)
        self.after = np.abs(pole) * np.sin(part) / np.sin(width)

    def __call__(self, sets: Real, moved: Real | float = 0.0) -> tuple[Real, Real]:
        """Before the clamps and behind them."""
        near = sets[self.at, self.columns]
        far = sets[(self.at + 1) % len(sets), self.columns]
        fresh = self.before * near + self.after * far + self.added + moved
        fresh += _MARGIN * (1.0 + np.abs(fresh))
        clipped = fresh
        for axis, limit in enumerate(self.limits):
            clipped = _clipped(clipped, axis * len(sets) // 4, limit)
        return fresh, clipped


def _between(support: Real, angle: Real) -> Real:
    """(elements,) The support in one direction an element, at an angle, from the two directions beside it."""
    count = len(support)
    width = 2.0 * np.pi / count
    place = np.mod(angle, 2.0 * np.pi) / width
    at = np.floor(place).astype(int) % count
    part = (place - np.floor(place)) * width
    columns = np.arange(support.shape[1])
    before, after = support[at, columns], support[(at + 1) % count, columns]
    return np.asarray((np.sin(width - part) * before + np.sin(part) * after) / np.sin(width))


def _clipped(support: Real, axis: int, limit: Real) -> Real:
    """The support of the hull of a set whose points beyond a limit along an axis, a direction, fall back on the limit.

    With n = c a + s t, a the axis and t across it: for c >= 0 the most of c min(a x, limit) + s t x is the least over
    0 <= c' <= c of support(c' a + s t) + (c - c') limit; for c < 0 it is the support itself, or, of the points that
    fell back, c limit + the least over c' >= 0 of support(c' a + s t) - c' limit.
    """
    columns = np.flatnonzero(support[axis] > limit)
    if not columns.size:
        return support
    found = support.copy()
    found[:, columns] = _hull(support[:, columns], axis, limit[columns])
    return found


def _hull(support: Real, axis: int, limit: Real) -> Real:
    """The same where every element has points beyond the limit."""
    count = len(support)
    quarter = count // 4
    found = support.copy()
    found[axis] = np.minimum(support[axis], limit)
    angles = 2.0 * np.pi * np.arange(1, quarter + 1) / count
    sine, cotangent = np.sin(angles)[:, None], (np.cos(angles) / np.sin(angles))[:, None]
    cotangent[-1] = 0.0
    for way in (1, -1):
        ahead = (axis + way * np.arange(1, quarter + 1)) % count
        behind = (axis + way * np.arange(quarter + 1, 2 * quarter)) % count
        least = np.minimum.accumulate((support[ahead] / sine - cotangent * limit)[::-1], axis=0)[::-1]
        found[ahead] = np.minimum(support[ahead], sine * (cotangent * limit + least))
        far = 2.0 * np.pi * np.arange(quarter + 1, 2 * quarter) / count
        back = np.cos(far)[:, None] * limit + np.sin(far)[:, None] * least[0]
        found[behind] = np.maximum(support[behind], back)
    opposite = (axis + 2 * quarter) % count
    found[opposite] = np.maximum(support[opposite], -limit)
    return found
