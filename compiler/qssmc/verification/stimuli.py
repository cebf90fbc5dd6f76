"""Stimuli: sequences that drive a design to its edges, made of its graph and a seed, never of recordings.

Known shapes come first: extremes, impulses, steps, square waves at the resonances of the poles, random walks and noise
over the whole input type. Then every clamp edge that is left is driven by the extremal input of the linear system
(`Slopes`), again and again from where the last try led; sequences that add nothing are dropped. The search is bounded
by counts alone, so that the same graph and seed give the same sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Lut
from qssmc.verification.coverage import Flags, Place, Points, Recorder, Values, greedy_cover
from qssmc.verification.slopes import Slopes
from qssmc_sim.machine import run

Samples = NDArray[np.int64]
_OVERHEAD = 3000  # values that take as long as calling one op does
Told = Callable[[str, int, int], None]  # (what, done, of)


@dataclass(frozen=True)
class Effort:
    """How much is tried: steps of a sequence, targets side by side, tries from target to target, random mutations in a
    round and rounds, and resonances of poles."""

    steps: int = 784
    together: int = 64
    tries: int = 3
    mutants: int = 48
    rounds: int = 4
    resonances: int = 12
    climbs: int = 0  # rounds in which parts of the extremal inputs are tried, and the best of them kept
    work: int = 2_000_000_000  # values of ops in all runs of the search, which ends with the first run beyond it


THOROUGH = Effort(tries=4, climbs=12, rounds=16, work=60_000_000_000)  # minutes
_PARTS = (0.02, 0.1, 0.3, 1.0)  # of the extremal input that a climb tries


# --- known shapes ----------------------------------------------------------------------------------------------------


def known_shapes(graph: Graph, seed: int, effort: Effort) -> Samples:
    """(count, steps, channels): every shape on all channels at once, and on each with a pattern of its own."""
    (entrance,) = graph.inputs
    low, high = entrance.type.bounds
    channels, random = entrance.type.shape[0], np.random.default_rng(seed)
    angles = [np.abs(np.angle(poles)) for poles in Slopes(graph).poles().values()]
    lines = np.stack([*_plain(low, high, effort.steps), *_resonances(angles, low, high, effort)])
    same = np.repeat(lines[..., None], channels, axis=2)
    noise = np.stack([*_noise(low, high, effort.steps, channels, random)])
    if channels == 1:
        return np.concatenate([same, noise])
    turned = np.where(random.random((len(same), 1, channels)) < 0.5, same, low + high - same)
    return np.concatenate([same, turned, noise])


def _plain(low: int, high: int, steps: int) -> Iterator[Samples]:
    """Extremes, impulses, steps, ramps."""
    middle = (low + high + 1) // 2
    for rest in dict.fromkeys((low, high, middle, min(max(0, low), high))):
        yield np.full(steps, rest, np.int64)
        for other in (low, high):
            if other != rest:
                for start, stop in ((0, 1), (0, 8), (steps // 2, steps // 2 + 1), (steps // 2, steps)):
                    line = np.full(steps, rest, np.int64)
                    line[start:stop] = other
                    yield line
    ramp = np.linspace(low, high, steps).round().astype(np.int64)
    yield ramp
    yield ramp[::-1]


def _resonances(angles: list[NDArray[np.float64]], low: int, high: int, effort: Effort) -> Iterator[Samples]:
    """Square waves of the poles' periods, spread over all that there are."""
    found = np.unique(np.concatenate([*angles, np.array([np.pi])]))
    chosen = found[np.unique(np.linspace(0, len(found) - 1, effort.resonances).astype(int))]
    at = np.arange(effort.steps)
    for angle in chosen:
        yield np.where(np.cos(angle * at) >= 0.0, high, low).astype(np.int64)
        yield np.where(np.sin(angle * at) >= 0.0, low, high).astype(np.int64)


def _noise(low: int, high: int, steps: int, channels: int, random: np.random.Generator) -> Iterator[Samples]:
    """Uniform and two-valued noise, held for a while or not, random walks, and rare impulses."""
    shape = (steps, channels)
    for _ in range(4):
        yield random.integers(low, high + 1, shape)
        yield np.where(random.random(shape) < 0.5, low, high)
    for hold in (3, 10, 30, 100):
        yield np.repeat(random.integers(low, high + 1, shape), hold, axis=0)[:steps]
        yield np.repeat(np.where(random.random(shape) < 0.5, low, high), hold, axis=0)[:steps]
    for part in (256, 32, 8):
        size = max(1, (high - low) // part)
        walk = low + (high - low) // 2 + np.cumsum(random.integers(-size, size + 1, shape), axis=0)
        yield np.clip(walk, low, high)
    for rest, other in ((low, high), (high, low)):
        yield np.where(random.random(shape) < 0.02, other, rest)


# --- search ----------------------------------------------------------------------------------------------------------


class Search:
    """Sequences so far, what they reach, and what is still to be reached.

    unreachable: (points,) those that are not worth a try.
    """

    def __init__(self, points: Points, unreachable: Flags, seed: int, effort: Effort, told: Told) -> None:
        self.graph, self.points, self.seed, self.effort, self.told = points.graph, points, seed, effort, told
        self.slopes = Slopes(self.graph)
        self.clamped = Slopes(self.graph, clamped=True)
        self.random = np.random.default_rng(seed + 1)
        self.wanted = ~unreachable
        self._samples: list[Samples] = []
        self._seen: list[Flags] = []
        self._outputs: list[Mapping[str, Samples]] = []
        self._last: dict[int, Samples] = {}  # of points that were driven
        (entrance,) = self.graph.inputs
        self.low, self.high = entrance.type.bounds
        self._sizes = sum(int(np.prod(op.type.array_shape)) for op in self.graph.step_ops)
        self.left = effort.work

    def run(self) -> None:
        """Everything, one after another."""
        self.shapes()
        self.drive()
        self.climb()
        self.mutate()

    @property
    def samples(self) -> Samples:
        """(count, steps, channels): what adds to what is reached, those first that together reach all of it."""
        return np.concatenate(self._samples)[self._arranged()]

    @property
    def outputs(self) -> dict[str, Samples]:
        """What golden gives for `samples`, by output."""
        arranged = self._arranged()
        return {name: np.concatenate([found[name] for found in self._outputs])[arranged] for name in self._outputs[0]}

    @property
    def cover(self) -> int:
        """How many of the first of them reach what all of them reach."""
        return len(self._order())

    @property
    def seen(self) -> Flags:
        """(points,) What they reach."""
        return np.asarray(np.concatenate(self._seen).any(axis=0))

    def _arranged(self) -> list[int]:
        order = self._order()
        chosen = set(order)
        return [*order, *(index for index in range(sum(map(len, self._samples))) if index not in chosen)]

    def _order(self) -> list[int]:
        return greedy_cover(np.concatenate(self._seen))

    def _spend(self, count: int, steps: int) -> None:
        self.left -= steps * (count * self._sizes + _OVERHEAD * len(self.graph.step_ops))

    def shapes(self) -> None:
        """The known shapes."""
        self.look(known_shapes(self.graph, self.seed, self.effort))

    def look(self, samples: Samples, also: _Heights | None = None) -> Flags:
        """Run sequences, keep those that add to what is reached; (count, points) of what each reaches.

        also: what looks at at most as many as run side by side.
        """
        parts, outputs = [], []
        for start in range(0, len(samples), self.effort.together):
            part = samples[start : start + self.effort.together]
            recorder = Recorder(self.points, len(part))
            outputs.append(run(self.graph, part, recorder if also is None else _both(recorder, also)).outputs)
            self._spend(*part.shape[:2])
            parts.append(recorder.seen)
        seen = np.concatenate(parts)
        fresh = seen & self.wanted
        kept = greedy_cover(fresh) or ([] if self._samples else [0])
        if kept:
            self._samples.append(samples[kept])
            self._seen.append(seen[kept])
            found = {name: np.concatenate([given[name] for given in outputs])[kept] for name in outputs[0]}
            self._outputs.append(found)
            self.wanted &= ~seen.any(axis=0)
        return seen

    def drive(self) -> None:
        """Every point that is left, by extremal inputs: of the system near a random run, then near the last try."""
        base = self.random.integers(self.low, self.high + 1, (1, self.effort.steps, self.graph.inputs[0].type.shape[0]))
        for turn in range(self.effort.tries):
            order = self.random.permutation(np.flatnonzero(self.wanted))
            done = 0
            while self.left > 0 and done < len(order):
                ahead = [int(point) for point in order[done:] if self.wanted[point]]
                chosen = ahead[: self.effort.together]
                if not chosen:
                    break
                done = int(np.flatnonzero(order == chosen[-1])[0]) + 1
                found = self.extremal(chosen, np.stack([self._last[p] for p in chosen]) if turn else base, turn > 0)
                self.look(found)
                self._last.update(zip(chosen, found, strict=True))
                self.told("edges driven at", done, len(order))
            if any(int(point) not in self._last for point in np.flatnonzero(self.wanted)):
                return  # the work is used up

    def extremal(self, chosen: list[int], bases: Samples, clamped: bool) -> Samples:
        """The inputs that drive points furthest, as the graph is linear near the runs of bases, clamped or not."""
        return self._extremal(chosen, bases, clamped)[0]

    def _extremal(self, chosen: list[int], bases: Samples, clamped: bool) -> tuple[Samples, NDArray[np.float32]]:
        """And the slopes, upwards."""
        targets, signs = [], []
        for point in chosen:
            place, index = self.points.place_of(point)
            if isinstance(place.op, Lut) and place.op.entries.data.ndim == 1:
                index += place.op.entries.shape[-1] * int(self.random.integers(place.op.type.shape[0]))
            target, element, sign = _target(place, index)
            targets.append((target, element))
            signs.append(sign)
        slopes_of = self.clamped if clamped else self.slopes
        slopes = slopes_of.of(targets, slopes_of.along(bases))
        self._spend(len(bases) + len(chosen), self.effort.steps)
        slopes *= np.array(signs, np.float32)[:, None, None]
        own = np.broadcast_to(bases, slopes.shape)
        return np.where(slopes > 0.0, self.high, np.where(slopes < 0.0, self.low, own)), slopes

    def climb(self) -> None:
        """Every point that is left, from its last extremal input on: of the changes that the slopes ask for the most
        telling part, a larger one, and all; the best is kept, if it is better.
        """
        best: dict[int, float] = {}
        for turn in range(self.effort.climbs):
            order = [int(point) for point in np.flatnonzero(self.wanted) if int(point) in self._last]
            for start in range(0, len(order), self.effort.together // len(_PARTS)):
                chosen = [p for p in order[start : start + self.effort.together // len(_PARTS)] if self.wanted[p]]
                if not chosen or self.left <= 0:
                    continue
                bases = np.stack([self._last[point] for point in chosen])
                ends, slopes = self._extremal(chosen, bases, clamped=turn % 2 == 1)
                tried = np.concatenate([_moved(bases, ends, slopes, part, self.random) for part in _PARTS])
                heights = _Heights(self.points, chosen * len(_PARTS))
                self.look(tried, heights)
                found = heights.most.reshape(len(_PARTS), len(chosen))
                for index, point in enumerate(chosen):
                    part = int(found[:, index].argmax())
                    if found[part, index] > best.get(point, -np.inf):
                        best[point] = float(found[part, index])
                        self._last[point] = tried[part * len(chosen) + index]
                self.told("points climbed to", min(start + len(chosen), len(order)), len(order))

    def mutate(self) -> None:
        """Parts of sequences that reached something, put together, scaled and disturbed."""
        for turn in range(self.effort.rounds):
            if not (self.wanted.any() and self.left > 0):
                return
            pool = np.concatenate(self._samples)
            self.look(np.stack([self.mutant(pool) for _ in range(self.effort.mutants)]))
            self.told("rounds of mutants", turn + 1, self.effort.rounds)

    def mutant(self, pool: Samples) -> Samples:
        """Of two sequences."""
        one, other = (pool[int(self.random.integers(len(pool)))] for _ in range(2))
        cut = int(self.random.integers(1, max(2, self.effort.steps)))
        kind = int(self.random.integers(4))
        if kind == 0:
            return np.concatenate([one[:cut], other[: self.effort.steps - cut]])
        if kind == 1:
            share = self.random.random()
            return np.asarray((share * one + (1.0 - share) * other).round().astype(np.int64))
        if kind == 2:
            size = max(1, int((self.high - self.low) * self.random.random() / 4))
            return np.asarray(np.clip(one + self.random.integers(-size, size + 1, one.shape), self.low, self.high))
        return np.roll(one, cut, axis=0)


def _target(place: Place, index: int) -> tuple[str, int, float]:
    """What a point asks of: an op, the number of it, and whether upwards (1.0) or downwards (-1.0).

    index: of an entry of a table that all elements share, counted on by one table an element.
    """
    if isinstance(place.op, Lut):
        count = place.op.entries.shape[-1]
        return place.op.inputs[0], index // count, 1.0 if index % count >= count // 2 else -1.0
    return place.op.inputs[0], index, -1.0 if place.kind == "low" else 1.0


def _moved(
    bases: Samples, ends: Samples, slopes: NDArray[np.float32], part: float, random: np.random.Generator
) -> Samples:
    """The part of the changes from bases to ends that matters most; of all of them only nine in ten, drawn."""
    gains = np.abs(slopes * (ends - bases)).reshape(len(bases), -1)
    if part < 1.0:
        least = np.quantile(gains, 1.0 - part, axis=1, keepdims=True)
        taken = gains >= np.maximum(least, 1e-30)
    else:
        taken = random.random(gains.shape) < 0.9
    return np.where(taken.reshape(bases.shape), ends, bases)


class _Heights:
    """How far towards its point each of some sequences comes; an observer of golden. most: (sequences,)."""

    def __init__(self, points: Points, chosen: list[int]) -> None:
        self.most = np.full(len(chosen), -np.inf)
        places = [points.place_of(point) for point in chosen]
        self._targets = [_target(place, index) for place, index in places]

    def __call__(self, t: int, values: Values) -> None:
        """See every value of a step, or of the closing."""
        for row, (name, element, sign) in enumerate(self._targets):
            if name in values:
                self.most[row] = max(self.most[row], sign * float(values[name][row].flat[element]))


def _both(one: Callable[[int, Values], None], other: Callable[[int, Values], None]) -> Callable[[int, Values], None]:
    def look(t: int, values: Values) -> None:
        one(t, values)
        other(t, values)

    return look
